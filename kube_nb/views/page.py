"""A view's page: headings, notes and tables as plain JSON, and their two faces, HTML and text.

HTML carries its styles inline, as an untrusted notebook keeps nothing else. Colours come in pairs of fill and text, so
they read on light and dark themes alike; everything else takes the theme's own colours.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import zip_longest
from typing import NotRequired, TypedDict

from kube_nb.views.svg import COLOURS

#: Characters of a wrapped column in the text face.
_TEXT_WIDTH = 90
_FONT = "font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
_MONO = "font-family:SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
#: Where one word of a camel-case name ends.
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_RULE = "rgba(128,128,128,.35)"
_PAGE = f"{_FONT};font-size:13px;line-height:1.5;text-align:left;max-width:100%;overflow-x:auto"
_TABLE = "border-collapse:collapse;table-layout:auto;margin:4px 0 8px 0;font-size:13px;border:0"
_CELL = (
    "text-align:left;vertical-align:top;padding:3px 16px 3px 2px;white-space:nowrap;border:0;"
    f"border-bottom:1px solid {_RULE}"
)


class Cell(TypedDict):
    """text: as it is shown; several lines are kept apart by newlines. tone: "" or one of `svg.COLOURS`. heat: 0 to 1,
    how strongly the cell stands out among its like."""

    text: str
    tone: NotRequired[str]
    strong: NotRequired[bool]
    heat: NotRequired[float]


class Block(TypedDict):
    """One of: a heading, a note (with a tone), code, a table (columns and rows; some numeric, some with long texts)."""

    heading: NotRequired[str]
    note: NotRequired[str]
    tone: NotRequired[str]
    code: NotRequired[str]
    columns: NotRequired[list[str]]
    rows: NotRequired[list[list[Cell]]]
    numeric: NotRequired[list[int]]
    wrapped: NotRequired[list[int]]


def heading(text: str) -> Block:
    return {"heading": text}


def note(text: str, tone: str = "") -> Block:
    return {"note": text, "tone": tone}


def code(text: str) -> Block:
    """Lines that keep their form."""
    return {"code": text}


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, numeric: Sequence[int] = (), wrapped: Sequence[int] = ()
) -> Block:
    """numeric: numbers of the columns that are right-aligned; wrapped: of those whose texts may take several lines."""
    body = [list(row) for row in rows]
    return {"columns": list(columns), "rows": body, "numeric": list(numeric), "wrapped": list(wrapped)}


def cell(text: object, tone: str = "", *, strong: bool = False, heat: float | None = None) -> Cell:
    found: Cell = {"text": str(text)}
    if tone:
        found["tone"] = tone
    if strong:
        found["strong"] = True
    if heat is not None:
        found["heat"] = min(max(heat, 0.0), 1.0)
    return found


def pairs(values: Mapping[str, str]) -> str:
    """``a=b,c=d``, as kubectl shows labels."""
    return ",".join(f"{key}={value}" for key, value in values.items()) or "<none>"


# -- HTML --------------------------------------------------------------------------------------------------------------


def html(blocks: Sequence[Block]) -> str:
    return f'<div style="{_PAGE}">' + "".join(_html_block(block) for block in blocks) + "</div>"


def _html_block(block: Block) -> str:
    if "heading" in block:
        return f'<div style="font-size:14px;font-weight:600;margin:6px 0 2px 0">{escape(block["heading"])}</div>'
    if "columns" in block:
        return _html_table(block)
    if "code" in block:
        style = f"{_MONO};font-size:12.5px;line-height:1.35;margin:6px 0;white-space:pre-wrap;overflow-wrap:anywhere"
        return f'<div style="{style}">{escape(block["code"])}</div>'
    return (
        f'<div style="margin:2px 0;white-space:pre-wrap">{_toned(block.get("note", ""), block.get("tone", ""))}</div>'
    )


def _html_table(block: Block) -> str:
    numeric, wrapped = set(block.get("numeric") or ()), set(block.get("wrapped") or ())
    head = "".join(_html_head(name, number in numeric) for number, name in enumerate(block["columns"]))
    body = "".join(
        '<tr style="background:none">'
        + "".join(_html_cell(each, _kind(number in numeric, number in wrapped)) for number, each in enumerate(row))
        + "</tr>"
        for row in block["rows"]
    )
    return (
        f'<table style="{_TABLE}"><thead><tr style="background:none">{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _html_head(name: str, is_numeric: bool) -> str:
    """Names of numbers are mostly longer than those: they may break between their words."""
    text = _WORDS.sub("<wbr>", escape(name)) if is_numeric else escape(name)
    breaks = ";white-space:normal;vertical-align:bottom" if is_numeric else ""
    return f'<th style="{_CELL};font-weight:600;font-size:12px{_kind(is_numeric)}{breaks}">{text}</th>'


def _html_cell(each: Cell, kind: str) -> str:
    weight = ";font-weight:600" if each.get("strong") else ""
    if "heat" in each:  # translucent, so that the theme's text reads on it whether it is dark or light
        weight += f";background-color:rgba(9,105,218,{0.04 + 0.41 * each['heat']:.2f})"
    content = _toned(each["text"], each.get("tone", ""))
    return f'<td style="{_CELL};{_MONO}{weight}{kind}">{content}</td>'


def _kind(is_numeric: bool, is_wrapped: bool = False) -> str:
    """What a column's kind adds to the style of its cells; the last word on each property counts."""
    wrapped = ";white-space:normal;min-width:200px;overflow-wrap:anywhere" if is_wrapped else ""
    return (";text-align:right" if is_numeric else "") + wrapped


def _toned(text: str, tone: str) -> str:
    content = escape(text).replace("\n", "<br/>")
    if tone not in COLOURS:
        return content
    fill, colour = COLOURS[tone]
    return (
        f'<span style="background-color:{fill};color:{colour};padding:1px 8px;border-radius:9px;display:inline-block">'
        f"{content}</span>"
    )


# -- text --------------------------------------------------------------------------------------------------------------


def text(blocks: Sequence[Block]) -> str:
    return "\n".join(line for block in blocks for line in _text_lines(block))


def _text_lines(block: Block) -> Iterator[str]:
    if "columns" not in block:
        yield block.get("heading") or block.get("code") or block.get("note", "")
        return
    wrapped, numeric = set(block.get("wrapped") or ()), set(block.get("numeric") or ())
    rows = [[[name] for name in block["columns"]]]
    rows += [[_lines(each["text"], number in wrapped) for number, each in enumerate(row)] for row in block["rows"]]
    widths = [max(len(line) for row in rows for line in row[number]) for number in range(len(rows[0]))]
    for row in rows:
        for cells in zip_longest(*row, fillvalue=""):
            aligned = [
                value.rjust(width) if number in numeric else value.ljust(width)
                for number, (value, width) in enumerate(zip(cells, widths, strict=True))
            ]
            yield "   ".join(aligned).rstrip()


def _lines(text: str, is_wrapped: bool) -> list[str]:
    """A cell's text; long ones of a wrapped column take several lines."""
    whole = text.replace("\n", "; ")
    return textwrap.wrap(whole, _TEXT_WIDTH) or [""] if is_wrapped else [whole]
