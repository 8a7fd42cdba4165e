"""``-w table``, for what is a table. Models etcdctl/ctlv3/command/printer_table.go and its table writer."""

from collections.abc import Callable
from typing import Any, ClassVar

from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.printers.printer import Context, Printer


class TablePrinter(Printer):
    """Frames of ASCII; cells to the right, titles centred and in capitals."""

    name: ClassVar[str] = "table"


def frame(header: list[str], rows: list[list[str]]) -> str:
    titles = [title.upper() for title in header]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
    head = "".join(f"| {_centred(title, width)} " for title, width in zip(titles, widths, strict=True)) + "|\n"
    body = ["".join(f"| {cell:>{width}} " for cell, width in zip(row, widths, strict=True)) + "|\n" for row in rows]
    return rule + head + rule + "".join(body) + (rule if rows else "")


def _centred(title: str, width: int) -> str:
    left = (width - len(title)) // 2
    return " " * left + title + " " * (width - len(title) - left)


def _of(rows: Callable[[Any], tuple[list[str], list[list[str]]]]) -> Callable[[Any, Any, Context], str]:
    return lambda p, response, context: frame(*rows(response))


TablePrinter.SHOWS = {
    printer.MemberList: _of(printer.member_rows),
    printer.EndpointStatus: _of(printer.status_rows),
    printer.EndpointHealth: _of(printer.health_rows),
    printer.EndpointHashKv: _of(printer.hash_rows),
    printer.SnapshotStatus: _of(printer.snapshot_rows),
}
