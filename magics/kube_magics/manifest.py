"""``%%manifest``: the cell's YAML applied server-side, object by object, then the graph of what it set in motion."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from kube_magics import current
from kube_nb.kubectl import KubectlError, predecessors
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet, Parsed

_FLAGS = FlagSet(
    (
        Flag("namespace", short="n", default="default", help="where objects without a namespace go"),
        Flag("dry-run", "bool", help="ask the server what would happen; nothing is stored"),
        Flag("diff", "bool", help="show what would change; nothing is stored"),
        Flag("fill", "bool", help="replace {{name}} by notebook variables"),
        Flag("no-graph", "bool", help="show the changes only"),
    )
)
_NAME = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def run(line: str, cell: str, shell: InteractiveShell | None) -> Any:
    """Apply; what is right is applied even if another document of the cell is refused."""
    flags = _parse(line)
    cluster = current.get()
    text = filled(cell, shell.user_ns if shell is not None else {}) if flags["fill"] else cell
    text, warnings = predecessors.upgrade(text)
    if flags["diff"]:
        return cluster.kubectl(["diff", "--server-side", "-f", "-"], stdin=text, namespace=flags["namespace"])
    argv = ["apply", "--server-side", "--force-conflicts", "-f", "-"]
    argv += ["--dry-run=server"] if flags["dry-run"] else []
    result = cluster.kubectl(argv, stdin=text, namespace=flags["namespace"])
    from kube_nb.views import applied

    shown = applied.show(cluster, result, warnings=warnings, with_graph=not (flags["no-graph"] or flags["dry-run"]))
    if result.exit_code:
        shown.display()
        raise KubectlError(result.stderr.strip())
    return shown


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
