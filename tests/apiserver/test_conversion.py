"""Custom resources of several versions, converted by a webhook or not at all."""

import asyncio
import base64
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from kube_nb.machinery.types import Obj
from tests.apiserver.https import at_walls_pace, listening
from tests.apiserver.serving import Api, serving

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITION = f"{DEFINITIONS}/crontabs.stable.example.com"
V1, V2 = (f"/apis/stable.example.com/{version}/namespaces/default/crontabs" for version in ("v1", "v2"))
WEBHOOK = {"clientConfig": {"url": "https://convert.kernel"}, "conversionReviewVersions": ["v1"]}


def definition(stored: str = "v1", webhook: Obj | None = WEBHOOK) -> Obj:
    text = {"type": "string"}
    fields = {"v1": {"hostPort": text}, "v2": {"host": text, "port": text}}
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == stored,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
            "selectableFields": [{"jsonPath": f".{field}"} for field in properties],
        }
        for name, properties in fields.items()
    ]
    conversion = {"strategy": "Webhook", "webhook": webhook} if webhook else {"strategy": "None"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "crontabs.stable.example.com"},
        "spec": {
            "group": "stable.example.com",
            "scope": "Namespaced",
            "names": {"plural": "crontabs", "kind": "CronTab"},
            "versions": versions,
            "conversion": conversion,
        },
    }


def cron_tab(name: str, version: str = "v1", **fields: str) -> Obj:
    return {"apiVersion": f"stable.example.com/{version}", "kind": "CronTab", "metadata": {"name": name}, **fields}


def converted(obj: Obj, wanted: str) -> Obj:
    rest = {field: value for field, value in obj.items() if field not in ("hostPort", "host", "port")}
    if wanted.endswith("v2"):
        host, _, port = obj["hostPort"].partition(":")
        return {**rest, "apiVersion": wanted, "host": host, "port": port}
    return {**rest, "apiVersion": wanted, "hostPort": f"{obj['host']}:{obj['port']}"}


async def convert(request: Obj) -> Obj:
    objects = [converted(obj, request["desiredAPIVersion"]) for obj in request["objects"]]
    return {"result": {"status": "Success"}, "convertedObjects": objects}


async def defined(api: Api, stored: str = "v1", webhook: Obj | None = WEBHOOK) -> None:
    api.server.webhooks.setdefault("convert", convert)
    await api.create(DEFINITIONS, definition(stored, webhook))
    await asyncio.sleep(0.001)


async def test_an_object_is_read_and_written_in_both_versions() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(V1, cron_tab("a", hostPort="localhost:80"))
        found = await api.get(f"{V2}/a")
        assert (found["apiVersion"], found["host"], found["port"]) == ("stable.example.com/v2", "localhost", "80")
        created = await api.create(V2, cron_tab("b", "v2", host="other", port="81"))
        assert created["host"] == "other"
        assert (await api.get(f"{V1}/b"))["hostPort"] == "other:81"
        patched = await api.patch(f"{V2}/a", {"port": "8080"})
        assert patched["metadata"]["generation"] == 2
        assert (await api.get(f"{V1}/a"))["hostPort"] == "localhost:8080"


async def test_a_list_holds_objects_that_are_stored_in_either_version() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(V1, cron_tab("a", hostPort="one:1"))
        turned = (await api.get(DEFINITION)) | {"spec": definition("v2")["spec"]}
        await api.ok("PUT", DEFINITION, turned)
        await asyncio.sleep(0.001)
        assert (await api.get(DEFINITION))["status"]["storedVersions"] == ["v1", "v2"]
        await api.create(V1, cron_tab("b", hostPort="two:2"))
        for path, shown in ((V1, ["one:1", "two:2"]), (V2, ["one", "two"])):
            items = (await api.get(path))["items"]
            assert [item.get("hostPort") or item["host"] for item in items] == shown
            assert {item["apiVersion"] for item in items} == {path[6:27]}
        response = await api.ask("GET", V2)
        assert [item["host"] for item in orjson.loads(response.encode())["items"]] == ["one", "two"]


async def test_a_write_that_changes_nothing_moves_an_object_to_the_stored_version() -> None:
    async with serving() as api:
        await defined(api)
        created = await api.create(V1, cron_tab("a", hostPort="one:1"))
        await api.patch(DEFINITION, {"spec": definition("v2")["spec"]})
        await asyncio.sleep(0.001)
        await api.ok("PUT", f"{V1}/a", created)
        kept = await api.server.storage.backend.range(b"/registry/stable.example.com/crontabs/default/a")
        assert orjson.loads(kept.kvs[0].value)["host"] == "one"
        again = await api.patch(DEFINITION + "/status", {"status": {"storedVersions": ["v2"]}})
        assert again["status"]["storedVersions"] == ["v2"]


async def test_selectors_and_watches_see_the_served_version() -> None:
    async with serving() as api:
        await defined(api)
        watch = await api.watch(V2, fieldSelector="host=one")
        await api.create(V1, cron_tab("a", hostPort="one:1"))
        await api.create(V1, cron_tab("b", hostPort="two:2"))
        assert [item["metadata"]["name"] for item in (await api.get(V2, fieldSelector="host=two"))["items"]] == ["b"]
        await api.patch(f"{V2}/b", {"host": "one"})
        await api.patch(f"{V1}/a", {"hostPort": "three:1"})
        await api.ok("DELETE", f"{V1}/b")
        await asyncio.sleep(0.001)
        assert await watch.next() == ["ADDED a", "ADDED b", "DELETED a", "DELETED b"]
        status = await api.refused("GET", V1, fieldSelector="host=one")
        assert status["message"] == "field label not supported: host"


