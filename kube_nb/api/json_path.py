"""The JSONPath of printer columns, selectable fields and scale paths of custom resources.

Knows ``.a.b``, ``['a.b']``, ``[0]``, ``[-1]``, ``[*]`` and filters such as ``[?(@.type=="Ready")]``.
Differs: recursive descent (``..``), slices and unions of the full client-go syntax are refused.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from kube_nb.machinery.types import Json

Step: TypeAlias = Callable[[Json], Iterator[Json]]

_TOKEN = re.compile(
    r"""\.?(?P<name>[A-Za-z_$][\w\-$/]*(?:\\\.[\w\-$/]+)*)
    | \[\s*(?P<index>-?\d+)\s*\]
    | \.?(?P<all>\[\*\]|\*)
    | \[\s*(?P<quote>['"])(?P<key>.*?)(?P=quote)\s*\]
    | \[\?\(\s*@(?P<path>[^=!<>)]*?)\s*(?:(?P<operator>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^)\s]+)\s*)?\)\]""",
    re.VERBOSE,
)


@functools.lru_cache(maxsize=1024)
def compile_path(text: str) -> tuple[Step, ...]:
    """The steps of a path; ValueError if it is not understood."""
    rest = text.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    while rest not in ("", "."):
        match = _TOKEN.match(rest)
        if match is None or not match.end():
            raise ValueError(f"unrecognized JSONPath {text!r} at {rest!r}")
        steps.append(_step(match))
        rest = rest[match.end() :]
    return tuple(steps)


def find(text: str, value: Json) -> list[Json]:
    """All values that the path leads to; empty if there are none."""
    found: Iterable[Json] = [value]
    for step in compile_path(text):
        found = [result for item in found for result in step(item)]
    return list(found)


def first(text: str, value: Json) -> Json:
    """The first value that the path leads to; None if there is none."""
    found = find(text, value)
    return found[0] if found else None


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None:
        return functools.partial(_child, match["name"].replace("\\.", "."))
    if match["key"] is not None:
        return functools.partial(_child, match["key"])
    if match["index"] is not None:
        return functools.partial(_item, int(match["index"]))
    if match["all"] is not None:
        return _children
    return functools.partial(_filter, match["path"], match["operator"], match["value"])


def _child(name: str, value: Json) -> Iterator[Json]:
    if isinstance(value, dict) and name in value:
        yield value[name]


def _item(index: int, value: Json) -> Iterator[Json]:
    if isinstance(value, list) and -len(value) <= index < len(value):
        yield value[index]


def _children(value: Json) -> Iterator[Json]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(path: str, operator: str | None, wanted: str | None, value: Json) -> Iterator[Json]:
    for item in _children(value):
        found = find(path, item)
        if operator is None or wanted is None:
            matches = bool(found)
        else:
            text = wanted[1:-1] if wanted[0] in "'\"" else wanted
            matches = bool(found) and (_text(found[0]) == text) == (operator == "==")
        if matches:
            yield item


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
