"""Lists: selectors, pages, versions, forms."""

import asyncio
from typing import Any

import orjson
import pytest

from kube_nb.apiserver.reading import ListResponse
from tests.apiserver.serving import CONFIG_MAPS, PODS, Api, config_map, deployment, pod, serving


def names(found: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in found["items"]]


async def filled(api: Api) -> None:
    for name, tier in (("a", "front"), ("b", "back"), ("c", "front"), ("d", "back")):
        body = pod(name)
        body["metadata"]["labels"]["tier"] = tier
        await api.create(PODS, body)
    for name in ("b", "d"):
        await api.create(f"{PODS}/{name}/binding", {"target": {"kind": "Node", "name": f"node-{name}"}})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, ["a", "b", "c", "d"], id="everything"),
        pytest.param({"labelSelector": "tier=front"}, ["a", "c"], id="a label"),
        pytest.param({"labelSelector": "tier!=front"}, ["b", "d"], id="not a label"),
        pytest.param({"labelSelector": "app in (a,d)"}, ["a", "d"], id="a set"),
        pytest.param({"fieldSelector": "metadata.name=c"}, ["c"], id="a name"),
        pytest.param({"fieldSelector": "spec.nodeName=node-b"}, ["b"], id="a node"),
        pytest.param({"fieldSelector": "spec.nodeName="}, ["a", "c"], id="no node"),
        pytest.param({"fieldSelector": "status.phase!=Pending"}, [], id="not a phase"),
        pytest.param({"labelSelector": "tier=back", "fieldSelector": "spec.nodeName=node-d"}, ["d"], id="both"),
    ],
)
async def test_a_list_holds_what_its_selectors_find(query: dict[str, str], expected: list[str]) -> None:
    async with serving() as api:
        await filled(api)
        assert names(await api.get(PODS, **query)) == expected
        assert names(await api.get("/api/v1/pods", **query)) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param(
            {"fieldSelector": "spec.foo=1"},
            "field label not supported: spec.foo",
            id="an unknown field",
        ),
        pytest.param({"labelSelector": "a in"}, None, id="half a selector"),
        pytest.param({"limit": "many"}, None, id="a limit that is no number"),
        pytest.param({"continue_": "nonsense"}, None, id="a made-up token"),
        pytest.param({"resourceVersion": "abc"}, None, id="a version that is no number"),
    ],
)
async def test_a_bad_query_is_a_bad_request(query: dict[str, str], message: str | None) -> None:
    async with serving() as api:
        status = await api.refused("GET", PODS, **query)
        assert (status["code"], status["reason"]) == (400, "BadRequest")
        if message:
            assert status["message"] == message


async def test_pages_show_one_revision_whatever_happens_between() -> None:
    async with serving() as api:
        for name in ("a", "b", "c", "d", "e"):
            await api.create(CONFIG_MAPS, config_map(name))
        first = await api.get(CONFIG_MAPS, limit="2")
        assert names(first) == ["a", "b"]
        assert first["metadata"]["remainingItemCount"] == 3
        await api.ok("DELETE", f"{CONFIG_MAPS}/c")
        await api.create(CONFIG_MAPS, config_map("bb"))
        second = await api.get(CONFIG_MAPS, limit="2", continue_=first["metadata"]["continue"])
        assert names(second) == ["c", "d"]
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        third = await api.get(CONFIG_MAPS, limit="2", continue_=second["metadata"]["continue"])
        assert names(third) == ["e"]
        assert "continue" not in third["metadata"]


async def test_a_token_of_a_compacted_revision_offers_an_inconsistent_one() -> None:
    async with serving() as api:
        for name in ("a", "b", "c"):
            await api.create(CONFIG_MAPS, config_map(name))
        first = await api.get(CONFIG_MAPS, limit="1")
        await api.create(CONFIG_MAPS, config_map("bb"))
        await api.server.storage.backend.compact(api.server.storage.revision)
        status = await api.refused("GET", CONFIG_MAPS, limit="1", continue_=first["metadata"]["continue"])
        assert (status["code"], status["reason"]) == (410, "Expired")
        found = await api.get(CONFIG_MAPS, continue_=status["metadata"]["continue"])
        assert names(found) == ["b", "bb", "c"]


