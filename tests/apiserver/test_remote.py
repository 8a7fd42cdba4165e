"""A server whose store is not in this kernel: it only hears of changes, a little later."""

import asyncio
from collections.abc import Callable
from typing import Any

from kube_nb.etcd.backend import Event
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from tests.apiserver.serving import CONFIG_MAPS, PODS, config_map, pod, serving


class Remote(LocalBackend):
    """A store that cannot be subscribed to."""

    def subscribe(  # type: ignore[override]  # as the protocol has it
        self, key: bytes, range_end: bytes, callback: Callable[[tuple[Event, ...], int], None]
    ) -> None:
        return None


def remote() -> Remote:
    clock: Any = asyncio.get_running_loop()
    return Remote(Store(), clock)


async def test_what_was_written_is_read_at_once() -> None:
    async with serving(backend=remote()) as api:
        created = await api.create(CONFIG_MAPS, config_map())
        assert await api.get(f"{CONFIG_MAPS}/settings") == created
        assert (await api.get(CONFIG_MAPS))["items"] == [created]
        await api.patch(f"{CONFIG_MAPS}/settings", {"data": {"a": "b"}})
        await api.ok("DELETE", f"{CONFIG_MAPS}/settings")
        assert (await api.get(CONFIG_MAPS))["items"] == []


async def test_watches_hear_of_it() -> None:
    async with serving(backend=remote()) as api:
        watch = await api.watch(PODS)
        await api.create(PODS, pod("a"))
        await api.create(PODS, pod("b"))
        await api.ok("DELETE", f"{PODS}/a")
        heard: list[str] = []
        while len(heard) < 4:
            heard += await watch.next()
        assert heard == ["ADDED a", "ADDED b", "MODIFIED a", "DELETED a"]


async def test_two_servers_share_one_store() -> None:
    backend = remote()
    async with serving(backend=backend) as one, serving(backend=backend, stream="two") as other:
        watch = await other.watch(CONFIG_MAPS)
        created = await one.create(CONFIG_MAPS, config_map())
        assert await watch.next() == ["ADDED settings"]
        assert await other.get(f"{CONFIG_MAPS}/settings") == created
        await other.patch(f"{CONFIG_MAPS}/settings", {"data": {"a": "b"}})
        status = await one.refused("PUT", f"{CONFIG_MAPS}/settings", created | {"data": {"c": "d"}})
        assert status["reason"] == "Conflict"
