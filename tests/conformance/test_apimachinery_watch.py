"""Models test/e2e/apimachinery/watch.go."""

import itertools
import threading

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Events, Kube

_LABEL = "watch-this-configmap"


def _config_map(name: str, label: str = "multiple-watchers-A") -> dict:
    return {"metadata": {"name": name, "labels": {_LABEL: label}}}


def _mutate(kube: Kube, name: str, value: int) -> object:
    patch = {"data": {"mutation": str(value)}}
    return kube.core.patch_namespaced_config_map(name, kube.namespace, patch)


def _told(events: Events, *expected: str) -> None:
    """The next events are these; ``MODIFIED name 2``: with that mutation."""
    for text in expected:
        event = events.next()
        mutation = (event.object.data or {}).get("mutation", "")
        assert f"{event} {mutation}".strip() == text


@conformance(
    "[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]"
)
def test_watchers_see_just_what_their_selectors_match(kube: Kube) -> None:
    listing, ns = kube.core.list_namespaced_config_map, kube.namespace
    a, b = "multiple-watchers-A", "multiple-watchers-B"
    with (
        kube.watch(listing, ns, label_selector=f"{_LABEL}={a}") as of_a,
        kube.watch(listing, ns, label_selector=f"{_LABEL}={b}") as of_b,
        kube.watch(listing, ns, label_selector=f"{_LABEL} in ({a},{b})") as of_both,
    ):
        kube.core.create_namespaced_config_map(ns, _config_map("a", a))
        for events in (of_a, of_both):
            _told(events, "ADDED a")
        for value in (1, 2):
            _mutate(kube, "a", value)
            for events in (of_a, of_both):
                _told(events, f"MODIFIED a {value}")
        kube.core.delete_namespaced_config_map("a", ns)
        for events in (of_a, of_both):
            _told(events, "DELETED a 2")
        kube.core.create_namespaced_config_map(ns, _config_map("b", b))
        for events in (of_b, of_both):  # the first that B's watcher hears: nothing of A came before it
            _told(events, "ADDED b")
        kube.core.delete_namespaced_config_map("b", ns)
        for events in (of_b, of_both):
            _told(events, "DELETED b")
        kube.core.create_namespaced_config_map(ns, _config_map("a-last", a))
        _told(of_a, "ADDED a-last")  # and nothing of B in between


@conformance(
    "[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]"
)
def test_a_watch_from_a_version_tells_what_came_after_it(kube: Kube) -> None:
    ns = kube.namespace
    kube.core.create_namespaced_config_map(ns, _config_map("past"))
    first = _mutate(kube, "past", 1)
    _mutate(kube, "past", 2)
    kube.core.delete_namespaced_config_map("past", ns)
    version = first.metadata.resource_version
    with kube.watch(kube.core.list_namespaced_config_map, ns, resource_version=version) as events:
        _told(events, "MODIFIED past 2", "DELETED past 2")


@conformance(
    "[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch [Conformance]"
)
def test_a_new_watch_goes_on_where_the_last_one_ended(kube: Kube) -> None:
    listing, ns = kube.core.list_namespaced_config_map, kube.namespace
    with kube.watch(listing, ns, label_selector=_LABEL) as events:
        kube.core.create_namespaced_config_map(ns, _config_map("interrupted"))
        _mutate(kube, "interrupted", 1)
        _told(events, "ADDED interrupted")
        event = events.next()
        assert str(event) == "MODIFIED interrupted"
        seen = event.object.metadata.resource_version
    _mutate(kube, "interrupted", 2)
    kube.core.delete_namespaced_config_map("interrupted", ns)
    with kube.watch(listing, ns, label_selector=_LABEL, resource_version=seen) as events:
        _told(events, "MODIFIED interrupted 2", "DELETED interrupted 2")


@conformance(
    "[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector [Conformance]"
)
def test_leaving_the_selector_is_a_deletion_and_coming_back_an_addition(kube: Kube) -> None:
    listing, ns = kube.core.list_namespaced_config_map, kube.namespace

    def relabel(value: str) -> None:
        kube.core.patch_namespaced_config_map("moved", ns, {"metadata": {"labels": {_LABEL: value}}})

    with kube.watch(listing, ns, label_selector=f"{_LABEL}=in") as events:
        kube.core.create_namespaced_config_map(ns, _config_map("moved", "in"))
        _mutate(kube, "moved", 1)
        relabel("out")
        _told(events, "ADDED moved", "MODIFIED moved 1", "DELETED moved 1")
        _mutate(kube, "moved", 2)  # outside: nobody hears of it
        relabel("in")
        _mutate(kube, "moved", 3)
        kube.core.delete_namespaced_config_map("moved", ns)
        _told(events, "ADDED moved 2", "MODIFIED moved 3", "DELETED moved 3")


@conformance("[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]")
def test_watches_opened_at_any_event_see_the_same_order(kube: Kube) -> None:
    listing, ns = kube.core.list_namespaced_config_map, kube.namespace
    written = threading.Thread(target=_write_at_random, args=(kube, 60), name="conformance-writer")
    with kube.watch(listing, ns, label_selector=_LABEL) as first:
        written.start()
        versions = [first.next().object.metadata.resource_version for _ in range(60)]
        written.join()
    assert versions == sorted(versions, key=int)
    for opened_at in range(0, 60, 6):
        with kube.watch(listing, ns, resource_version=versions[opened_at]) as events:
            later = [events.next().object.metadata.resource_version for _ in versions[opened_at + 1 :]]
        assert later == versions[opened_at + 1 :]


def _write_at_random(kube: Kube, count: int) -> None:
    """Create, update and delete, each in its turn, so that there is always something to do it to."""
    numbers = itertools.count()
    for _ in range(count // 3):
        name = f"cm-{next(numbers)}"
        kube.core.create_namespaced_config_map(kube.namespace, _config_map(name))
        _mutate(kube, name, 1)
        kube.core.delete_namespaced_config_map(name, kube.namespace)
