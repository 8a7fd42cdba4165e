import asyncio

from kube_nb.api import resources
from kube_nb.client.events import NORMAL, WARNING, EventRecorder, reference
from kube_nb.machinery import cause, errors
from kube_nb.machinery.cause import Cause
from tests.client.fakeserver import FakeServer
from tests.client.realserver import RealServer, pod


def clock():
    return asyncio.get_running_loop()


async def recorded(server: RealServer):
    return (await server.client().list(resources.EVENTS, "default"))["items"]


async def test_an_event_says_what_happened_to_what_and_who_says_so():
    async with RealServer() as server:
        web = await server.client().create(resources.PODS, pod())
        recorder = EventRecorder(server.client(), "kubelet", clock(), "node-1")
        recorder.event(web, NORMAL, "Pulled", "image is there", field_path="spec.containers{nginx}")
        await recorder.flush()
        (event,) = await recorded(server)
    assert event["metadata"]["name"].startswith("web.18")
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "default",
        "name": "web",
        "uid": web["metadata"]["uid"],
        "apiVersion": "v1",
        "resourceVersion": web["metadata"]["resourceVersion"],
        "fieldPath": "spec.containers{nginx}",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Pulled", "image is there")
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert (event["reportingComponent"], event["reportingInstance"]) == ("kubelet", "node-1")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["count"] == 1


async def test_a_repeat_raises_the_count_of_the_event_that_is_there():
    async with RealServer() as server:
        web = await server.client().create(resources.PODS, pod())
        recorder = EventRecorder(server.client(), "kubelet", clock())
        for _ in range(3):
            recorder.event(web, WARNING, "BackOff", "Back-off restarting failed container")
            await asyncio.sleep(30)
        (event,) = await recorded(server)
    assert event["count"] == 3
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")


async def test_a_repeat_of_an_event_that_has_expired_is_a_new_one():
    async with RealServer() as server:
        web = await server.client().create(resources.PODS, pod())
        recorder = EventRecorder(server.client(), "kubelet", clock())
        recorder.event(web, NORMAL, "Pulled", "there")
        await recorder.flush()
        await server.client().delete_collection(resources.EVENTS, "default")
        recorder.event(web, NORMAL, "Pulled", "there")
        await recorder.flush()
        (event,) = await recorded(server)
    assert event["count"] == 2


async def test_the_tenth_look_alike_stands_for_all_that_follow():
    async with RealServer() as server:
        web = await server.client().create(resources.PODS, pod())
        recorder = EventRecorder(server.client(), "scheduler", clock())
        for number in range(12):
            recorder.event(web, WARNING, "FailedScheduling", f"attempt {number}")
        await recorder.flush()
        events = await recorded(server)
    assert len(events) == 10
    combined = [event for event in events if event["message"].startswith("(combined from similar events): ")]
    assert [(event["message"], event["count"]) for event in combined] == [
        ("(combined from similar events): attempt 11", 3)
    ]


async def test_look_alikes_far_apart_stay_apart():
    async with RealServer() as server:
        web = await server.client().create(resources.PODS, pod())
        recorder = EventRecorder(server.client(), "scheduler", clock())
        for number in range(12):
            recorder.event(web, WARNING, "FailedScheduling", f"attempt {number}")
            await asyncio.sleep(601)
        assert len([each for each in await recorded(server) if "combined" in each["message"]]) == 0


async def test_after_25_events_about_an_object_a_component_is_heard_once_in_five_minutes():
    server = FakeServer()
    recorder = EventRecorder(server.client(), "kubelet", clock())
    web = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default", "uid": "1"}}

    async def burst(number: int) -> int:
        before = server.revision
        for each in range(number):
            recorder.event(web, NORMAL, f"Reason{each}", "x")
        await recorder.flush()
        return server.revision - before

    assert await burst(40) == 25
    await asyncio.sleep(300)
    assert await burst(5) == 1
    recorder.event({**web, "metadata": {**web["metadata"], "uid": "2"}}, NORMAL, "Other", "x")
    assert await burst(0) == 1


async def test_events_wait_for_a_server_and_carry_what_caused_them():
    async with RealServer() as server:
        web = await server.client().create(resources.PODS, pod())
        server.up = False
        recorder = EventRecorder(server.client(), "kubelet", clock())
        with cause.because(Cause("kubelet", 7)):
            recorder.event(web, NORMAL, "Started", "x")
        await asyncio.sleep(5)
        server.up = True
        await asyncio.sleep(20)
        (event,) = await recorded(server)
        assert server.api.causes[int(event["metadata"]["resourceVersion"])] == Cause("kubelet", 7)


async def test_an_event_is_given_up_when_no_server_comes():
    server = FakeServer()
    server.up = False
    recorder = EventRecorder(server.client(), "kubelet", clock())
    recorder.event({"kind": "Node", "apiVersion": "v1", "name": "n"}, NORMAL, "Starting", "x")
    await recorder.flush()
    assert 110 <= clock().time() <= 120
    assert len(asyncio.all_tasks()) == 1


async def test_a_refused_event_is_dropped_and_the_next_one_written():
    server = FakeServer()
    recorder = EventRecorder(server.client(), "kubelet", clock())
    refusals = [errors.forbidden("events", "", "no")]

    def answer(request):
        if refusals:
            raise refusals.pop()

    server.answer = answer
    for reason in ("First", "Second"):
        recorder.event({"kind": "Node", "apiVersion": "v1", "name": "n"}, NORMAL, reason, "x")
    await recorder.flush()
    assert [each["reason"] for each in server.objects.values()] == ["Second"]
    assert next(iter(server.objects)).startswith("/api/v1/namespaces/default/events/n.")


async def test_stopping_forgets_what_waits():
    server = FakeServer()
    server.up = False
    recorder = EventRecorder(server.client(), "kubelet", clock())
    recorder.event({"kind": "Node", "apiVersion": "v1", "name": "n"}, NORMAL, "Starting", "x")
    await asyncio.sleep(1)
    await recorder.stop()
    assert len(asyncio.all_tasks()) == 1


def test_a_reference_leaves_out_what_is_empty():
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "uid": "n"}}
    assert reference(node) == {"kind": "Node", "name": "n", "uid": "n", "apiVersion": "v1"}
