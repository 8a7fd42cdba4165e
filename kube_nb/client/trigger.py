"""The revision of the event that the running code reacts to: set by informers for handlers and by controllers for
reconcilers, read by work queues, so that each key knows what made it interesting."""

from contextvars import ContextVar

from kube_nb.machinery.types import Obj

#: 0: nothing in particular (a resync, a timer, a user).
current: ContextVar[int] = ContextVar("trigger", default=0)


def revision(obj: Obj) -> int:
    """The object's resourceVersion as a number; 0 if it has none that is one (it is opaque on foreign servers)."""
    text = obj["metadata"].get("resourceVersion", "")
    return int(text) if text.isdecimal() else 0
