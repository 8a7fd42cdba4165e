import asyncio

import pytest

from kube_nb.client import ratelimit, trigger
from kube_nb.client.errors import ShutDown
from kube_nb.client.workqueue import WorkQueue
from kube_nb.machinery.clock import periodic


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def test_keys_come_in_the_order_in_which_they_were_added():
    queue = WorkQueue()
    for key in ("c", "a", "b"):
        queue.add(key)
    assert [await queue.get() for _ in range(3)] == ["c", "a", "b"]


async def test_a_key_added_twice_before_it_is_handed_out_is_handed_out_once():
    queue = WorkQueue()
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_comes_again_after_done_only():
    queue = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert len(queue) == 1
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_getters_wait_their_turn_and_a_cancelled_one_loses_no_key():
    queue = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await second == "a"


async def test_a_delayed_key_comes_exactly_when_its_delay_has_passed():
    queue = WorkQueue()
    queue.add_after("late", 5)
    queue.add_after("soon", 2)
    assert (await queue.get(), now_s()) == ("soon", 2)
    assert (await queue.get(), now_s()) == ("late", 5)


@pytest.mark.parametrize("delays", [(10, 3), (3, 10)], ids=["the later first", "the earlier first"])
async def test_of_two_delays_for_one_key_the_earliest_counts_and_it_comes_once(delays):
    queue = WorkQueue()
    for delay_s in delays:
        queue.add_after("a", delay_s)
    assert (await queue.get(), now_s()) == ("a", 3)
    queue.done("a")
    await asyncio.sleep(20)
    assert len(queue) == 0


async def test_no_delay_is_no_wait():
    queue = WorkQueue()
    queue.add_after("a", 0)
    assert len(queue) == 1


async def test_housekeeping_delays_do_not_keep_the_cluster_from_settling():
    loop = asyncio.get_running_loop()
    queue = WorkQueue()
    with periodic():
        queue.add_after("resync", 10)
    queue.add_after("work", 4)
    await loop.settle()
    assert (loop.time(), await queue.get()) == (4, "work")
    assert (await queue.get(), loop.time()) == ("resync", 10)


async def test_failures_of_a_key_double_its_delay_until_forgotten():
    queue = WorkQueue()
    times = []
    for _ in range(4):
        queue.add_rate_limited("a")
        await queue.get()
        queue.done("a")
        times.append(round(now_s(), 6))
    assert times == [0.005, 0.015, 0.035, 0.075]
    assert queue.num_requeues("a") == 4
    queue.forget("a")
    assert queue.num_requeues("a") == 0


def test_the_delay_of_one_key_stops_at_a_thousand_seconds():
    limiter = ratelimit.ItemExponential()
    assert [limiter.when("a") for _ in range(2000)][-1] == 1000


async def test_all_keys_together_are_let_through_a_hundred_at_once_then_ten_a_second():
    limiter = ratelimit.Bucket()
    assert [limiter.when(str(number)) for number in range(103)][98:] == [0, 0, 0.1, 0.2, 0.3]
    await asyncio.sleep(1)
    assert limiter.when("x") == 0


async def test_the_bucket_can_be_left_out():
    queue = WorkQueue(ratelimit.ItemExponential())
    for number in range(1000):
        queue.add_rate_limited(str(number))
    await asyncio.sleep(0.005)
    assert len(queue) == 1000


async def test_a_queue_that_is_shut_down_hands_out_what_is_ready_and_then_ends():
    queue = WorkQueue()
    queue.add("ready")
    queue.add_after("late", 1)
    queue.shut_down()
    queue.add("refused")
    assert await queue.get() == "ready"
    with pytest.raises(ShutDown):
        await queue.get()


async def test_shutting_down_wakes_those_who_wait():
    queue = WorkQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.shut_down()
    for task in waiting:
        with pytest.raises(ShutDown):
            await task


async def test_a_key_remembers_the_newest_revision_that_added_it_through_delays_too():
    queue = WorkQueue()
    for revision in (7, 9, 8):
        trigger.current.set(revision)
        queue.add("a")
    queue.add_after("b", 1)
    trigger.current.set(0)
    queue.add_after("c", 1)
    await queue.get()
    assert queue.trigger("a") == 9
    assert [(await queue.get(), queue.trigger(key)) for key in ("b", "c")] == [("b", 8), ("c", 0)]
    queue.done("a")
    assert queue.trigger("a") == 0