async def test_an_exact_version_shows_the_past() -> None:
    async with serving() as api:
        version = (await api.create(CONFIG_MAPS, config_map("a")))["metadata"]["resourceVersion"]
        await api.create(CONFIG_MAPS, config_map("b"))
        past = await api.get(CONFIG_MAPS, resourceVersion=version, resourceVersionMatch="Exact")
        assert names(past) == ["a"]
        assert past["metadata"]["resourceVersion"] == version
        later = await api.get(CONFIG_MAPS, resourceVersion=version, resourceVersionMatch="NotOlderThan")
        assert names(later) == ["a", "b"]


async def test_a_version_yet_to_come_is_a_timeout() -> None:
    async with serving() as api:
        status = await api.refused("GET", CONFIG_MAPS, resourceVersion="1000000")
        assert (status["code"], status["reason"]) == (504, "Timeout")
        assert status["message"].startswith("Too large resource version: 1000000, current: ")


async def test_a_list_joined_from_stored_bytes_is_the_list() -> None:
    async with serving() as api:
        await filled(api)
        response = await api.ask("GET", PODS)
        assert orjson.loads(response.encode()) == orjson.loads(orjson.dumps(response.obj))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        pytest.param("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "Table", id="a table"),
        pytest.param(
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            "PartialObjectMetadataList",
            id="metadata only",
        ),
        pytest.param("application/vnd.kubernetes.protobuf,application/json", "PodList", id="protobuf if there is"),
        pytest.param("*/*", "PodList", id="anything"),
    ],
)
async def test_a_list_comes_in_the_accepted_form(accept: str, kind: str) -> None:
    async with serving() as api:
        await filled(api)
        assert (await api.ok("GET", PODS, headers={"accept": accept}))["kind"] == kind


async def test_protobuf_alone_is_not_acceptable() -> None:
    async with serving() as api:
        status = await api.refused("GET", PODS, headers={"accept": "application/vnd.kubernetes.protobuf"})
        assert (status["code"], status["reason"]) == (406, "NotAcceptable")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/api", "APIVersions", id="core versions"),
        pytest.param("/apis", "APIGroupList", id="groups"),
        pytest.param("/apis/apps", "APIGroup", id="a group"),
        pytest.param("/apis/apps/v1", "APIResourceList", id="a version"),
        pytest.param("/api/v1", "APIResourceList", id="the core version"),
    ],
)
async def test_discovery_tells_what_there_is(path: str, kind: str) -> None:
    async with serving() as api:
        assert (await api.get(path))["kind"] == kind


async def test_documents_have_tags() -> None:
    async with serving() as api:
        first = await api.ask("GET", "/openapi/v3/apis/apps/v1")
        assert first.status == 200
        again = await api.ask("GET", "/openapi/v3/apis/apps/v1", headers={"if-none-match": first.headers["ETag"]})
        assert (again.status, again.encode()) == (304, b"")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping"])
async def test_health_is_told_in_two_letters(path: str) -> None:
    async with serving() as api:
        response = await api.ask("GET", path)
        assert (response.status, response.encode()) == (200, b"ok")


async def test_health_is_told_at_length() -> None:
    async with serving() as api:
        response = await api.ask("GET", "/readyz", verbose="")
        assert response.encode().startswith(b"[+]ping ok\n")
        assert response.encode().endswith(b"readyz check passed\n")


async def test_two_runs_with_one_seed_store_the_same_bytes() -> None:
    from kube_nb.machinery import loop

    async def story() -> list[bytes]:
        async with serving() as api:
            await filled(api)
            await api.create("/apis/apps/v1/namespaces/default/deployments", deployment())
            found = await api.server.storage.backend.range(b"/registry/", b"/registry0")
            return [kv.value for kv in found.kvs]

    def run(seed: int) -> list[bytes]:
        return loop.run(story(), seed=seed)

    first, again, other = await asyncio.gather(*(asyncio.to_thread(run, seed) for seed in (1, 1, 2)))
    assert first == again
    assert first != other


async def test_the_bytes_of_a_list_are_the_stored_ones_with_their_versions() -> None:
    async with serving() as api:
        for name in ("a", "b"):
            await api.create(PODS, pod(name))
        response = await api.ask("GET", PODS)
        assert isinstance(response, ListResponse)
        raw = response.encode()
        assert orjson.loads(raw) == response.object()
        for entry in response.entries:
            assert entry.value.partition(b'"metadata":{')[2] in raw
        assert (await api.ask("GET", CONFIG_MAPS, labelSelector="none=here")).encode().endswith(b'"items":[]}')
