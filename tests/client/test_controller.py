import asyncio
import logging

import pytest

from kube_nb.client.controller import Controller
from kube_nb.client.informer import InformerFactory
from kube_nb.client.ratelimit import ItemExponential
from kube_nb.client.workqueue import WorkQueue
from kube_nb.machinery import cause
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.gvk import GVR
from tests.client.fakeserver import FakeServer

THINGS = GVR("", "v1", "things")
DEFAULT = "/api/v1/namespaces/default/things"


class Recorded:
    """A reconciler that notes (key, time, cause) and answers from a list: a result, or an exception to raise."""

    def __init__(self, *answers) -> None:
        self.calls: list[tuple[str, float]] = []
        self.causes: list[Cause] = []
        self.answers = list(answers)

    async def __call__(self, key: str) -> float | None:
        self.calls.append((key, round(asyncio.get_running_loop().time(), 6)))
        self.causes.append(cause.current.get())
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


async def ran(controller: Controller, seconds: float) -> None:
    task = asyncio.create_task(controller.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])
    assert not [each for each in asyncio.all_tasks() if " worker " in each.get_name()]


async def test_each_key_is_reconciled_and_nothing_is_left_running():
    reconcile = Recorded()
    controller = Controller("things", reconcile)
    controller.enqueue("default/a")
    controller.enqueue({"metadata": {"name": "b", "namespace": "default"}})
    await ran(controller, 1)
    assert reconcile.calls == [("default/a", 0), ("default/b", 0)]


async def test_a_number_means_look_again_after_so_many_seconds():
    reconcile = Recorded(30.0)
    controller = Controller("things", reconcile)
    controller.enqueue("a")
    await ran(controller, 100)
    assert reconcile.calls == [("a", 0), ("a", 30)]


async def test_an_error_is_logged_and_tried_again_with_growing_delays(caplog):
    reconcile = Recorded(ValueError("no"), ValueError("still no"))
    controller = Controller("things", reconcile)
    controller.enqueue("a")
    with caplog.at_level(logging.ERROR):
        await ran(controller, 1)
    assert reconcile.calls == [("a", 0), ("a", 0.005), ("a", 0.015)]
    assert "reconciling things a failed: no" in caplog.text
    assert controller.queue.num_requeues("a") == 0


async def test_a_key_is_given_up_after_its_retries_when_there_is_a_limit():
    reconcile = Recorded(*[ValueError("no")] * 10)
    controller = Controller("things", reconcile, max_retries=2, queue=WorkQueue(ItemExponential()))
    controller.enqueue("a")
    await ran(controller, 10)
    assert len(reconcile.calls) == 3


async def test_two_workers_share_the_keys_but_never_one_key():
    active: list[str] = []
    most = 0

    async def reconcile(key: str) -> None:
        nonlocal most
        assert key not in active
        active.append(key)
        most = max(most, len(active))
        await asyncio.sleep(1)
        active.remove(key)

    controller = Controller("things", reconcile, workers=2)
    for key in ("a", "b", "c"):
        controller.enqueue(key)
    task = asyncio.create_task(controller.run())
    await asyncio.sleep(0.5)
    controller.enqueue("a")
    await asyncio.sleep(10)
    task.cancel()
    await asyncio.wait([task])
    assert most == 2


async def test_it_ends_when_its_queue_is_shut_down():
    controller = Controller("things", Recorded())
    controller.queue.shut_down()
    await controller.run()


async def test_what_it_writes_is_caused_by_the_newest_revision_that_enqueued_the_key():
    server = FakeServer()
    factory = InformerFactory(server.client())
    reconcile = Recorded(5.0)
    controller = Controller("things", reconcile)
    controller.watch(factory.informer(THINGS))
    await factory.start()
    await factory.wait_synced()
    server.put(f"{DEFAULT}/a", {"spec": 1})
    server.put(f"{DEFAULT}/a", {"spec": 2})
    await ran(controller, 10)
    assert reconcile.calls == [("default/a", 0), ("default/a", 5)]
    assert reconcile.causes == [Cause("things", 2), Cause("things", 2)]
    assert cause.current.get() == cause.UNKNOWN
    await factory.stop()


@pytest.mark.parametrize("workers", [1, 3])
async def test_other_tasks_get_their_turn_after_each_key(workers):
    controller = Controller("things", Recorded(), workers=workers)
    turns = []
    for number in range(30):
        controller.enqueue(str(number))

    async def other() -> None:
        for _ in range(100):
            turns.append(len(controller.queue))
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    running = asyncio.create_task(controller.run())
    await task
    running.cancel()
    await asyncio.wait([running])
    assert len([turn for turn in turns if 0 < turn < 30]) >= 30 // workers - 1
