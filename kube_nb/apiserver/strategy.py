"""`Strategy`: what a kind does around its writes besides what its row says.

Models apiserver pkg/registry/rest (create.go, update.go, delete.go); the kinds' own strategies are in
`kube_nb.apiserver.strategies`. Strategies never change what they are given: they return objects with changed paths.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kube_nb.api.kinds import Kind
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

#: metadata.finalizers that the garbage collector works on.
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


class Strategy:
    """The rules of a kind without any of its own.

    create_on_update: whether PUT may create. unconditional_update: whether PUT may go without a resourceVersion.
    orphans: the default of a deletion that names no propagation policy. collectable: whether the garbage collector's
    finalizers apply. ttl_s: how long objects live.
    """

    create_on_update = False
    unconditional_update = True
    orphans = False
    collectable = True
    ttl_s = 0
    #: A finalizer that every deletion puts on the object.
    cleanup = ""
    #: The status of a new object, None if what the client sends is kept.
    initial_status: Obj | None = {}  # noqa: RUF012  # never changed: it is copied into each object

    #: Subresources that are the object with only a part of it open to change: name -> (call, new, old) -> new.
    views: Mapping[str, Callable[["Call", Obj, Obj], Obj]] = {}  # never changed

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    # -- create ----------------------------------------------------------------------------------------------------

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        """The object as it starts its life: status reset, generation 1."""
        if not self.kind.has_status or self.initial_status is None:
            return obj
        if self.kind.is_custom:
            return without(obj, "status")
        return {**obj, "status": self.initial_status}

    def canonicalize(self, obj: Obj) -> Obj:
        """The object in its final form, with its name known; what a wanted one says in other words is put straight."""
        return obj

    async def begin_create(self, call: "Call", obj: Obj) -> Obj:
        """Take what the object needs of shared ranges (cluster IPs); undone by `abort`. Not called on a dry run."""
        return obj

    async def abort(self, call: "Call", obj: Obj, old: Obj | None) -> None:
        """The write did not happen: give back what `begin_create` or `begin_update` took."""

    # -- update ----------------------------------------------------------------------------------------------------

    def prepare_for_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        """Through the main resource: status stays as it is."""
        if not self.kind.has_status:
            return new
        if "status" in old:
            return new if new.get("status") is old["status"] else {**new, "status": old["status"]}
        return without(new, "status") if "status" in new else new

    def prepare_for_status_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        """Through /status: everything but status and metadata stays as it is."""
        return {**old, "metadata": new["metadata"], **({"status": new["status"]} if "status" in new else {})}

    async def begin_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        """As `begin_create`, for changes."""
        return new

    async def after_update(self, call: "Call", new: Obj, old: Obj) -> None:
        """The change is stored: release what the object no longer needs."""

    # -- delete ----------------------------------------------------------------------------------------------------

    def grace_period_s(self, obj: Obj, asked_s: int | None) -> int | None:
        """Seconds of graceful deletion; None if the kind knows none."""
        return None

    async def after_delete(self, call: "Call", obj: Obj) -> None:
        """The object is gone: release what it held."""


def without(obj: Obj, *fields: str) -> Obj:
    """A copy without some top-level fields."""
    return {field: value for field, value in obj.items() if field not in fields}


def at(obj: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of keys, None if it or anything on the way is missing."""
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj
