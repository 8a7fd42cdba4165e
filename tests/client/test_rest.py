import asyncio

import pytest

from kube_nb.api import resources
from kube_nb.client.errors import Unreachable
from kube_nb.machinery import cause, errors
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.gvk import GVR
from tests.client.fakeserver import FakeServer
from tests.client.realserver import RealServer, pod

THINGS = GVR("", "v1", "things")


async def test_every_verb_on_a_pod():
    async with RealServer() as server:
        client = server.client("tester")
        created = await client.create(resources.PODS, pod())
        stale = await client.update(
            resources.PODS, {**created, "metadata": {**created["metadata"], "labels": {"app": "web"}}}
        )
        await client.patch(resources.PODS, "web", {"metadata": {"annotations": {"a": "1"}}}, "default")
        await client.patch(
            resources.PODS,
            "web",
            [{"op": "add", "path": "/metadata/labels/env", "value": "qa"}],
            "default",
            type="json",
        )
        with pytest.raises(ApiError) as refusal:
            await client.update_status(resources.PODS, {**stale, "status": {"phase": "Running"}})
        assert refusal.value.reason == "Conflict"
        await client.bind("default", "web", "node-1")
        found = await client.get(resources.PODS, "web", "default")
        assert found["spec"]["nodeName"] == "node-1"
        assert found["metadata"]["labels"] == {"app": "web", "env": "qa"}
        assert found["metadata"]["managedFields"][0]["manager"] == "tester"
        assert len((await client.list(resources.PODS, label_selector="env=qa"))["items"]) == 1
        assert len((await client.list(resources.PODS, field_selector="spec.nodeName=node-2"))["items"]) == 0
        await client.delete(resources.PODS, "web", "default", grace_period_s=0, uid=created["metadata"]["uid"])
        with pytest.raises(ApiError, match='pods "web" not found'):
            await client.get(resources.PODS, "web", "default")


async def test_a_dry_run_changes_nothing():
    async with RealServer() as server:
        client = server.client()
        assert (await client.create(resources.PODS, pod(), dry_run=True))["metadata"]["uid"]
        assert (await client.list(resources.PODS))["items"] == []


async def test_server_side_apply_creates_and_names_the_manager():
    async with RealServer() as server:
        client = server.client("me")
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
        await client.apply(resources.CONFIG_MAPS, {**config, "data": {"a": "1"}})
        with pytest.raises(ApiError, match='conflict with "me"'):
            await client.apply(resources.CONFIG_MAPS, {**config, "data": {"a": "2"}}, field_manager="you")
        forced = await client.apply(
            resources.CONFIG_MAPS, {**config, "data": {"a": "2"}}, field_manager="you", force=True
        )
        assert forced["data"] == {"a": "2"}


async def test_a_collection_is_deleted_by_selector():
    async with RealServer() as server:
        client = server.client()
        for name in ("a", "b"):
            meta = {"name": name, "namespace": "default", "labels": {"app": name}}
            await client.create(resources.CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
        await client.delete_collection(resources.CONFIG_MAPS, "default", label_selector="app=a")
        left = await client.list(resources.CONFIG_MAPS, "default", label_selector="app")
        assert [each["metadata"]["name"] for each in left["items"]] == ["b"]


async def test_a_list_comes_in_pages():
    async with RealServer() as server:
        client = server.client()
        for number in range(5):
            await client.create(resources.PODS, pod(f"web-{number}"))
        names, token = [], ""
        while True:
            page = await client.list(resources.PODS, limit=2, continue_=token)
            names += [each["metadata"]["name"] for each in page["items"]]
            token = page["metadata"].get("continue", "")
            if not token:
                break
        assert names == [f"web-{number}" for number in range(5)]


async def test_a_watch_starts_after_the_given_revision():
    async with RealServer() as server:
        client = server.client()
        revision = (await client.list(resources.PODS))["metadata"]["resourceVersion"]
        await client.create(resources.PODS, pod())
        stream = await client.watch(resources.PODS, resource_version=revision)
        assert [event.type for event in await stream.batch()] == ["ADDED"]
        stream.close()


async def test_writes_carry_what_caused_them():
    async with RealServer() as server:
        with cause.because(Cause("kubectl", cell=3)):
            created = await server.client().create(resources.PODS, pod())
        assert server.api.causes[int(created["metadata"]["resourceVersion"])] == Cause("kubectl", cell=3)


async def test_without_a_server_it_is_unreachable():
    server = FakeServer()
    server.up = False
    with pytest.raises(Unreachable, match=r"dial tcp 127\.0\.0\.1:6443: connect: connection refused"):
        await server.client().get(THINGS, "a")


async def test_a_request_is_repeated_when_the_server_asks_for_it():
    server = FakeServer()
    answers = [Response.of_error(errors.too_many_requests("busy", 2)), Response(obj={"kind": "Thing"})]
    server.answer = lambda request: answers.pop(0)
    assert await server.client().get(THINGS, "a") == {"kind": "Thing"}
    assert asyncio.get_running_loop().time() == 2


async def test_it_does_not_ask_for_ever():
    server = FakeServer()
    server.answer = lambda request: Response.of_error(errors.too_many_requests("busy", 1))
    with pytest.raises(ApiError, match="busy"):
        await server.client().get(THINGS, "a")
    assert asyncio.get_running_loop().time() == 10


async def test_a_refusal_that_is_no_status_is_quoted():
    server = FakeServer()
    server.answer = lambda request: Response(status=502, raw=b"bad gateway\n")
    with pytest.raises(ApiError) as refusal:
        await server.client().get(THINGS, "a")
    assert (refusal.value.code, refusal.value.message) == (502, "bad gateway")
