"""Certificate signing requests: who asks is written down by the server, who approves uses an endpoint of its own.

Models pkg/registry/certificates/certificates/strategy.go.
"""

from typing import TYPE_CHECKING

from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

_DECISIONS = ("Approved", "Denied")
_LASTING = (*_DECISIONS, "Failed")


def _approval(call: "Call", new: Obj, old: Obj) -> Obj:
    """Only the conditions."""
    status = {**(old.get("status") or {})}
    status.pop("conditions", None)
    rows = _conditions(new)
    _check_lasting(call, rows, _conditions(old))
    if rows:
        status["conditions"] = _dated(call, rows, _conditions(old))
    return {**old, "metadata": new["metadata"], "status": status}


def _conditions(request: Obj) -> list[Obj]:
    return (request.get("status") or {}).get("conditions") or []


def _of(rows: list[Obj], type: str) -> list[Obj]:
    return [row for row in rows if row.get("type") == type]


def _check_lasting(call: "Call", new: list[Obj], old: list[Obj]) -> None:
    """422 if a decision or a failure would be taken back."""
    gone = [type for type in _LASTING if len(_of(new, type)) < len(_of(old, type))]
    _refuse(call, [f'updates may not remove a condition of type "{type}"' for type in gone])


def _refuse(call: "Call", details: list[str]) -> None:
    faults = [errors.FieldError(errors.FORBIDDEN, "status.conditions", None, detail) for detail in details]
    if faults:
        raise call.resource.invalid(call.info.name, faults)


def _preserved(new: list[Obj], old: list[Obj]) -> list[Obj]:
    """The decisions as they were, each in its place. Models preserveConditionInstances."""
    rows = list(new)
    for type in _DECISIONS:
        before = iter(_of(old, type))
        rows = [next(before, row) if row.get("type") == type else row for row in rows]
    return rows


def _dated(call: "Call", new: list[Obj], old: list[Obj]) -> list[Obj]:
    """Each condition with the times that it lacks. Models populateConditionTimestamps."""
    now = call.server.clock.timestamp()
    return [{**row, **_times(row, old, now)} for row in new]


def _times(row: Obj, old: list[Obj], now: str) -> Obj:
    since = now
    for before in _of(old, row.get("type") or ""):
        if before.get("status") == row.get("status") and before.get("lastTransitionTime"):
            since = before["lastTransitionTime"]
            break
    return {
        "lastUpdateTime": row.get("lastUpdateTime") or now,
        "lastTransitionTime": row.get("lastTransitionTime") or since,
    }


class Requests(Strategy):
    """spec never changes; status without decisions through /status, with them through /approval."""

    views = {"approval": _approval}  # noqa: RUF012  # never changed

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        user = call.user
        asked: Obj = {"username": user.name, "groups": list(user.groups)}
        if user.uid:
            asked["uid"] = user.uid
        if user.extra:
            asked["extra"] = {key: list(values) for key, values in user.extra.items()}
        obj = super().prepare_for_create(call, obj)
        return {**obj, "spec": {**(obj.get("spec") or {}), **asked}}

    def prepare_for_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        return super().prepare_for_update(call, {**new, "spec": old["spec"]}, old)

    def prepare_for_status_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        """A signer sets the certificate; decisions stay. 422 if one would be added or taken back."""
        new = super().prepare_for_status_update(call, new, old)
        before, rows = _conditions(old), _conditions(new)
        _check_lasting(call, rows, before)
        added = [type for type in _DECISIONS if len(_of(rows, type)) > len(_of(before, type))]
        _refuse(call, [f'updates may not add a condition of type "{type}"' for type in added])
        if not rows:
            return new
        return {**new, "status": {**new["status"], "conditions": _dated(call, _preserved(rows, before), before)}}
