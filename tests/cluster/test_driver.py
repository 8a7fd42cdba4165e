import asyncio
import threading

import pytest

from kube_nb.cluster import driver
from kube_nb.machinery import loop as cluster_loop


@pytest.fixture
def loop():
    made = cluster_loop.ClusterLoop()
    yield made
    made.close()


async def nap():
    await asyncio.sleep(100)
    return asyncio.get_running_loop().time()


def test_inline_commands_run_in_the_calling_thread(loop):
    assert driver.InlineDriver(loop).call(cluster_loop.with_free_time(nap())) == 100


def test_inline_commands_run_inside_a_running_loop(loop):
    async def cell():
        return driver.InlineDriver(loop).call(cluster_loop.with_free_time(nap()))

    assert asyncio.run(cell()) == 100


def test_a_thread_turns_the_loop_and_moves_time_only_for_who_asks(loop):
    thread = driver.ThreadDriver(loop, "test")
    assert thread.call(cluster_loop.with_free_time(nap())) == 100
    assert thread.call(loop.settle()) is None
    assert loop.time() == 100
    thread.call(loop.advance(50))
    assert loop.time() == 150
    thread.stop()
    assert [each.name for each in threading.enumerate() if each.name.startswith("kube_nb")] == []


def test_calling_the_facade_from_the_loop_itself_says_what_to_do(loop):
    thread = driver.ThreadDriver(loop, "test")

    async def inside():
        thread.call(nap())

    with pytest.raises(RuntimeError, match="async twin"):
        thread.call(inside())
    thread.stop()
