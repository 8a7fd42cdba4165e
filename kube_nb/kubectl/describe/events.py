"""The Events table at a description's end."""

from kube_nb.api.resources import EVENTS
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.machinery.types import Obj

_COLUMNS = ("Type", "Reason", "Age", "From", "Message")


async def write(s: Subject, *, kind: str | None = None, uid: str | None = None) -> None:
    """Find the subject's events and print them, if they are wanted.

    kind: other than the object's; "" searches without it. uid: likewise.
    """
    if s.show_events:
        table(s, await search(s, kind=kind, uid=uid))


async def search(s: Subject, *, kind: str | None = None, uid: str | None = None) -> list[Obj]:
    """The events whose involvedObject is the subject."""
    wanted = {
        "involvedObject.name": s.name,
        "involvedObject.namespace": s.namespace,
        "involvedObject.kind": s.obj["kind"] if kind is None else kind,
        "involvedObject.uid": str(s.metadata.get("uid") or "") if uid is None else uid,
    }
    selector = ",".join(
        f"{path}={value}" for path, value in wanted.items() if value or path == "involvedObject.namespace"
    )
    return await s.find_or_none(EVENTS, s.namespace or None, field_selector=selector) or []


def table(s: Subject, events: list[Obj]) -> None:
    """A row per event, the one seen longest ago first."""
    if not events:
        s.out.line(0, "Events:", "<none>")
        return
    s.out.flush()
    s.out.line(0, "Events:")
    s.out.line(1, *_COLUMNS)
    s.out.line(1, "----", "------", "----", "----", "-------")
    for event in sorted(events, key=lambda event: event.get("lastTimestamp") or ""):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        message = str(event.get("message") or "").strip()
        s.out.line(1, event.get("type", ""), event.get("reason", ""), interval(s, event), source, message)


def interval(s: Subject, event: Obj) -> str:
    """``5m`` or ``10s (x4 over 5m)``."""
    first = s.age(event.get("eventTime") or event.get("firstTimestamp"))
    series = event.get("series")
    if series:
        return f"{s.age(series.get('lastObservedTime'))} (x{series.get('count', 0)} over {first})"
    if event.get("count", 0) > 1:
        return f"{s.age(event.get('lastTimestamp'))} (x{event['count']} over {first})"
    return first
