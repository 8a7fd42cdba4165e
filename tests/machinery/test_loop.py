import asyncio
import signal

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
