"""A result as HTML for notebooks: tables as tables, other text as it is. Every text of an object is escaped."""

from collections.abc import Sequence
from html import escape

from kube_nb.kubectl.printers import tables
from kube_nb.machinery.types import Obj

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
_FONT = "font-family:var(--jp-code-font-family,monospace)"
_CELL_STYLE = f"text-align:left;padding:2px 14px 2px 0;white-space:nowrap;{_FONT}"


def render(found: Sequence[Obj], text: str, stderr: str) -> str:
    """Tables if there are any, else the text; refusals below, in red."""
    parts = [table(each) for each in found if each.get("rows")] or ([_pre(text)] if text else [])
    if stderr:
        parts.append(_pre(stderr, f"color:{_TONES['bad']}"))
    return "\n".join(parts)


def table(found: Obj) -> str:
    """One metav1.Table, without the columns that only -o wide shows."""
    columns = found["columnDefinitions"]
    shown = [index for index, column in enumerate(columns) if not column.get("priority")]
    rows = found["rows"]
    namespaces = [((row.get("object") or {}).get("metadata") or {}).get("namespace") or "" for row in rows]
    several = len(set(namespaces)) > 1
    head = (["NAMESPACE"] if several else []) + [columns[index]["name"].upper() for index in shown]
    body = [
        ([namespace] if several else []) + [tables.cell_text(row["cells"][index]) for index in shown]
        for namespace, row in zip(namespaces, rows, strict=True)
    ]
    status = head.index("STATUS") if "STATUS" in head else -1
    lines = ["".join(f'<th style="{_CELL_STYLE};font-weight:600">{escape(cell)}</th>' for cell in head)]
    lines += ["".join(_cell(cell, number == status) for number, cell in enumerate(cells)) for cells in body]
    return f'<table style="{_TABLE_STYLE}">' + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cell(text: str, is_status: bool) -> str:
    tone = next((tone for tone, words in _WORDS.items() if text.startswith(words)), "") if is_status else ""
    colour = f";color:{_TONES[tone]}" if tone else ""
    return f'<td style="{_CELL_STYLE}{colour}">{escape(text)}</td>'


def _pre(text: str, style: str = "") -> str:
    return f'<pre style="margin:0;{style}">{escape(text)}</pre>'
