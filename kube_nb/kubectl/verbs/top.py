"""``kubectl top node|pod``: what the metrics API says. Models kubectl pkg/cmd/top."""

from kube_nb.api.resources import NODES, PODS
from kube_nb.kubectl import resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.printers import tables
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import quantity
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_NODE_METRICS = GVR("metrics.k8s.io", "v1beta1", "nodes")
_POD_METRICS = GVR("metrics.k8s.io", "v1beta1", "pods")


async def _metrics(inv: Invocation, gvr: GVR, namespace: str | None, name: str) -> list[Obj]:
    """The usages; kubectl's own error where nobody serves them."""
    try:
        await inv.session.client.raw("GET", f"/apis/{gvr.api_version}")
    except ApiError as error:
        if error.code in (404, 503):
            raise KubectlError("error: Metrics API not available") from None
        raise
    if name:
        return [await inv.session.client.get(gvr, name, namespace)]
    listed = await inv.session.client.list(
        gvr,
        namespace,
        label_selector=inv["selector"],
        field_selector=inv.flags.values.get("field-selector") or "",
    )
    return list(listed.get("items") or [])


def _usage(found: Obj) -> tuple[int, int]:
    """cpu in milli, memory in bytes."""
    return quantity.milli(found.get("cpu", "0")), quantity.value(found.get("memory", "0"))


def _sorted(inv: Invocation, rows: list[tuple[list[str], int, int]]) -> list[tuple[list[str], int, int]]:
    if inv["sort-by"] not in ("", "cpu", "memory"):
        raise KubectlError("error: --sort-by accepts only cpu or memory")
    if inv["sort-by"]:
        by_cpu = inv["sort-by"] == "cpu"
        return sorted(rows, key=lambda row: -row[1] if by_cpu else -row[2])
    return sorted(rows, key=lambda row: row[0])


def _shown(cpu: int, memory: int) -> list[str]:
    return [f"{cpu}m", f"{memory // 2**20}Mi"]


def _print(inv: Invocation, titles: list[str], rows: list[list[str]]) -> None:
    lines = ([] if inv["no-headers"] else [titles]) + rows
    inv.write(tables.align("".join("\t".join(cells) + "\n" for cells in lines)))


async def _nodes(inv: Invocation) -> None:
    found = await _metrics(inv, _NODE_METRICS, None, inv.args[0] if inv.args else "")
    nodes = {each["metadata"]["name"]: each for each in (await inv.session.client.list(NODES)).get("items") or []}
    rows = [([each["metadata"]["name"]], *_usage(each["usage"])) for each in found]
    lines = []
    for names, cpu, memory in _sorted(inv, rows):
        status = (nodes.get(names[0]) or {}).get("status") or {}
        have_cpu, have_memory = _usage(status.get("allocatable") or {})
        shown_cpu, shown_memory = _shown(cpu, memory)
        cells = [shown_cpu, _percent(cpu, have_cpu), shown_memory, _percent(memory, have_memory)]
        lines.append([*names, *cells])
    _print(inv, ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"], lines)


def _percent(part: int, whole: int) -> str:
    return f"{part * 100 // whole}%" if whole else "<unknown>"


async def _pods(inv: Invocation) -> None:
    namespace = None if inv["all-namespaces"] else inv.namespace
    found = await _metrics(inv, _POD_METRICS, namespace, inv.args[0] if inv.args else "")
    if not found and not await _has_pods(inv, namespace):
        where = "" if inv["all-namespaces"] else f" in {inv.namespace} namespace"
        inv.err(f"No resources found{where}.")
        return
    lead = ["NAMESPACE"] if inv["all-namespaces"] else []
    rows = [row for each in found for row in _pod_rows(inv, each)]
    titles = [*lead, *(["POD", "NAME"] if inv["containers"] else ["NAME"]), "CPU(cores)", "MEMORY(bytes)"]
    _print(inv, titles, [[*names, *_shown(cpu, memory)] for names, cpu, memory in _sorted(inv, rows)])


def _pod_rows(inv: Invocation, found: Obj) -> list[tuple[list[str], int, int]]:
    metadata = found["metadata"]
    names = ([metadata["namespace"]] if inv["all-namespaces"] else []) + [metadata["name"]]
    usages = [(each["name"], *_usage(each["usage"])) for each in found.get("containers") or []]
    if inv["containers"]:
        return [([*names, name], cpu, memory) for name, cpu, memory in usages]
    return [(names, sum(cpu for _, cpu, _ in usages), sum(memory for _, _, memory in usages))]


async def _has_pods(inv: Invocation, namespace: str | None) -> bool:
    return bool((await inv.session.client.list(PODS, namespace, limit=1)).get("items"))


_COMMON = (
    *resources.SELECTOR_FLAGS[:1],
    Flag("no-headers", "bool", help="If present, print output without headers."),
    Flag("sort-by", help="If non-empty, sort the list using specified field: 'cpu' or 'memory'."),
    Flag("use-protocol-buffers", "bool", default=True, help="Enables using protocol-buffers to access Metrics API."),
)
COMMAND = Command(
    name="top",
    about="Display resource (CPU/memory) usage. This command requires Metrics Server to be correctly configured and "
    "working on the server.",
    usage="kubectl top [flags] [options]",
    subcommands=(
        Command(
            name="node",
            aliases=("nodes", "no"),
            about="Display resource (CPU/memory) usage of nodes.",
            usage="kubectl top node [NAME | -l label] [options]",
            run=_nodes,
            flags=(*_COMMON, Flag("show-capacity", "bool", help="Print node resources based on Capacity.")),
        ),
        Command(
            name="pod",
            aliases=("pods", "po"),
            about="Display resource (CPU/memory) usage of pods.",
            usage="kubectl top pod [NAME | -l label] [options]",
            run=_pods,
            flags=(
                *_COMMON,
                resources.ALL_NAMESPACES,
                Flag("containers", "bool", help="If present, print usage of containers within a pod."),
                Flag("field-selector", help="Selector (field query) to filter on."),
                Flag("sum", "bool", help="Print the sum of the resource usage."),
            ),
        ),
    ),
)
