"""Models test/e2e/instrumentation: events.go and core_events.go."""

from collections.abc import Callable

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused

_LABEL = "testevent-set"


def _event(kube: Kube, name: str, **more: object) -> dict:
    return {
        "metadata": {"name": name, "labels": {_LABEL: "true"}},
        "eventTime": "2026-01-01T00:00:01.000000Z",
        "note": f"This is {name}",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "reportingController": "test-controller",
        "reportingInstance": "test-node",
        "regarding": {"namespace": kube.namespace},
        **more,
    }


def _core_event(kube: Kube, name: str, **more: object) -> dict:
    return {
        "metadata": {"name": name, "labels": {"testevent-constant": "true", _LABEL: "true"}},
        "message": "This is a test event",
        "reason": "Test",
        "type": "Normal",
        "count": 1,
        "involvedObject": {"namespace": kube.namespace},
        **more,
    }


@conformance(
    "[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]"
)
def test_an_event_of_the_new_group_lives(kube: Kube) -> None:
    events = Operations(kube.events, "event", kube.namespace)
    select = f"{_LABEL}=true"
    path = f"/apis/events.k8s.io/v1/namespaces/{kube.namespace}/events/event-test"
    assert kube.events.list_event_for_all_namespaces(label_selector=select).items == []
    made = events.create(_event(kube, "event-test"))
    listed = kube.events.list_event_for_all_namespaces(label_selector=select).items
    assert [item.metadata.uid for item in listed] == [made.metadata.uid]
    by_controller = events.list(kube.namespace, field_selector="reportingController=test-controller").items
    assert [item.metadata.name for item in by_controller] == ["event-test"]
    assert events.list(kube.namespace, field_selector="reportingController=other").items == []
    events.patch("event-test", {"note": "patched"})
    assert events.read("event-test").note == "patched"
    series = {"count": 100, "lastObservedTime": "2026-01-01T00:00:02.000000Z"}
    answer = kube.request("PUT", path, {**kube.get(path), "series": series})
    assert answer.status == 200, answer.text
    assert kube.get(path)["series"] == series
    as_core = kube.core.read_namespaced_event("event-test", kube.namespace)
    assert (as_core.message, as_core.series.count, as_core.reporting_component) == ("patched", 100, "test-controller")
    events.delete("event-test")
    with refused(404):
        events.read("event-test")
    assert kube.events.list_event_for_all_namespaces(label_selector=select).items == []


@conformance("[sig-instrumentation] Events API should delete a collection of events [Conformance]")
def test_events_of_the_new_group_are_deleted_by_label(kube: Kube) -> None:
    _check_collection(kube, Operations(kube.events, "event", kube.namespace), _event)


@conformance("[sig-instrumentation] Events should delete a collection of events [Conformance]")
def test_core_events_are_deleted_by_label(kube: Kube) -> None:
    _check_collection(kube, Operations(kube.core, "event", kube.namespace), _core_event)


def _check_collection(kube: Kube, events: Operations, make: Callable[[Kube, str], dict]) -> None:
    for number in (1, 2, 3):
        events.create(make(kube, f"test-event-{number}"))
    events.create({**make(kube, "other"), "metadata": {"name": "other"}})
    listed = events.list(kube.namespace, label_selector=f"{_LABEL}=true").items
    assert [item.metadata.name for item in listed] == ["test-event-1", "test-event-2", "test-event-3"]
    events.delete_collection(label_selector=f"{_LABEL}=true")
    assert events.list(kube.namespace, label_selector=f"{_LABEL}=true").items == []
    assert events.read("other").metadata.name == "other"


@conformance("[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]")
def test_a_core_event_lives(kube: Kube) -> None:
    events = Operations(kube.core, "event", kube.namespace)
    select = {"label_selector": "testevent-constant=true"}
    source = {"component": "e2e", "host": "here"}
    stamps = {"firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:01Z"}
    events.create(_core_event(kube, "event-test", source=source, **stamps))
    everywhere = kube.core.list_event_for_all_namespaces(**select).items
    assert [(item.metadata.name, item.metadata.namespace) for item in everywhere] == [("event-test", kube.namespace)]
    events.patch("event-test", {"message": "This is a test event - patched", "metadata": {"labels": {"x": "y"}}})
    read = events.read("event-test")
    assert (read.message, read.metadata.labels["x"]) == ("This is a test event - patched", "y")
    wire = {
        **kube.wire(read),
        "series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:05.000000Z"},
        "action": "Check",
    }
    events.replace("event-test", wire)
    read = events.read("event-test")
    assert (read.series.count, read.action, read.source.component) == (2, "Check", "e2e")
    events.delete("event-test")
    assert kube.core.list_event_for_all_namespaces(**select).items == []
    with refused(404):
        events.read("event-test")
