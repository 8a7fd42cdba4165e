"""Which endpoints go into which slice, with as few writes as possible. Models reconcileByPortMapping."""

from typing import NamedTuple

from kube_nb.machinery.types import Obj

MAX_ENDPOINTS = 100


class Group(NamedTuple):
    """Endpoints that offer the same ports."""

    ports: list[Obj]
    endpoints: list[Obj]


class Plan(NamedTuple):
    """keep: slices with what they should hold (perhaps as they are); reuse: slices of other ports to be filled anew."""

    keep: list[tuple[Obj, Group]]
    reuse: list[tuple[Obj, Group]]
    create: list[Group]
    delete: list[Obj]


def plan(present: list[Obj], groups: list[Group]) -> Plan:
    """Endpoints stay in the slice that they are in; new ones fill slices that change anyway, then the one with the
    least room that is enough, then new ones."""
    keep: list[tuple[Obj, Group]] = []
    create: list[Group] = []
    left = list(present)
    for group in groups:
        mine = [slice for slice in left if (slice.get("ports") or []) == group.ports]
        left = [slice for slice in left if slice not in mine]
        kept, more, empty = _pack(mine, group)
        keep += kept
        create += more
        left += empty
    reuse = list(zip(left, create, strict=False))
    return Plan(keep, reuse, create[len(reuse) :], left[len(reuse) :])


def _identity(endpoint: Obj) -> tuple[object, ...]:
    target = endpoint.get("targetRef") or {}
    return (target.get("uid"), *endpoint["addresses"])


def _pack(slices: list[Obj], group: Group) -> tuple[list[tuple[Obj, Group]], list[Group], list[Obj]]:
    """(what each slice keeps or gets, groups for new slices, slices that nothing is left for)."""
    wanted = {_identity(endpoint): endpoint for endpoint in group.endpoints}
    held: list[tuple[Obj, list[Obj]]] = []
    for slice in slices:
        stays = [wanted.pop(_identity(old)) for old in slice.get("endpoints") or () if _identity(old) in wanted]
        held.append((slice, stays))
    new = list(wanted.values())
    changed = [pair for pair in held if pair[1] != (pair[0].get("endpoints") or [])]
    for _, endpoints in changed:
        room = MAX_ENDPOINTS - len(endpoints)
        endpoints += new[:room]
        new = new[room:]
    if new and len(new) < MAX_ENDPOINTS and (best := _best_fit(held, len(new))) is not None:
        best += new
        new = []
    if not group.endpoints:
        return _placeholder(slices, group)
    kept = [(slice, Group(group.ports, endpoints)) for slice, endpoints in held if endpoints]
    empty = [slice for slice, endpoints in held if not endpoints]
    more = [Group(group.ports, new[start : start + MAX_ENDPOINTS]) for start in range(0, len(new), MAX_ENDPOINTS)]
    return kept, more, empty


def _best_fit(held: list[tuple[Obj, list[Obj]]], count: int) -> list[Obj] | None:
    """The fullest of the slices that have room for so many."""
    fitting = [endpoints for _, endpoints in held if endpoints and len(endpoints) + count <= MAX_ENDPOINTS]
    return max(fitting, key=len, default=None)


def _placeholder(slices: list[Obj], group: Group) -> tuple[list[tuple[Obj, Group]], list[Group], list[Obj]]:
    """One slice without endpoints says that there are none."""
    if not slices:
        return [], [group], []
    return [(slices[0], group)], [], slices[1:]
