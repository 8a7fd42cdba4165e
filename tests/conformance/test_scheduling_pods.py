"""Models test/e2e/scheduling/predicates.go and preemption.go: the rows whose pods are bound and run."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import condition_of, is_ready, names, pod, pods, running, when, workload

_RESOURCE = "scheduling.k8s.io/foo"


def _cpu(amount: str, **more: str) -> dict[str, Any]:
    requests = {"cpu": amount, **more}
    return {"resources": {"requests": requests, "limits": requests}}


def _create(kube: Kube, name: str, *, namespace: str = "", **fields: Any) -> Any:
    return kube.core.create_namespaced_pod(namespace or kube.namespace, pod(name, **fields))


def _read(kube: Kube, name: str) -> Any:
    return kube.core.read_namespaced_pod(name, kube.namespace)


def _class(kube: Kube, name: str, value: int) -> None:
    kube.scheduling.create_priority_class({"metadata": {"name": name}, "value": value})


def _offer(kube: Kube, amount: int) -> None:
    """So many of an extended resource on both nodes."""
    for node in ("node-1", "node-2"):
        patch = [
            {"op": "add", "path": f"/status/{what}/{_RESOURCE.replace('/', '~1')}", "value": str(amount)}
            for what in ("capacity", "allocatable")
        ]
        kube.core.patch_node_status(node, patch)


def _unschedulable(kube: Kube, name: str, message: str) -> None:
    scheduled = condition_of(_read(kube, name), "PodScheduled")
    assert (scheduled.status, scheduled.reason) == ("False", "Unschedulable")
    assert message in scheduled.message


@conformance(
    "[sig-scheduling] SchedulerPredicates validates resource limits of pods that are allowed to run [Conformance] [Serial]"
)
def test_a_pod_that_asks_for_more_cpu_than_is_left_stays_pending(kube: Kube) -> None:
    for node in ("node-1", "node-2"):
        _create(kube, f"filler-{node}", nodeName=node, container=_cpu("2800m"))
    kube.settle()
    _create(kube, "additional-pod", container=_cpu("2400m"))
    kube.settle()
    _unschedulable(kube, "additional-pod", "2 Insufficient cpu")
    reasons = {each.reason for each in kube.core.list_namespaced_event(kube.namespace).items}
    assert "FailedScheduling" in reasons


@conformance(
    "[sig-scheduling] SchedulerPredicates validates that NodeSelector is respected if matching [Conformance] [Serial]"
)
def test_a_pod_lands_on_the_node_with_the_label(kube: Kube) -> None:
    kube.core.patch_node("node-2", {"metadata": {"labels": {"kubernetes.io/e2e-label": "42"}}})
    _create(kube, "with-labels", nodeSelector={"kubernetes.io/e2e-label": "42"})
    assert running(kube, "with-labels").spec.node_name == "node-2"


@conformance(
    "[sig-scheduling] SchedulerPredicates validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP [Conformance] [Serial]"
)
def test_a_host_port_of_every_address_conflicts_with_that_of_one(kube: Kube) -> None:
    def port(ip: str) -> dict[str, Any]:
        return {"ports": [{"containerPort": 8080, "hostPort": 54322, "protocol": "TCP", "hostIP": ip}]}

    here = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}}
    _create(kube, "pod4", container=port(""), **here)
    running(kube, "pod4")
    _create(kube, "pod5", container=port("127.0.0.1"), **here)
    kube.settle()
    _unschedulable(kube, "pod5", "didn't have free ports for the requested pod ports")


def _fill(kube: Kube) -> None:
    """A pod of low and one of medium priority take two thirds of what each node offers."""
    _class(kube, "low", 1)
    _class(kube, "medium", 100)
    _class(kube, "high", 1000)
    _offer(kube, 5)
    for number, (node, priority) in enumerate((("node-1", "low"), ("node-2", "medium"))):
        here = {"kubernetes.io/hostname": node}
        _create(kube, f"pod{number}", priorityClassName=priority, container=_foo(3), nodeSelector=here)
    kube.settle()
    assert [is_ready(each) for each in pods(kube)] == [True, True]


def _foo(amount: int) -> dict[str, Any]:
    counts = {_RESOURCE: str(amount)}
    return {"resources": {"requests": counts, "limits": counts}}


@conformance("[sig-scheduling] SchedulerPreemption validates basic preemption works [Conformance] [Serial]")
def test_a_pod_of_high_priority_takes_the_place_of_one_of_low(kube: Kube) -> None:
    _fill(kube)
    _create(kube, "preemptor-pod", priorityClassName="high", container=_foo(3))
    assert running(kube, "preemptor-pod").spec.node_name == "node-1"
    kube.settle()
    assert names(pods(kube)) == ["pod1", "preemptor-pod"]


@conformance(
    "[sig-scheduling] SchedulerPreemption validates lower priority pod preemption by critical pod [Conformance] [Serial]"
)
def test_a_critical_pod_takes_the_place_of_one_of_low_priority(kube: Kube) -> None:
    _fill(kube)
    critical = {"priorityClassName": "system-cluster-critical", "container": _foo(3)}
    _create(kube, "critical-pod", namespace="kube-system", **critical)
    kube.settle()
    found = kube.core.read_namespaced_pod("critical-pod", "kube-system")
    assert is_ready(found)
    assert found.spec.node_name == "node-1"
    assert names(pods(kube)) == ["pod1"]


@conformance(
    "[sig-scheduling] SchedulerPreemption validates pod disruption condition is added to the preempted pod [Conformance] [Serial]"
)
def test_a_victim_is_told_why_it_has_to_go(kube: Kube) -> None:
    _class(kube, "low", 1)
    _class(kube, "high", 1000)
    _offer(kube, 1)
    here = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}, "container": _foo(1)}
    body = pod("victim-pod", priorityClassName="low", **here)
    body["metadata"]["finalizers"] = ["example.com/test-finalizer"]
    kube.core.create_namespaced_pod(kube.namespace, body)
    running(kube, "victim-pod")
    _create(kube, "preemptor-pod", priorityClassName="high", **here)
    victim = when(
        kube, kube.core.list_namespaced_pod, "victim-pod", lambda found: found.metadata.deletion_timestamp is not None
    )
    told = condition_of(victim, "DisruptionTarget")
    assert (told.status, told.reason) == ("True", "PreemptionByScheduler")
    kube.core.patch_namespaced_pod("victim-pod", kube.namespace, {"metadata": {"finalizers": None}})
    kube.settle()


@conformance(
    "[sig-scheduling] SchedulerPreemption PreemptionExecutionPath runs ReplicaSets to verify preemption running path [Conformance] [Serial]"
)
def test_replica_sets_of_four_priorities_preempt_each_other_as_they_should(kube: Kube) -> None:
    """1000 of a resource on one node: 5 x 40 + 4 x 50 + 4 x 95 leave room for all; 1 x 400 must drive some away."""
    _offer(kube, 1000)
    here = {"kubernetes.io/hostname": "node-1"}
    for priority, replicas, amount in ((1, 5, 40), (2, 4, 50), (3, 4, 95), (4, 1, 400)):
        name = f"p{priority}"
        _class(kube, name, priority)
        body = workload(f"rs-pod{priority}", labels={"name": name}, replicas=replicas)
        spec = body["spec"]["template"]["spec"]
        spec |= {"priorityClassName": name, "nodeSelector": here}
        spec["containers"][0] |= _foo(amount)
        kube.apps.create_namespaced_replica_set(kube.namespace, body)
        kube.settle()
    running_now = {
        f"p{priority}": len([each for each in pods(kube, f"name=p{priority}") if is_ready(each)])
        for priority in (1, 2, 3, 4)
    }
    assert running_now == {"p1": 0, "p2": 4, "p3": 4, "p4": 1}
    assert {each.status.phase for each in pods(kube, "name=p1")} == {"Pending"}