async def test_a_watch_starts_with_converted_objects_and_its_bookmark_comes_after_them() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(V1, cron_tab("a", hostPort="one:1"))
        more = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
        watch = await api.watch(V2, **more)
        await asyncio.sleep(0.001)
        events = await watch.stream.batch()
        assert [event.type for event in events] == ["ADDED", "BOOKMARK"]
        assert events[0].object["host"] == "one"


async def test_without_a_webhook_only_the_version_changes() -> None:
    async with serving() as api:
        await defined(api, webhook=None)
        await api.create(V1, cron_tab("a", hostPort="one:1"))
        watch = await api.watch(V2, resourceVersion="0")
        found = await api.get(f"{V2}/a")
        assert (found["apiVersion"], found["hostPort"]) == ("stable.example.com/v2", "one:1")
        assert await watch.next() == ["ADDED a"]


def answering(**response: object) -> object:
    async def answer(request: Obj) -> Obj:
        return {"result": {"status": "Success"}, **response}

    return answer


def renamed(obj: Obj) -> Obj:
    return {**obj, "apiVersion": "stable.example.com/v2", "metadata": {**obj["metadata"], "name": "z"}}


WHERE = "conversion webhook for stable.example.com/v1, Kind=CronTab"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"result": {"status": "Failure", "message": "cannot"}}, f"{WHERE} failed: cannot"),
        ({"result": {}}, f"{WHERE} failed: response.result.status was '', not 'Success'"),
        ({"uid": "x"}, "expected response.uid"),
        ({"convertedObjects": []}, f"{WHERE} returned 0 objects, expected 1"),
        ({"convertedObjects": [{"apiVersion": "v3"}]}, "(expected stable.example.com/v2, received v3)"),
        ({"rename": True}, f"{WHERE} returned invalid object: must have the same name: a != z"),
    ],
    ids=["failure", "no status", "another uid", "too few", "another version", "another name"],
)
async def test_a_webhook_that_fails_is_told_in_full(response: Obj, message: str) -> None:
    async with serving() as api:
        await defined(api)
        await api.create(V1, cron_tab("a", hostPort="one:1"))

        async def answer(request: Obj) -> Obj:
            found = {"result": {"status": "Success"}, **response}
            return {**found, "convertedObjects": list(map(renamed, request["objects"]))} if "rename" in found else found

        api.server.webhooks["convert"] = answer
        status = await api.refused("GET", f"{V2}/a")
        assert status["code"] == 500
        assert message in status["message"]
        assert (await api.get(f"{V1}/a"))["hostPort"] == "one:1"
        watch = await api.watch(V2, resourceVersion="0")
        events = await watch.stream.batch()
        assert [(event.type, event.object["code"]) for event in events] == [("ERROR", 500)]


async def test_a_watch_whose_webhook_hangs_is_given_up_before_it_fills_the_memory() -> None:
    async with serving() as api:
        await defined(api)

        async def hang(request: Obj) -> Obj:
            await asyncio.sleep(29)
            return await convert(request)

        api.server.webhooks["convert"] = hang
        watch = await api.watch(V2)
        watch.stream.limit = 5
        for number in range(8):
            await api.create(V1, cron_tab(f"c{number}", hostPort="one:1"))
            await asyncio.sleep(0)
        assert watch.stream.closed
        assert await watch.stream.batch() == []


async def test_a_webhook_that_is_not_there() -> None:
    async with serving() as api:
        service = {"clientConfig": {"service": {"namespace": "x", "name": "none", "path": "/c"}}}
        await defined(api, webhook={**service, "conversionReviewVersions": ["v1"]})
        await api.create(V1, cron_tab("a", hostPort="one:1"))
        status = await api.refused("GET", f"{V2}/a")
        assert status["message"] == (
            f'{WHERE} failed: Post "https://none.x.svc:443/c?timeout=30s": service "none" not found'
        )
        assert (await api.refused("POST", V2, cron_tab("b", "v2", host="h", port="1")))["code"] == 500


async def test_a_definition_goes_with_its_instances_of_every_version() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(V1, cron_tab("a", hostPort="one:1"))
        await api.ok("DELETE", DEFINITION)
        await asyncio.sleep(2)
        await api.refused("GET", DEFINITION)
        assert not (await api.server.storage.backend.range(b"/registry/stable.", b"/registry/stable/")).kvs


def test_a_real_server_converts_over_https(tmp_path: Path) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        review = orjson.loads(await request.read())
        response = {"uid": review["request"]["uid"], **await convert(review["request"])}
        return web.json_response({"kind": review["kind"], "apiVersion": review["apiVersion"], "response": response})

    async def story() -> None:
        async with listening(tmp_path) as server:
            hook = web.Server(answer)
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(hook, "127.0.0.1", 0, ssl=server.authority.server_context())
            port = listener.sockets[0].getsockname()[1]
            bundle = base64.b64encode((tmp_path / "ca.crt").read_bytes()).decode()
            client = {"url": f"https://127.0.0.1:{port}/", "caBundle": bundle}
            await defined(server.api, webhook={"clientConfig": client, "conversionReviewVersions": ["v1"]})
            await asyncio.sleep(0.05)
            await server.api.create(V1, cron_tab("a", hostPort="one:1"))
            assert (await server.api.get(f"{V2}/a"))["host"] == "one"
            listener.close()
            await hook.shutdown(0)
            refused = await server.api.refused("GET", f"{V2}/a")
            told = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
            assert refused["message"] == f'{WHERE} failed: Post "https://127.0.0.1:{port}/?timeout=30s": {told}'

    at_walls_pace(story())
