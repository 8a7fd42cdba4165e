"""The Pod Template section of workloads; ``rollout history --revision`` prints it alone."""

from collections.abc import Sequence

from kube_nb.api.printers import cells
from kube_nb.kubectl.describe import containers, volumes
from kube_nb.kubectl.describe.writer import Writer
from kube_nb.machinery.types import Obj


def text(template: Obj) -> str:
    """The section alone; kubectl leaves its columns as tabs."""
    out = Writer()
    write(out, template)
    return "".join(f"{line}\n" for line in out.lines())


def write(out: Writer, template: Obj) -> None:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    out.line(0, "Pod Template:")
    out.labels("  Labels", metadata.get("labels"))
    if metadata.get("annotations"):
        out.annotations("  Annotations", metadata["annotations"])
    if spec.get("serviceAccountName"):
        out.line(1, "Service Account:", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers.write(out, "Init Containers", spec["initContainers"], indent="  ")
    containers.write(out, "Containers", spec.get("containers"), indent="  ")
    volumes.of_pod(out, spec.get("volumes"), "  ")
    spread_constraints(out, spec.get("topologySpreadConstraints"), "  ")
    if spec.get("priorityClassName"):
        out.line(1, "Priority Class Name:", spec["priorityClassName"])
    out.labels("  Node-Selectors", spec.get("nodeSelector"))
    out.several("  Tolerations", tolerations(spec.get("tolerations")))


def tolerations(rows: Sequence[Obj] | None) -> list[str]:
    """``key=value:effect op=Exists for 300s`` each, in the order of their keys."""
    return [_toleration(row) for row in sorted(rows or (), key=lambda row: str(row.get("key", "")))]


def _toleration(row: Obj) -> str:
    text = str(row.get("key", ""))
    text += f"={row['value']}" if row.get("value") else ""
    text += f":{row['effect']}" if row.get("effect") else ""
    if row.get("operator") == "Exists" and not row.get("value"):
        text += " op=Exists" if text else "op=Exists"
    return text + (f" for {row['tolerationSeconds']}s" if row.get("tolerationSeconds") is not None else "")


def spread_constraints(out: Writer, rows: Sequence[Obj] | None, indent: str = "") -> None:
    """Topology Spread Constraints, nothing without any."""
    if not rows:
        return
    texts = []
    for row in sorted(rows, key=lambda row: str(row["topologyKey"])):
        selector = row.get("labelSelector")
        text = f"{row['topologyKey']}:{row['whenUnsatisfiable']} when max skew {row['maxSkew']} is exceeded"
        texts.append(text + (f" for selector {cells.label_selector(selector)}" if selector is not None else ""))
    out.several("Topology Spread Constraints", texts, indent)
