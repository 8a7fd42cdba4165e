"""Certificate signing requests: who asks is written down by the server, who approves uses an endpoint of its own.

Models pkg/registry/certificates/certificates/strategy.go.
"""

from typing import TYPE_CHECKING

from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

_DECISIONS = ("Approved", "Denied")


def _approval(new: Obj, old: Obj) -> Obj:
    """Only the conditions, as they stand in the request."""
    status = {**(old.get("status") or {})}
    status.pop("conditions", None)
    conditions = (new.get("status") or {}).get("conditions")
    if conditions:
        status["conditions"] = conditions
    return {**old, "metadata": new["metadata"], "status": status}


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
        """A signer sets the certificate; decisions stay."""
        new = super().prepare_for_status_update(call, new, old)
        status = new.get("status") or {}
        kept = [row for row in (old.get("status") or {}).get("conditions") or () if row.get("type") in _DECISIONS]
        others = [row for row in status.get("conditions") or () if row.get("type") not in _DECISIONS]
        conditions = [*kept, *others]
        rest = {field: value for field, value in status.items() if field != "conditions"}
        return {**new, "status": {**rest, "conditions": conditions} if conditions else rest}
