"""A server whose store is not in this kernel: it only hears of changes, a little later."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from kube_nb.api import resources
from kube_nb.client import Client, InKernelTransport, Unreachable
from kube_nb.etcd.backend import Event, OptimisticResult, RangeResult, WatchBatch, Watcher, prefix_end
from kube_nb.etcd.errors import Unavailable
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import ConnectionCut
from tests.apiserver.serving import ADMIN, CONFIG_MAPS, PODS, Api, config_map, pod, serving


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


async def test_what_others_write_beside_the_registry_holds_no_reader_up() -> None:
    backend = remote()
    async with serving(backend=backend) as api:
        for key in (b"elsewhere", b"/registryx/a/b"):
            await backend.put(key, b"1")
            assert (await api.get(CONFIG_MAPS))["items"] == []
        assert asyncio.get_running_loop().time() == 0


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


class Late(Remote):
    """A store far away: it answers while `answers` is set, and tells of changes while `tells` is."""

    def __init__(self) -> None:
        clock: Any = asyncio.get_running_loop()
        super().__init__(Store(), clock)
        self.answers, self.tells = asyncio.Event(), asyncio.Event()
        self.answers.set()
        self.tells.set()

    async def range(self, *arguments: Any, **options: Any) -> RangeResult:
        await self.answers.wait()
        return await super().range(*arguments, **options)

    async def optimistic_put(self, *arguments: Any, **options: Any) -> OptimisticResult:
        await self.answers.wait()
        return await super().optimistic_put(*arguments, **options)

    def watch(self, *arguments: Any, **options: Any) -> Watcher:
        return Telling(super().watch(*arguments, **options), self.tells)


class Telling:
    """A watcher that gives what it hears when it is let."""

    def __init__(self, watcher: Watcher, tells: asyncio.Event) -> None:
        self.compact_revision = 0
        self._watcher, self._tells = watcher, tells

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        batch = await anext(self._watcher)
        await self._tells.wait()
        return batch

    def cancel(self) -> None:
        self._watcher.cancel()


def creation(api: Api) -> Awaitable[Any]:
    return api.create(CONFIG_MAPS, config_map("late"))


REQUESTS: dict[str, Callable[[Api], Awaitable[Any]]] = {
    "create": creation,
    "update": lambda api: api.patch(f"{CONFIG_MAPS}/settings", {"data": {"a": "b"}}),
    "delete": lambda api: api.ok("DELETE", f"{CONFIG_MAPS}/settings"),
    "list": lambda api: api.get(CONFIG_MAPS),
    "watch": lambda api: api.watch(CONFIG_MAPS),
}


async def test_a_server_that_drains_answers_what_it_was_asked() -> None:
    backend = Late()
    async with serving(backend=backend) as api:
        backend.tells.clear()
        asked = asyncio.ensure_future(creation(api))
        draining = asyncio.create_task(api.server.drain())
        await asyncio.sleep(10)
        assert not asked.done()
        assert not draining.done()
        backend.tells.set()
        await draining
        assert (await asked)["metadata"]["name"] == "late"


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("waits_for", ["answers", "tells"])
async def test_a_server_that_stops_cuts_off_what_waits_for_the_store(
    waits_for: str, ask: Callable[[Api], Awaitable[Any]]
) -> None:
    backend = Late()
    async with serving(backend=backend) as api:
        await api.create(CONFIG_MAPS, config_map())
        backend.tells.clear()
        await backend.put(b"/registry/configmaps/default/behind", b"{}")
        getattr(backend, waits_for).clear()
        asked = asyncio.ensure_future(ask(api))
        await asyncio.sleep(10)
        assert not asked.done()
        await api.server.stop()
        backend.answers.set()
        with pytest.raises(ConnectionCut):
            await asked


async def test_a_client_in_the_kernel_takes_that_for_a_lost_connection() -> None:
    backend = Late()
    async with serving(backend=backend) as api:
        client = Client(InKernelTransport(lambda: api.server.handle, ADMIN))
        backend.answers.clear()
        asked = asyncio.create_task(client.list(resources.CONFIG_MAPS))
        await asyncio.sleep(10)
        await api.server.stop()
        backend.answers.set()
        with pytest.raises(Unreachable, match=r"^EOF$"):
            await asked


async def test_a_store_that_forgot_what_the_server_missed_is_read_again() -> None:
    backend = remote()
    async with serving(backend=backend) as api:
        for name in ("a", "b", "c"):
            await api.create(CONFIG_MAPS, config_map(name))
        before = (await api.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
        watch = await api.watch(CONFIG_MAPS)
        assert await watch.next() == ["ADDED a", "ADDED b", "ADDED c"]
        for watcher in list(backend._watchers):
            watcher.end(Unavailable("connection lost"))
        key = b"/registry/configmaps/default/%s"
        stored = {kv.key: kv.value for kv in (await backend.range(key % b"", prefix_end(key % b""))).kvs}
        await backend.delete_range(key % b"a")
        await backend.delete_range(key % b"b")
        await backend.put(key % b"b", stored[key % b"b"])  # another one by that name
        await backend.put(key % b"c", stored[key % b"c"])
        await backend.put(key % b"d", stored[key % b"c"].replace(b'"name":"c"', b'"name":"d"'))
        await backend.compact((await backend.status()).revision)
        await api.create(CONFIG_MAPS, config_map("e"))
        heard: list[str] = []
        while len(heard) < 6:
            heard += await watch.next()
        assert heard == ["DELETED b", "ADDED b", "MODIFIED c", "ADDED d", "ADDED e", "DELETED a"]
        assert [each["metadata"]["name"] for each in (await api.get(CONFIG_MAPS))["items"]] == ["b", "c", "d", "e"]
        (event,) = await (await api.watch(CONFIG_MAPS, resourceVersion=before)).stream.batch()
        assert event.object["code"] == 410
