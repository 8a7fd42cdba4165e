"""A server over a store that nobody else writes to: each kind is loaded when it is first looked at."""

import asyncio
from collections.abc import Iterable
from typing import Any

from kube_nb.etcd.backend import KeyValue, Range
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from tests.apiserver.serving import CONFIG_MAPS, PODS, SERVICES, Api, config_map, pod, serving

QUERIES: list[tuple[str, dict[str, str]]] = [
    (PODS, {}),
    ("/api/v1/pods", {"fieldSelector": "spec.nodeName=node-b"}),
    (PODS, {"labelSelector": "app=a"}),
    (PODS, {"limit": "1"}),
    (f"{PODS}/b", {}),
    (SERVICES, {}),
    ("/api/v1/namespaces", {}),
]


def loaded(api: Api, plural: str) -> bool:
    return "entries" in vars(api.server.cacher(plural))


async def test_it_answers_as_one_that_loads_everything_and_loads_what_is_looked_at() -> None:
    clock: Any = asyncio.get_running_loop()
    store = Store()

    def at_hand(key: bytes, range_end: bytes) -> Iterable[KeyValue]:
        return store.range(Range(key, range_end)).kvs

    async with serving(backend=LocalBackend(store, clock)) as first:
        for name in ("a", "b"):
            await first.create(PODS, pod(name))
        await first.create(f"{PODS}/b/binding", {"target": {"kind": "Node", "name": "node-b"}})
        await first.create(CONFIG_MAPS, config_map())
        wanted = [await first.get(path, **query) for path, query in QUERIES]
        async with serving(backend=LocalBackend(store, clock), at_hand=at_hand) as late:
            assert not loaded(late, "pods")
            assert [await late.get(path, **query) for path, query in QUERIES] == wanted
            assert loaded(late, "pods")
            assert not loaded(late, "configmaps")


async def test_what_it_writes_itself_is_read_back() -> None:
    clock: Any = asyncio.get_running_loop()
    store = Store()
    backend = LocalBackend(store, clock)
    async with serving(backend=backend, at_hand=lambda key, end: store.range(Range(key, end)).kvs) as late:
        created = await late.create(CONFIG_MAPS, config_map())
        assert (await late.get(CONFIG_MAPS))["items"] == [created]
        await late.create(PODS, pod("a"))
        await late.ok("DELETE", f"{PODS}/a", {"gracePeriodSeconds": 0})
        assert (await late.get(PODS))["items"] == []
