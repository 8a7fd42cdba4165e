"""A server's metav1.Table as the text of ``kubectl get``. Models cli-runtime pkg/printers/tableprinter.go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kube_nb.machinery import tabwriter
from kube_nb.machinery.types import Json, Obj


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What ``kubectl get`` adds to the server's columns.

    kind_prefix: ``pod`` or ``deployment.apps`` to print ``pod/web``. label_columns: ``-L``.
    """

    wide: bool = False
    no_headers: bool = False
    with_namespace: bool = False
    kind_prefix: str = ""
    show_labels: bool = False
    label_columns: Sequence[str] = ()


def render(table: Obj, options: TableOptions) -> str:
    """The table's aligned text; nothing for a table without rows."""
    return align(lines(table, options))


def without_headers(options: TableOptions) -> TableOptions:
    """The same options for a table that continues another."""
    return replace(options, no_headers=True)


def align(text: str) -> str:
    """Columns as kubectl aligns them."""
    return tabwriter.align(text, min_width=6, padding=3)


def lines(table: Obj, options: TableOptions) -> str:
    """The table as tab-separated lines; several tables may be joined before they are aligned."""
    rows = table.get("rows") or []
    if not rows:
        return ""
    shown = [
        index for index, column in enumerate(table["columnDefinitions"]) if options.wide or not column.get("priority")
    ]
    found = [] if options.no_headers else [_header(table, shown, options)]
    found += [_row(row, shown, options) for row in rows]
    return "".join("\t".join(cells) + "\n" for cells in found)


def _header(table: Obj, shown: list[int], options: TableOptions) -> list[str]:
    cells = [table["columnDefinitions"][index]["name"].upper() for index in shown]
    cells += [key.rpartition("/")[2].upper() for key in options.label_columns]
    return (["NAMESPACE"] if options.with_namespace else []) + cells + (["LABELS"] if options.show_labels else [])


def _row(row: Obj, shown: list[int], options: TableOptions) -> list[str]:
    metadata = (row.get("object") or {}).get("metadata") or {}
    labels = metadata.get("labels") or {}
    cells = [cell_text(row["cells"][index]) for index in shown]
    if options.kind_prefix and cells:
        cells[0] = f"{options.kind_prefix}/{cells[0]}"
    cells += [labels.get(key, "<none>") if key in labels else "" for key in options.label_columns]
    if options.show_labels:
        cells.append(",".join(f"{key}={labels[key]}" for key in sorted(labels)) or "<none>")
    return ([metadata.get("namespace", "")] if options.with_namespace else []) + cells


def cell_text(cell: Json) -> str:
    """One cell: up to its first line break, control characters made visible."""
    if cell is None:
        return "<nil>"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    first = re.split(r"[\f\n\r]", text, maxsplit=1)[0]
    return first.replace("\x1b", "^[").replace("\t", " ") + ("..." if first != text else "")
