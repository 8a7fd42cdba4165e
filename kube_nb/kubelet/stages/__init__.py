"""The life of pods on hollow nodes as data: rows of selector, delay, status, event, deletion.

Models kubernetes-sigs/kwok's Stage. A row::

    - name: pod-ready
      selector: [{key: .status.phase, operator: In, values: [Pending]}]     # In, NotIn, Exists, DoesNotExist
      delay: {seconds: 1, jitterSeconds: 4}      # from 1 s to 4 s
      weight: 1                                  # of several that match, one is taken by weight
      status: {phase: Running, podIP: $podIP}    # a merge patch of the status
      event: {type: Normal, reason: Started, message: Container started}
      delete: false                              # remove the object

In a status, ``$now``, ``$podIP``, ``$hostIP``, ``$startTime`` and, inside ``{$each: spec.containers, row: ...}``,
``$name`` and ``$image`` are filled in. `load` reads ``pod-fast`` and ``pod-general``; `parse` takes rows of your own.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

import yaml

from kube_nb.machinery.types import Obj

#: What placeholders stand for.
Scope: TypeAlias = dict[str, Any]
Template: TypeAlias = Callable[[Scope, Obj], Any]
Test: TypeAlias = Callable[[Obj], bool]

_PLACEHOLDERS = ("$now", "$podIP", "$hostIP", "$startTime", "$name", "$image")


class StageFault(ValueError):
    """A row that is not a stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One row, compiled. status: None leaves the status alone."""

    name: str
    tests: tuple[Test, ...]
    delay_s: float
    jitter_s: float
    weight: int
    status: Template | None
    event: Mapping[str, str] | None
    delete: bool

    def matches(self, obj: Obj) -> bool:
        return all(test(obj) for test in self.tests)

    def after_s(self, stream: random.Random) -> float:
        """The delay, by chance between `delay_s` and `jitter_s`."""
        return stream.uniform(self.delay_s, self.jitter_s) if self.jitter_s > self.delay_s else self.delay_s


def load(name: str) -> tuple[Stage, ...]:
    """The stages of a file beside this module."""
    return parse(yaml.load(resources.files(__name__).joinpath(f"{name}.yaml").read_bytes(), Loader=yaml.CSafeLoader))


def parse(rows: Sequence[Mapping[str, Any]]) -> tuple[Stage, ...]:
    """Raises StageFault."""
    try:
        return tuple(_stage(row) for row in rows)
    except (KeyError, TypeError, AttributeError) as error:
        raise StageFault(f"not a list of stages: {error!r}") from error


def choose(stages: Sequence[Stage], obj: Obj, stream: random.Random) -> Stage | None:
    """The stage that an object is in front of."""
    found = [stage for stage in stages if stage.matches(obj)]
    if len(found) < 2:
        return found[0] if found else None
    return stream.choices(found, [max(stage.weight, 1) for stage in found])[0]


def _stage(row: Mapping[str, Any]) -> Stage:
    delay = row.get("delay") or {}
    return Stage(
        row["name"],
        tuple(_test(requirement) for requirement in row.get("selector") or ()),
        float(delay.get("seconds", 0)),
        float(delay.get("jitterSeconds", 0)),
        int(row.get("weight", 1)),
        _compiled(row["status"]) if row.get("status") else None,
        row.get("event"),
        bool(row.get("delete")),
    )


# -- selectors ---------------------------------------------------------------------------------------------------


def _test(requirement: Mapping[str, Any]) -> Test:
    path, operator = _path(requirement["key"]), requirement["operator"]
    values = frozenset(map(str, requirement.get("values") or ()))
    match operator:
        case "Exists":
            return lambda obj: bool(_values(obj, path))
        case "DoesNotExist":
            return lambda obj: not _values(obj, path)
        case "In":
            return lambda obj: any(str(value) in values for value in _values(obj, path))
        case "NotIn":
            return lambda obj: not any(str(value) in values for value in _values(obj, path))
    raise StageFault(f"unknown operator {operator!r}")


def _path(key: str) -> tuple[str, ...]:
    """``.metadata.ownerReferences[].kind`` -> ("metadata", "ownerReferences", "[]", "kind")."""
    return tuple(part for part in key.replace("[]", ".[]").split(".") if part)


def _values(obj: Any, path: tuple[str, ...]) -> list[Any]:
    found = [obj]
    for part in path:
        if part == "[]":
            found = [item for value in found for item in value]
        else:
            found = [value[part] for value in found if isinstance(value, dict) and value.get(part) not in (None, "")]
        if not found:
            break
    return found


# -- templates ---------------------------------------------------------------------------------------------------


def _compiled(value: Any) -> Template:
    """A function that fills in a status; parts without placeholders are shared by all its results."""
    made = _part(value)
    return made if made is not None else lambda scope, obj: value


def _part(value: Any) -> Template | None:
    """None for a part without placeholders."""
    if isinstance(value, str):
        return (lambda scope, obj: scope[value]) if value in _PLACEHOLDERS else None
    if isinstance(value, list):
        return _list(value)
    if not isinstance(value, dict):
        return None
    if "$each" in value:
        return _each(value)
    parts = {key: _part(item) for key, item in value.items()}
    if not any(parts.values()):
        return None
    rows = [(key, parts[key], item) for key, item in value.items()]
    return lambda scope, obj: {key: item if part is None else part(scope, obj) for key, part, item in rows}


def _list(value: list[Any]) -> Template | None:
    parts = [_part(item) for item in value]
    if not any(parts):
        return None
    rows = list(zip(parts, value, strict=True))
    return lambda scope, obj: [item if part is None else part(scope, obj) for part, item in rows]


def _each(value: Mapping[str, Any]) -> Template:
    path, row = _path(f"{value['$each']}[]"), _compiled(value["row"])

    def make(scope: Scope, obj: Obj) -> list[Any]:
        return [
            row({**scope, "$name": item.get("name"), "$image": item.get("image")}, obj) for item in _values(obj, path)
        ]

    return make
