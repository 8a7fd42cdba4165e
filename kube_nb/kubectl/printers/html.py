"""A result as HTML for notebooks: tables as tables, other text as it is. Every text of an object is escaped."""

from collections.abc import Sequence
from html import escape

from kube_nb.kubectl.result import Sheet

#: Colours of a status cell's text, by what the word means; readable on light and dark themes.
_TONES = {
    "good": "#1a7f37",
    "busy": "#9a6700",
    "bad": "#cf222e",
}
_WORDS = {
    "good": ("Running", "Ready", "Active", "Bound", "Completed", "Complete", "Succeeded", "Available", "Normal"),
    "busy": (
        "Pending",
        "ContainerCreating",
        "Terminating",
        "PodInitializing",
        "Init:",
        "Unknown",
        "Suspended",
        "SchedulingDisabled",
        "Released",
    ),
    "bad": (
        "CrashLoopBackOff",
        "Error",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "Failed",
        "Evicted",
        "OOMKilled",
        "NotReady",
        "Warning",
        "Lost",
        "RunContainerError",
        "CreateContainerConfigError",
    ),
}
_TABLE_STYLE = "border-collapse:collapse;font-size:13px;margin:2px 0"
_FONT = "font-family:var(--jp-code-font-family,Menlo,Consolas,'DejaVu Sans Mono',monospace)"
_CELL_STYLE = f"text-align:left;padding:2px 14px 2px 0;white-space:nowrap;{_FONT}"


def render(sheets: Sequence[Sheet], text: str, stderr: str) -> str:
    """Tables if there are any, else the text; refusals below, in red."""
    parts = [table(sheet) for sheet in sheets] or ([_pre(text)] if text else [])
    if stderr:
        parts.append(_pre(stderr, f"color:{_TONES['bad']}"))
    return "\n".join(parts)


def table(sheet: Sheet) -> str:
    """One table as it was printed, with the words of a STATUS column coloured."""
    head = sheet.lines[0] if sheet.headed else []
    status = head.index("STATUS") if "STATUS" in head else -1
    lines = ["".join(f'<th style="{_CELL_STYLE};font-weight:600">{escape(cell)}</th>' for cell in head)] if head else []
    for cells in sheet.lines[1:] if head else sheet.lines:
        lines.append("".join(_cell(cell, number == status) for number, cell in enumerate(cells)))
    return f'<table style="{_TABLE_STYLE}">' + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cell(text: str, is_status: bool) -> str:
    tone = next((tone for tone, words in _WORDS.items() if text.startswith(words)), "") if is_status else ""
    colour = f";color:{_TONES[tone]}" if tone else ""
    return f'<td style="{_CELL_STYLE}{colour}">{escape(text)}</td>'


def _pre(text: str, style: str = "") -> str:
    return f'<pre style="margin:0;font-size:13px;line-height:1.3;white-space:pre;{_FONT};{style}">{escape(text)}</pre>'
