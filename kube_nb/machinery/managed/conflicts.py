"""The refusal of an apply that would change what others own.

Models apimachinery pkg/util/managedfields/internal/conflict.go.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.managed import sets
from kube_nb.machinery.managed.entries import UPDATE, Identity
from kube_nb.machinery.managed.sets import Fields


class Conflict(NamedTuple):
    """A field that the apply changes and `manager` owns."""

    manager: Identity
    path: sets.Path


def found(owners: Iterable[tuple[Identity, Fields]]) -> list[Conflict]:
    """The conflicts of every owner with its share of the changed fields, by owner."""
    return [Conflict(manager, path) for manager, fields in sorted(owners, key=_first) for path in sets.paths(fields)]


def _first(pair: tuple[Identity, Fields]) -> Identity:
    return pair[0]


def error(conflicts: Sequence[Conflict]) -> ApiError:
    """409 with a cause for each field."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {_shown(conflict.manager)}",
            "field": sets.text(conflict.path),
        }
        for conflict in conflicts
    ]
    return ApiError(409, "Conflict", _message(conflicts), {"causes": causes})


def _message(conflicts: Sequence[Conflict]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {_shown(manager)}: {sets.text(path)}"
    lines: list[str] = []
    for manager in dict.fromkeys(conflict.manager for conflict in conflicts):
        lines.append(f"conflicts with {_shown(manager)}:")
        lines += [f"- {sets.text(conflict.path)}" for conflict in conflicts if conflict.manager == manager]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def _shown(manager: Identity) -> str:
    name, operation, version, subresource = manager
    text = orjson.dumps(name).decode()
    if subresource:
        text += f" with subresource {orjson.dumps(subresource).decode()}"
    return f"{text} using {version}" if operation == UPDATE else text
