"""Kinds without a description of their own: every field, indented, under a readable title."""

import re

from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import Writer
from kube_nb.machinery.types import Obj

_SKIPPED = (
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
)
_ACRONYMS = ("API", "URL", "UID", "OSB", "GUID")
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|-+|[^a-zA-Z-]+")


async def generic(s: Subject) -> None:
    s.head()
    s.labels_and_annotations()
    _write(s.out, 0, s.obj, "")
    await events.write(s)


def _write(out: Writer, level: int, content: Obj, path: str) -> None:
    for field in sorted(content):
        value, here = content[field], f"{path}.{field}"
        if here in _SKIPPED:
            continue
        if isinstance(value, dict):
            out.line(level, f"{title(field)}:")
            _write(out, level + 1, value, here)
        elif isinstance(value, list):
            out.line(level, f"{title(field)}:")
            for child in value:
                if isinstance(child, dict):
                    _write(out, level + 1, child, here)
                else:
                    out.line(level + 1, child)
        else:
            out.line(level, f"{title(field)}:", value)


def title(field: str) -> str:
    """``creationTimestamp`` -> ``Creation Timestamp``; names with other signs than letters and "-" stay as they are."""
    if not all(letter.isalpha() or letter == "-" for letter in field):
        return field
    parts = _WORDS.findall(field)
    return " ".join(part.upper() if part.upper() in _ACRONYMS else part[:1].upper() + part[1:] for part in parts)
