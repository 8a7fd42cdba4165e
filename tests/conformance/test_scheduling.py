"""Models rows of test/e2e/scheduling: limit_range.go, predicates.go, preemption.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused


def _resources(cpu: str, memory: str, storage: str) -> dict:
    return {"cpu": cpu, "memory": memory, "ephemeral-storage": storage}


_MIN = _resources("50m", "100Mi", "100Gi")
_MAX = _resources("500m", "500Mi", "500Gi")
_DEFAULT = _resources("500m", "500Mi", "500Gi")
_DEFAULT_REQUEST = _resources("100m", "200Mi", "200Gi")


def _limits(minimum: dict = _MIN, maximum: dict = _MAX) -> dict:
    row = {"type": "Container", "min": minimum, "max": maximum}
    return {"limits": [{**row, "default": _DEFAULT, "defaultRequest": _DEFAULT_REQUEST}]}


def _pod(name: str, requests: dict | None = None, limits: dict | None = None) -> dict:
    resources = {"requests": requests or {}, "limits": limits or {}}
    container = {"name": "pause", "image": "registry.k8s.io/pause", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


@conformance(
    "[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]"
)
def test_a_limit_range_fills_in_and_bounds(kube: Kube) -> None:
    ranges = Operations(kube.core, "limit_range", kube.namespace)
    pods = Operations(kube.core, "pod", kube.namespace)
    with kube.watch(kube.core.list_namespaced_limit_range, kube.namespace) as events:
        ranges.create({"metadata": {"name": "limit-range"}, "spec": _limits()})
        assert str(events.next()) == "ADDED limit-range"
    assert kube.wire(ranges.read("limit-range"))["spec"] == _limits()

    found = pods.create(_pod("no-resources")).spec.containers[0].resources
    assert (found.requests, found.limits) == (_DEFAULT_REQUEST, _DEFAULT)
    partly = {"cpu": "300m", "memory": "250Mi"}, {"memory": "400Mi"}
    found = pods.create(_pod("partial-resources", *partly)).spec.containers[0].resources
    assert found.requests == {**_DEFAULT_REQUEST, **partly[0]}
    assert found.limits == {**_DEFAULT, **partly[1]}

    with refused(403, contains="minimum cpu usage per Container is 50m, but request is 10m"):
        pods.create(_pod("too-little", _resources("10m", "50Mi", "50Gi")))
    with refused(403, contains="maximum cpu usage per Container is 500m, but limit is 600m"):
        pods.create(_pod("too-much", limits=_resources("600m", "600Mi", "600Gi")))

    smaller = _resources("9m", "49Mi", "49Gi")
    ranges.replace("limit-range", {"metadata": {"name": "limit-range"}, "spec": _limits(minimum=smaller)})
    assert kube.wire(ranges.read("limit-range"))["spec"]["limits"][0]["min"] == smaller
    pods.create(_pod("little", _resources("10m", "50Mi", "50Gi")))
    with refused(403, contains="maximum memory usage per Container is 500Mi, but limit is 600Mi"):
        pods.create(_pod("too-much", limits=_resources("600m", "600Mi", "600Gi")))

    ranges.delete("limit-range")
    kube.until_gone(ranges.read, "limit-range")
    pods.create(_pod("much", limits=_resources("600m", "600Mi", "600Gi")))


@conformance("[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]")
def test_limit_ranges_are_listed_patched_and_deleted_by_label(kube: Kube) -> None:
    other = kube.new_namespace("limit-range-other")
    select = "limitrange=e2e"
    for namespace in (kube.namespace, other):
        body = {"metadata": {"name": "limits", "labels": {"limitrange": "e2e"}}, "spec": _limits()}
        Operations(kube.core, "limit_range", namespace).create(body)
    everywhere = kube.core.list_limit_range_for_all_namespaces(label_selector=select).items
    assert {item.metadata.namespace for item in everywhere} == {kube.namespace, other}
    ranges = Operations(kube.core, "limit_range", kube.namespace)
    row = {"type": "Container", "min": {"cpu": "49m"}}
    patched = ranges.patch("limits", {"metadata": {"labels": {"patched": "yes"}}, "spec": {"limits": [row]}})
    assert patched.metadata.labels["patched"] == "yes"
    assert patched.spec.limits[0].min["cpu"] == "49m"
    ranges.delete_collection(label_selector="patched=yes")
    assert ranges.list(kube.namespace).items == []
    left = kube.core.list_limit_range_for_all_namespaces(label_selector=select).items
    assert [item.metadata.namespace for item in left] == [other]


@conformance(
    "[sig-scheduling] SchedulerPredicates validates that NodeSelector is respected if not matching [Conformance] [Serial]"
)
def test_a_pod_whose_selector_no_node_matches_stays_pending(kube: Kube) -> None:
    spec = {**_pod("restricted")["spec"], "nodeSelector": {"label": "nonempty"}}
    kube.core.create_namespaced_pod(kube.namespace, {"metadata": {"name": "restricted"}, "spec": spec})
    kube.settle()
    pod = kube.core.read_namespaced_pod("restricted", kube.namespace)
    assert (pod.status.phase, pod.spec.node_name) == ("Pending", None)
    events = kube.core.list_namespaced_event(kube.namespace, field_selector="reason=FailedScheduling").items
    assert "didn't match Pod's node affinity/selector" in events[0].message


@conformance(
    "[sig-scheduling] SchedulerPreemption PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance] [Serial]"
)
def test_a_priority_class_keeps_its_value(kube: Kube) -> None:
    classes = Operations(kube.scheduling, "priority_class")
    for name, value in (("p1", 1), ("p2", 2)):
        classes.create({"metadata": {"name": name}, "value": value})
        made = classes.read(name)
        for change in ({"value": 10}, {"globalDefault": None, "value": 11}):
            with refused(422, reason="Invalid", contains="value: Forbidden: may not be changed in an update."):
                classes.patch(name, change)
        with refused(422, reason="Invalid", contains="value: Forbidden: may not be changed in an update."):
            classes.replace(name, {**kube.wire(made), "value": 12})
        patched = classes.patch(name, {"description": "patched"})
        assert (patched.value, patched.description) == (value, "patched")
        updated = classes.replace(name, {**kube.wire(patched), "description": "updated"})
        assert (updated.value, updated.description) == (value, "updated")
    assert {"p1", "p2"} <= {item.metadata.name for item in classes.list().items}
    for name in ("p1", "p2"):
        classes.delete(name)
        with refused(404):
            classes.read(name)
