"""The story of one request: every station that it passed, what the station did, how long it took.

Recorded only while somebody asks (`ApiServer.story`); to all others a station costs the look at a context variable.
"""

import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from kube_nb.machinery.types import Obj

#: How many changed fields a station names.
_MOST_FIELDS = 12


@dataclass(frozen=True, slots=True)
class Station:
    """name: ``authorization``, ``mutating: LimitRanger`` ...; effect: a sentence; seconds: of the processor's time."""

    name: str
    effect: str
    seconds: float


@dataclass(slots=True)
class Story:
    """The stations in order. since_s: when the last one was done."""

    stations: list[Station] = field(default_factory=list)
    since_s: float = field(default_factory=time.process_time)

    def tell(self, name: str, effect: str) -> None:
        now_s = time.process_time()
        self.stations.append(Station(name, effect, now_s - self.since_s))
        self.since_s = now_s


_current: ContextVar[Story | None] = ContextVar("story", default=None)


def current() -> Story | None:
    """The story that is being recorded; None nearly always."""
    return _current.get()


def record() -> tuple[Story, Any]:
    """Begin a story; the second value ends it (`end`)."""
    story = Story()
    return story, _current.set(story)


def end(token: Any) -> None:
    _current.reset(token)


def changes(before: Obj | None, after: Obj | None) -> str:
    """Which fields two objects differ in: ``sets spec.priority, spec.tolerations``; "changes nothing"."""
    found = list(_paths(before or {}, after or {}, ""))
    if not found:
        return "changes nothing"
    more = f" and {len(found) - _MOST_FIELDS} more" if len(found) > _MOST_FIELDS else ""
    return f"sets {', '.join(found[:_MOST_FIELDS])}{more}"


def _paths(before: Any, after: Any, path: str) -> Iterator[str]:
    if before is after or before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _paths(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from _paths(left, right, f"{path}[{index}]")
    else:
        yield path
