"""Watches: from where, of what, and until when."""

import asyncio
from typing import Any

from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from tests.apiserver.serving import CONFIG_MAPS, PODS, config_map, pod, serving

BIND = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "node-1"}}


async def test_a_watch_without_a_version_starts_with_what_is_there() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map("a"))
        watch = await api.watch(CONFIG_MAPS)
        assert await watch.next() == ["ADDED a"]
        await api.create(CONFIG_MAPS, config_map("b"))
        await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "y"}})
        await api.ok("DELETE", f"{CONFIG_MAPS}/a")
        assert await watch.next() == ["ADDED b", "MODIFIED a", "DELETED a"]


async def test_a_watch_from_a_version_tells_what_was_missed() -> None:
    async with serving() as api:
        version = (await api.create(CONFIG_MAPS, config_map("a")))["metadata"]["resourceVersion"]
        await api.create(CONFIG_MAPS, config_map("b"))
        await api.ok("DELETE", f"{CONFIG_MAPS}/a")
        watch = await api.watch(CONFIG_MAPS, resourceVersion=version)
        assert await watch.next() == ["ADDED b", "DELETED a"]


async def test_what_the_window_has_lost_comes_from_the_stores_history() -> None:
    async with serving() as api:
        version = (await api.create(CONFIG_MAPS, config_map("a")))["metadata"]["resourceVersion"]
        for number in range(3000):
            await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": str(number)}})
        watch = await api.watch(CONFIG_MAPS, resourceVersion=version)
        events = await watch.stream.batch()
        assert [event.object["data"]["x"] for event in events] == [str(number) for number in range(3000)]


async def test_a_version_from_before_the_server_is_an_expired_error() -> None:
    clock: Any = asyncio.get_running_loop()
    backend = LocalBackend(Store(), clock)
    for number in range(5):
        await backend.put(b"somebody-elses", str(number).encode())
    async with serving(backend=backend) as api:
        watch = await api.watch(CONFIG_MAPS, resourceVersion="1")
        (event,) = await watch.stream.batch()
        assert event.type == "ERROR"
        assert event.object["code"] == 410
        assert event.object["reason"] == "Expired"
        assert event.object["message"].startswith("too old resource version: 1 (")
        assert await watch.next() == []


async def test_a_changed_match_shows_as_added_and_deleted() -> None:
    async with serving() as api:
        await api.create(PODS, pod("web"))
        watch = await api.watch(PODS, labelSelector="tier=front")
        await api.patch(f"{PODS}/web", {"metadata": {"labels": {"tier": "front"}}})
        await api.patch(f"{PODS}/web", {"metadata": {"labels": {"tier": "front", "a": "b"}}})
        await api.patch(f"{PODS}/web", {"metadata": {"labels": {"tier": "back"}}})
        events = await watch.stream.batch()
        assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
        assert events[2].object["metadata"]["labels"]["tier"] == "front"
        newest = (await api.get(f"{PODS}/web"))["metadata"]["resourceVersion"]
        assert events[2].object["metadata"]["resourceVersion"] == newest


async def test_a_kubelet_sees_the_pods_of_its_node_only() -> None:
    async with serving() as api:
        watch = await api.watch("/api/v1/pods", fieldSelector="spec.nodeName=node-1")
        await api.create(PODS, pod("a"))
        await api.create(PODS, pod("b"))
        await api.create(f"{PODS}/b/binding", BIND)
        await api.patch(f"{PODS}/a", {"metadata": {"labels": {"x": "y"}}})
        assert await watch.next() == ["ADDED b"]


async def test_a_watch_of_one_name_sees_that_one() -> None:
    async with serving() as api:
        watch = await api.watch(CONFIG_MAPS, fieldSelector="metadata.name=b")
        await api.create(CONFIG_MAPS, config_map("a"))
        await api.create(CONFIG_MAPS, config_map("b"))
        assert await watch.next() == ["ADDED b"]


async def test_initial_events_end_with_a_bookmark() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map("a"))
        watch = await api.watch(
            CONFIG_MAPS,
            sendInitialEvents="true",
            resourceVersionMatch="NotOlderThan",
            allowWatchBookmarks="true",
        )
        added, bookmark = await watch.stream.batch()
        assert added.type == "ADDED"
        assert bookmark.type == "BOOKMARK"
        assert bookmark.object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_initial_events_need_their_match() -> None:
    async with serving() as api:
        status = await api.refused("GET", CONFIG_MAPS, watch="true", sendInitialEvents="true")
        assert status["reason"] == "Invalid"


async def test_a_bookmark_comes_each_minute_to_who_wants_it() -> None:
    async with serving() as api:
        plain, wanting = await api.watch(CONFIG_MAPS), await api.watch(CONFIG_MAPS, allowWatchBookmarks="true")
        await asyncio.sleep(61)
        assert await wanting.next() == ["BOOKMARK"]
        await api.create(CONFIG_MAPS, config_map("a"))
        assert await plain.next() == ["ADDED a"]


async def test_a_watch_ends_after_its_timeout() -> None:
    async with serving() as api:
        watch = await api.watch(CONFIG_MAPS, timeoutSeconds="30")
        assert await watch.next() == []
        assert asyncio.get_running_loop().time() == 30


async def test_watchers_share_one_event_and_its_bytes() -> None:
    async with serving() as api:
        first, second = await api.watch(CONFIG_MAPS), await api.watch(CONFIG_MAPS)
        await api.create(CONFIG_MAPS, config_map("a"))
        (one,), (other,) = await first.stream.batch(), await second.stream.batch()
        assert one is other
        assert one.encoded() is other.encoded()


async def test_metadata_only_watches_tell_metadata_only() -> None:
    async with serving() as api:
        accept = {"accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
        watch = await api.watch(CONFIG_MAPS, headers=accept)
        await api.create(CONFIG_MAPS, config_map("a", key="value"))
        (event,) = await watch.stream.batch()
        assert event.object["kind"] == "PartialObjectMetadata"
        assert "data" not in event.object
