"""``-o custom-columns=NAME:.metadata.name,...``. Models kubectl pkg/cmd/get/customcolumn.go."""

from collections.abc import Sequence
from dataclasses import dataclass

from kube_nb.kubectl.printers import jsonpath, tables
from kube_nb.machinery.types import Obj


@dataclass(frozen=True, slots=True)
class Column:
    """A header and the template of its cells."""

    header: str
    template: jsonpath.Template


def parse(spec: str) -> list[Column]:
    """Read ``NAME:.metadata.name,IMAGE:.spec.containers[*].image``."""
    if not spec:
        raise jsonpath.JsonPathError("custom-columns format specified but no custom columns given")
    columns = []
    for part in spec.split(","):
        header, colon, path = part.partition(":")
        if not colon:
            example = "expected <header>:<json-path-expr>"
            raise jsonpath.JsonPathError(f"unexpected custom-columns spec: {part}, {example}")
        columns.append(Column(header, jsonpath.compile(jsonpath.relaxed(path))))
    return columns


def parse_template(text: str) -> list[Column]:
    """The file form: a line of headers above a line of paths."""
    headers, _, paths = text.strip().partition("\n")
    pairs = zip(headers.split(), paths.split(), strict=False)
    return [Column(header, jsonpath.compile(jsonpath.relaxed(path))) for header, path in pairs]


def render(columns: Sequence[Column], objects: Sequence[Obj], *, headers: bool = True) -> str:
    """The aligned text; a value that is not there shows as ``<none>``."""
    rows = [[column.header for column in columns]] if headers else []
    rows += [[_cell(column, obj) for column in columns] for obj in objects]
    return tables.align("".join("\t".join(row) + "\n" for row in rows))


def _cell(column: Column, obj: Obj) -> str:
    values = column.template.find(obj)
    return ",".join(_shown(value) for value in values) if values else "<none>"


def _shown(value: object) -> str:
    """As Go's %v shows it."""
    if value is None:
        return "<nil>"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_shown(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_shown(each) for each in value) + "]"
    return jsonpath.text_of(value)
