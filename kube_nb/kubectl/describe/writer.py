"""Lines of cells at a level of indentation, and the pieces that every description prints: labels, times, quantities."""

from collections.abc import Iterable, Mapping, Sequence

from kube_nb.machinery import quantity, tabwriter, times
from kube_nb.machinery.types import Json, Obj

#: Longer annotations are put on lines of their own and cut.
MAX_ANNOTATION = 140
_HIDDEN = ("kubectl.kubernetes.io/last-applied-configuration",)


class Writer:
    """Text in columns; `flush` ends the columns so far."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._lines: list[str] = []

    def line(self, level: int, *cells: Json) -> None:
        """One line of cells, two spaces further in per level."""
        self._lines.append("  " * level + "\t".join(shown(cell) for cell in cells))

    def blank(self) -> None:
        self._lines.append("")

    def raw(self, text: str) -> None:
        """Lines as they are."""
        self._lines += text.split("\n")

    def lines(self) -> list[str]:
        """What was written since the last `flush`, tabs and all."""
        return list(self._lines)

    def flush(self) -> None:
        text = "".join(line + "\n" for line in self._lines)
        self._done.append(tabwriter.align(text, min_width=0, padding=2))
        self._lines = []

    def text(self) -> str:
        """Everything written, columns aligned."""
        self.flush()
        return "".join(self._done).replace("\x1b", "^[").replace("\r", "\\r")

    # -- values under a title -----------------------------------------------------------------------------------------

    def several(self, title: str, values: Sequence[str], indent: str = "") -> None:
        """A title with its values below each other, ``<none>`` without any."""
        for number, value in enumerate(values or ["<none>"]):
            self._lines.append(f"{indent}\t{value}" if number else f"{indent}{title}:\t{value}")

    def labels(self, title: str, labels: Mapping[str, str] | None, indent: str = "") -> None:
        found = labels or {}
        self.several(title, [f"{key}={found[key]}" for key in sorted(found)], indent)

    def annotations(self, title: str, annotations: Mapping[str, str] | None) -> None:
        """Short ones as ``key: value``; long or many-lined ones indented below their key, each line cut."""
        found = {key: value for key, value in (annotations or {}).items() if key not in _HIDDEN}
        values: list[str] = []
        for key in sorted(found):
            value = found[key].removesuffix("\n")
            if len(value.encode()) + len(key) + 2 > MAX_ANNOTATION or "\n" in value:
                values += [f"{key}:", *(f"  {_cut(part, MAX_ANNOTATION - 2)}" for part in value.split("\n"))]
            else:
                values.append(f"{key}: {value}")
        self.several(title, values)


def _cut(text: str, length: int) -> str:
    return text[:length] + "..." if len(text) > length else text


def shown(value: Json) -> str:
    """A value as Go's %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(shown(each) for each in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def rfc1123(timestamp: str | None) -> str:
    """``Thu, 01 Jan 2026 00:00:00 +0000``; Go's zero time for none."""
    if not timestamp:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    return times.parse(timestamp).strftime("%a, %d %b %Y %H:%M:%S +0000")


def title_bool(value: bool | None) -> str:
    """``True``, ``False``, or ``<unset>``."""
    return "<unset>" if value is None else "True" if value else "False"


def amount(value: Json) -> str:
    """A quantity in its canonical form, 0 for none."""
    return str(quantity.parse(value)) if value is not None else "0"


def or_none(text: str) -> str:
    return text or "<none>"


def joined(values: Iterable[str] | None, separator: str = ",") -> str:
    return or_none(separator.join(values or ()))


def controller(obj: Obj) -> str:
    """``ReplicaSet/web-1``, or nothing."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return f"{reference['kind']}/{reference['name']}"
    return ""
