"""Aligned columns as Go's text/tabwriter makes them, which kubectl and etcdctl print through."""

from collections.abc import Iterator


def align(text: str, *, min_width: int, padding: int) -> str:
    r"""Replace tabs in `text` by spaces so that columns line up.

    A tab ends a cell; what follows a line's last tab belongs to no column. A column is a run of lines that all have a
    cell there, and it is as wide as its widest cell plus `padding`, `min_width` at least. Source: text/tabwriter's
    documentation, with the pad character " " and no flags.

    >>> print(align("NAME\tAGE\nweb\t5s\n", min_width=6, padding=3))
    NAME   AGE
    web    5s
    <BLANKLINE>
    """
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(cells) - 1) for cells in lines]
    for first, last, column in _columns(lines):
        widest = max(len(lines[row][column]) for row in range(first, last))
        for row in range(first, last):
            widths[row][column] = max(widest + padding, min_width) if widest else max(padding, min_width)
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(cells, row_widths, strict=False)) + cells[-1]
        for cells, row_widths in zip(lines, widths, strict=True)
    )


def _columns(lines: list[list[str]]) -> Iterator[tuple[int, int, int]]:
    """Every (first row, one past the last row, column) of lines that have a terminated cell in that column."""
    deepest = max((len(cells) for cells in lines), default=0)
    for column in range(deepest - 1):
        row = 0
        while row < len(lines):
            if len(lines[row]) - 1 <= column:
                row += 1
                continue
            first = row
            while row < len(lines) and len(lines[row]) - 1 > column:
                row += 1
            yield first, row, column
