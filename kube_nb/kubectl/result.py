"""What a kubectl command leaves: text, objects, and a frame of them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from kube_nb.machinery.refusals import Refusal
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    import pandas as pd


class KubectlError(Refusal):
    """A command's refusal: the text that kubectl prints to stderr, and its exit code."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code


class Sheet(NamedTuple):
    """A table as it is printed, before its columns are aligned: lines of cells, the first one headers if `headed`."""

    lines: list[list[str]]
    headed: bool = True


@dataclass(slots=True, repr=False)
class Result:
    """text: what kubectl prints to stdout; stderr likewise. objects: what the command returned or changed, in order.

    tables: the server's metav1.Tables that `text` was made of, if it was; sheets: the same as they were printed.
    """

    text: str = ""
    stderr: str = ""
    exit_code: int = 0
    objects: list[Obj] = field(default_factory=list)
    tables: list[Obj] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)

    @property
    def df(self) -> "pd.DataFrame":
        """The tables' rows, else a row per object with its flattened metadata.name, namespace, labels, spec, status."""
        import pandas as pd

        if self.tables:
            return pd.concat([_frame(table) for table in self.tables], ignore_index=True)
        return pd.json_normalize(self.objects)

    def __str__(self) -> str:
        return self.text + self.stderr

    def __repr__(self) -> str:
        """As the terminal shows it: the text, not the fields."""
        return str(self).rstrip("\n")

    def _repr_html_(self) -> str:
        from kube_nb.kubectl.printers import html

        return html.render(self.sheets, self.text, self.stderr)


def _frame(table: Obj) -> "pd.DataFrame":
    import pandas as pd

    columns = [column["name"] for column in table["columnDefinitions"]]
    frame = pd.DataFrame([row["cells"] for row in table.get("rows") or []], columns=columns)
    namespaces = [((row.get("object") or {}).get("metadata") or {}).get("namespace") for row in table.get("rows") or []]
    if any(namespaces):
        frame.insert(0, "Namespace", namespaces)
    return frame
