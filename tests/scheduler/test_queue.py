from kube_nb.machinery.types import Obj
from kube_nb.scheduler.framework.events import ASSIGNED_POD, NODE, Action, ClusterEvent, Registration
from kube_nb.scheduler.plugins.priority_sort import PrioritySort
from kube_nb.scheduler.plugins.scheduling_gates import SchedulingGates
from kube_nb.scheduler.pod_info import PodInfo, PodShapes
from kube_nb.scheduler.queue import QueuedPod, SchedulingQueue
from tests.scheduler.bench import pod

NODE_ADDED = ClusterEvent(NODE, Action.ADD)
POD_GONE = ClusterEvent(ASSIGNED_POD, Action.DELETE)


def queue() -> SchedulingQueue:
    registrations = {
        "Fit": [Registration(NODE_ADDED)],
        "Picky": [Registration(NODE_ADDED, lambda pod, old, new: False)],
    }
    return SchedulingQueue(PrioritySort().sort_key, SchedulingGates().pre_enqueue, registrations)


def info(obj: Obj) -> PodInfo:
    return PodInfo(obj, PodShapes().of(obj["spec"]))


def popped(found: SchedulingQueue, now_s: float) -> QueuedPod:
    queued = found.pop(now_s)
    assert queued is not None
    return queued


def test_priority_goes_before_age() -> None:
    found = queue()
    for at_s, (name, priority) in enumerate((("old", 0), ("young", 0), ("vip", 5))):
        found.add(info(pod(name, priority=priority)), at_s)
    assert [popped(found, 3).pod.name for _ in range(3)] == ["vip", "old", "young"]


def test_a_refused_pod_waits_for_an_event_that_its_plugin_named() -> None:
    found = queue()
    found.add(info(pod("p")), 0)
    found.add_unschedulable(popped(found, 0), ["Fit"], 0)
    found.move(POD_GONE, {}, None, 20)
    assert found.pop(20) is None
    found.move(NODE_ADDED, None, {}, 20)
    assert popped(found, 20).attempts == 2


def test_a_hint_that_says_no_leaves_the_pod_waiting() -> None:
    found = queue()
    found.add(info(pod("p")), 0)
    found.add_unschedulable(popped(found, 0), ["Picky"], 0)
    found.move(NODE_ADDED, None, {}, 20)
    assert found.pending()["unschedulable"] == ["default/p"]


def test_what_happens_during_an_attempt_is_not_missed() -> None:
    found = queue()
    for name in ("p", "q"):
        found.add(info(pod(name)), 0)
    first, second = popped(found, 0), popped(found, 0)
    found.move(POD_GONE, {}, None, 0)
    found.move(NODE_ADDED, None, {}, 0)
    found.add_unschedulable(second, ["Picky"], 0)
    found.add_unschedulable(first, ["Fit"], 0)
    assert found.pending()["backoff"] == ["default/p"]
    assert found.pending()["unschedulable"] == ["default/q"]
    again = popped(found, 0)
    found.add_unschedulable(again, ["Fit"], 0)
    assert found.pending()["unschedulable"] == ["default/q", "default/p"]


def test_a_fault_backs_off_one_two_four_up_to_ten_seconds() -> None:
    found = queue()
    found.add(info(pod("p")), 0)
    now_s, delays = 0.0, []
    for _ in range(6):
        found.add_unschedulable(popped(found, now_s), (), now_s)
        due_s = found.next_due_s()
        assert due_s is not None
        assert found.pop(due_s - 0.5) is None
        delays.append(due_s - now_s)
        now_s = due_s
    assert delays == [1, 2, 4, 8, 10, 10]


def test_with_nothing_else_to_do_a_pod_that_backs_off_after_a_refusal_is_tried_early() -> None:
    found = queue()
    found.add(info(pod("p")), 0)
    found.add_unschedulable(popped(found, 0), ["Fit"], 0)
    found.move(NODE_ADDED, None, {}, 0.1)
    assert found.pending()["backoff"] == ["default/p"]
    found.add(info(pod("q")), 0.2)
    assert [popped(found, 0.2).pod.name for _ in range(2)] == ["q", "p"]


def test_after_five_minutes_without_an_event_a_pod_is_tried_again() -> None:
    found = queue()
    found.add(info(pod("p")), 0)
    found.add_unschedulable(popped(found, 0), ["Fit"], 0)
    found.flush_unschedulable(300)
    assert found.pop(300) is None
    found.flush_unschedulable(301)
    assert popped(found, 301).pod.name == "p"


def test_gates_keep_a_pod_out_until_they_are_gone() -> None:
    found = queue()
    found.add(info(pod("p", schedulingGates=[{"name": "x"}])), 0)
    assert found.pop(1) is None
    assert found.pending()["gated"] == ["default/p"]
    found.update(info(pod("p")), 2)
    assert popped(found, 2).pod.name == "p"


def test_a_deleted_pod_is_nowhere() -> None:
    found = queue()
    found.add(info(pod("p")), 0)
    found.delete("default/p")
    assert found.pop(1) is None
    found.add(info(pod("q")), 0)
    queued = popped(found, 0)
    found.delete("default/q")
    found.add_unschedulable(queued, ["Fit"], 0)
    assert len(found) == 0
