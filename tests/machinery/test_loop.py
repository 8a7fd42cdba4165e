import asyncio
import concurrent.futures
import signal
import threading

import pytest

from kube_nb.machinery import clock, loop


async def test_sleep_takes_exactly_its_time_and_no_wall_time():
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop().time() == 3600


async def test_timers_due_together_fire_in_the_order_they_were_made():
    fired = []
    running = asyncio.get_running_loop()
    for number in range(50):
        running.call_at(5, fired.append, number)
    await asyncio.sleep(6)
    assert fired == list(range(50))


def settled_at(background, *, limit_s=60.0):
    """Where the clock stands after a command that started `background` has settled."""
    cluster = loop.ClusterLoop()
    try:
        task = cluster.create_task(background())
        cluster.run_until_complete(cluster.settle(limit_s))
        task.cancel()
        return cluster.time()
    finally:
        cluster.run_until_complete(asyncio.sleep(0))
        cluster.close()


def test_settle_waits_for_work_that_ends():
    async def work():
        await asyncio.sleep(7)
        await asyncio.sleep(5)

    assert settled_at(work) == 12


def test_settle_does_not_wait_for_housekeeping():
    async def renew():
        while True:
            await clock.periodic_sleep(10)

    assert settled_at(renew) == 0


def test_settle_leaves_timers_beyond_its_limit_alone():
    async def long_sleep():
        await asyncio.sleep(2)
        await asyncio.sleep(3600)

    assert settled_at(long_sleep) == 2


def test_advance_moves_time_exactly():
    cluster = loop.ClusterLoop()
    fired = []
    cluster.call_at(10, fired.append, "in")
    cluster.call_at(601, fired.append, "out")
    cluster.run_until_complete(cluster.advance(600))
    assert (cluster.time(), fired) == (600, ["in"])
    cluster.close()


def test_a_wait_for_what_never_comes_says_so():
    async def forever():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(loop.NothingLeftToHappen):
        loop.run(forever())


def test_streams_depend_on_seed_and_name_only():
    numbers = [loop.ClusterLoop(seed=seed) for seed in (1, 1, 2)]
    first, same, other = (each.stream("uid").random() for each in numbers)
    for each in numbers:
        each.close()
    assert first == same != other


def test_finite_pace_runs_faster_than_the_wall():
    cluster = loop.ClusterLoop(pace=1000)
    cluster.run_until_complete(asyncio.sleep(5))
    assert 5 <= cluster.time() < 60
    cluster.close()


def test_ctrl_c_cancels_the_command_and_leaves_the_loop_sound():
    cluster = loop.ClusterLoop()
    other_work = []

    async def other():
        for number in range(3):
            await asyncio.sleep(1)
            other_work.append(number)

    async def command():
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        await asyncio.sleep(1000)

    task = cluster.create_task(other())
    with pytest.raises(KeyboardInterrupt):
        cluster.run_command(loop.with_free_time(command()))
    cluster.run_command(loop.with_free_time(asyncio.wait_for(task, 60)))
    assert other_work == [0, 1, 2]
    cluster.close()


async def housekeeping():
    while True:
        await clock.periodic_sleep(10)


async def test_settle_and_advance_end_as_they_should_inside_a_command_in_free_time():
    running = asyncio.get_running_loop()
    task = running.create_task(housekeeping())
    await running.settle()
    assert running.time() == 0
    await running.advance(35)
    assert running.time() == 35
    task.cancel()


async def test_waits_at_the_same_time_end_each_at_its_own_moment():
    running = asyncio.get_running_loop()
    ended = []

    async def note(name, wait):
        await wait
        ended.append((name, running.time()))

    async def work():
        await asyncio.sleep(7)

    tasks = [running.create_task(task) for task in (housekeeping(), work())]
    waits = {"long": running.advance(30), "short": running.advance(20), "settled": running.settle()}
    await asyncio.gather(*(note(name, wait) for name, wait in waits.items()))
    assert ended == [("settled", 7), ("short", 20), ("long", 30)]
    for task in tasks:
        task.cancel()


def test_a_cancelled_wait_moves_time_no_more():
    cluster = loop.ClusterLoop()
    task = cluster.create_task(housekeeping())

    async def command():
        waits = [cluster.create_task(wait) for wait in (cluster.advance(1000), cluster.settle(1000))]
        await asyncio.sleep(0)
        for wait in waits:
            wait.cancel()

    cluster.run_until_complete(command())
    cluster.run_until_complete(cluster.settle(0))
    task.cancel()
    cluster.run_until_complete(asyncio.sleep(0))
    assert cluster.time() == 0
    cluster.close()


async def test_timers_fire_a_year_from_now_as_they_do_today():
    running = asyncio.get_running_loop()
    await running.advance(400 * 86400)
    await asyncio.sleep(1)
    assert running.time() == 400 * 86400 + 1


async def test_timers_that_fired_or_were_cancelled_are_forgotten():
    for _ in range(1000):
        await asyncio.sleep(1)
        async with asyncio.timeout(3600):
            await asyncio.sleep(0)
    assert len(asyncio.get_running_loop()._wanted) < 300


async def test_what_runs_on_after_a_command_may_sleep_while_it_is_cancelled():
    async def work():
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(1)

    asyncio.get_running_loop()._left_over = asyncio.create_task(work())
    await asyncio.sleep(1)


@pytest.fixture
def threaded():
    """A loop at pace="max" that a thread turns."""
    cluster = loop.ClusterLoop()
    thread = threading.Thread(target=cluster.run_forever)
    thread.start()
    yield cluster
    cluster.call_soon_threadsafe(cluster.stop)
    thread.join()
    cluster.run_command(loop.with_free_time(loop.cancel_all_tasks()))
    cluster.close()


def call(cluster, command):
    return asyncio.run_coroutine_threadsafe(command, cluster).result(timeout=20)


def test_a_waiting_selector_wakes_for_commands_from_other_threads(threaded):
    async def start():
        threaded._tasks = [threaded.create_task(housekeeping()), threaded.create_task(asyncio.sleep(5))]

    call(threaded, start())
    call(threaded, threaded.settle())
    assert threaded.time() == 5
    call(threaded, threaded.advance(600))
    assert threaded.time() == 605
    call(threaded, loop.with_free_time(asyncio.sleep(95)))
    assert threaded.time() == 700


def test_time_stands_still_between_the_commands_of_other_threads(threaded):
    call(threaded, threaded.advance(1))

    async def start():
        threaded._task = threaded.create_task(housekeeping())

    call(threaded, start())
    call(threaded, asyncio.sleep(0))
    assert threaded.time() == 1


def test_a_dead_wait_of_another_thread_is_told_and_the_loop_runs_on(threaded):
    async def forever():
        await threaded.create_future()

    with pytest.raises(loop.NothingLeftToHappen, match="nothing is left to happen at 0 s"):
        call(threaded, loop.with_free_time(forever()))
    call(threaded, threaded.advance(3))
    assert threaded.time() == 3


def test_commands_of_many_threads_do_not_disturb_each_other(threaded):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        pending = [pool.submit(call, threaded, threaded.advance(number)) for number in range(1, 40)]
        for each in pending:
            each.result()
    assert threaded.time() >= 39


def test_an_advance_goes_on_when_the_pace_changes(threaded):
    async def set_pace(pace):
        threaded.set_pace(pace)

    call(threaded, set_pace(1))
    pending = asyncio.run_coroutine_threadsafe(threaded.advance(5000), threaded)
    call(threaded, asyncio.sleep(0))
    call(threaded, set_pace("max"))
    pending.result(timeout=20)
    assert threaded.time() >= 5000
