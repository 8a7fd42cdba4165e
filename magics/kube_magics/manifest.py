"""``%%manifest``: the cell's YAML applied server-side, object by object, then the graph of what it set in motion."""

import asyncio
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from kube_magics import current
from kube_nb.cluster import Cluster
from kube_nb.kubectl import KubectlError, Result, predecessors
from kube_nb.kubectl import manifest as manifests
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet, Parsed
from kube_nb.machinery.types import Obj

_FLAGS = FlagSet(
    (
        Flag("namespace", short="n", default="default", help="where objects without a namespace go"),
        Flag("dry-run", "bool", help="ask the server what would happen; nothing is stored"),
        Flag("diff", "bool", help="show what would change; nothing is stored"),
        Flag("fill", "bool", help="replace {{name}} by notebook variables"),
        Flag("no-graph", "bool", help="show the changes only"),
    )
)
FLAG_NAMES = tuple(f"--{name}" for name in _FLAGS.flags)
#: Wall seconds from the change to its picture: the first pods are there by then.
_FIRST_STEPS_S = 0.4
_NAME = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a manifest cannot be read, in words; "" if it can. giant: it is too large to be read at all."""

    text: str = ""
    giant: bool = False


def run(line: str, cell: str, shell: InteractiveShell | None) -> Any:
    """Apply; what is right is applied even if another document of the cell is refused (KubectlError then)."""
    flags = _parse(line)
    cluster = current.get()
    text = filled(cell, shell.user_ns if shell is not None else {}) if flags["fill"] else cell
    place = fault(text)
    text, warnings = predecessors.upgrade(text)
    if flags["diff"]:
        return _diff(cluster, text, flags["namespace"], place)
    before = {} if place.giant else _before(cluster, text, flags["namespace"])
    argv = ["apply", "--server-side", "--force-conflicts", "-f", "-"]
    argv += ["--dry-run=server"] if flags["dry-run"] else []
    result = cluster.kubectl(argv, stdin=text, namespace=flags["namespace"])
    with_graph = not (flags["no-graph"] or flags["dry-run"])
    shown = _shown(cluster, result, before, warnings, with_graph, flags["namespace"])
    if not result.exit_code:
        return shown
    if result.objects or warnings:
        shown.display()
    raise KubectlError(_refusals(result, place))


def _shown(
    cluster: Cluster, result: Result, before: dict[str, Obj], warnings: list[str], with_graph: bool, namespace: str
) -> Any:
    from kube_nb.views import applied

    if with_graph and result.objects and cluster.pace != "max":
        cluster.run(asyncio.sleep(_FIRST_STEPS_S * cluster.pace))
    return applied.show(cluster, result, before=before, warnings=warnings, with_graph=with_graph, namespace=namespace)


def _before(cluster: Cluster, text: str, namespace: str) -> dict[str, Obj]:
    """The manifest's objects as they are now, those that are."""
    from kube_nb.views import applied

    line = ["get", "-f", "-", "--ignore-not-found", "-o", "json"]
    found = cluster.kubectl(line, stdin=text, namespace=namespace).objects
    return {applied.key(obj): obj for obj in found}


def _diff(cluster: Cluster, text: str, namespace: str, place: Fault) -> Result:
    result = cluster.kubectl(["diff", "--server-side", "--force-conflicts", "-f", "-"], stdin=text, namespace=namespace)
    if result.exit_code > 1 or (result.exit_code and result.stderr):
        raise KubectlError(_refusals(result, place))
    return result if result.text else Result("no differences\n")


def _refusals(result: Result, place: Fault) -> str:
    """What was refused, in kubectl's words, and where in the cell if a line is to blame."""
    lines = [line for line in result.stderr.strip().splitlines() if not line.startswith("Warning:")]
    return "\n".join([*lines, *([place.text] if place.text else [])])


def fault(text: str) -> Fault:
    """The first place that is no YAML or JSON; lines are counted as the cell has them, the magic's own being line 1."""
    try:
        for _ in manifests.documents(text):
            pass
    except manifests.ManifestError as error:
        if not error.line:
            return Fault(giant=True)
        lines = text.splitlines()
        content = lines[error.line - 1].rstrip() if error.line <= len(lines) else ""
        return Fault(f"line {error.line + 1} of the cell: {content}")
    return Fault()


def _parse(line: str) -> Parsed:
    try:
        return _FLAGS.parse(shlex.split(line))
    except FlagError as error:
        known = ", ".join(f"--{name}" for name in _FLAGS.flags)
        raise ValueError(f"%%manifest: {error} (it knows {known})") from None


def filled(text: str, variables: Mapping[str, Any]) -> str:
    """`text` with every ``{{name}}`` replaced by the variable's value; ValueError names those that are not there."""
    missing = sorted({name for name in _NAME.findall(text) if name not in variables})
    if missing:
        raise ValueError(f"no notebook variable for {', '.join('{{' + name + '}}' for name in missing)}")
    return _NAME.sub(lambda found: str(variables[found[1]]), text)
