"""APIServices: the local ones, and groups that another server serves."""

import asyncio
from pathlib import Path

from aiohttp import web

from kube_nb.machinery.exchange import Request, Response, User
from tests.apiserver.flunders import GROUP, Flunders, api_service, flunder, service
from tests.apiserver.https import at_walls_pace, listening
from tests.apiserver.serving import SERVICES, Api, serving
from tests.apiserver.test_customresources import DEFINITIONS, defined

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
NAME = f"{API_SERVICES}/v1.wardle.example.com"
FLUNDERS = f"{GROUP}/namespaces/default/flunders"
AGGREGATED = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}


def in_kernel(api: Api) -> Flunders:
    """Serve flunders from this kernel."""
    flunders = Flunders()

    async def program(request: Request) -> Response:
        assert request.body is None or isinstance(request.body, bytes)
        user = request.headers.get("x-remote-user", "")
        status, raw = flunders.answer(request.method, request.path, user, request.body or b"")
        return Response(status, raw=raw)

    api.server.programs["flunders"] = program
    return flunders


async def registered(api: Api) -> Flunders:
    flunders = in_kernel(api)
    await api.create(SERVICES, service(type="ExternalName", externalName="flunders.kernel"))
    await api.create(API_SERVICES, api_service())
    await asyncio.sleep(0.001)
    return flunders


async def available(api: Api) -> tuple[str, str, str]:
    """Status, reason and message of the condition Available."""
    (row,) = (await api.get(NAME))["status"]["conditions"]
    return row["status"], row["reason"], row["message"]


async def test_every_version_that_is_served_here_has_its_api_service() -> None:
    async with serving() as api:
        items = {item["metadata"]["name"]: item for item in (await api.get(API_SERVICES))["items"]}
        assert {"v1.", "v1.apps", "v2.autoscaling", "v1.rbac.authorization.k8s.io"} <= items.keys()
        assert "v1.apiregistration.k8s.io" not in items
        apps = items["v1.apps"]
        assert apps["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
        spec = {"group": "apps", "version": "v1", "groupPriorityMinimum": 17800, "versionPriority": 15}
        assert apps["spec"] == spec
        (row,) = apps["status"]["conditions"]
        assert (row["status"], row["reason"]) == ("True", "Local")


async def test_a_definition_brings_an_api_service_and_takes_it_along() -> None:
    async with serving() as api:
        await defined(api)
        made = await api.get(f"{API_SERVICES}/v1.stable.example.com")
        assert made["spec"]["groupPriorityMinimum"] == 1000
        assert made["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
        await api.ok("DELETE", f"{DEFINITIONS}/crontabs.stable.example.com")
        await asyncio.sleep(2)
        await api.refused("GET", f"{API_SERVICES}/v1.stable.example.com")


async def test_requests_go_to_the_other_server_with_their_users_name() -> None:
    async with serving() as api:
        flunders = await registered(api)
        assert await available(api) == ("True", "Passed", "all checks passed")
        made = await api.ok("POST", FLUNDERS, flunder("a"), user=User("jane", ("system:masters", "devs"), uid="7"))
        assert made == flunder("a")
        assert [item["metadata"]["name"] for item in (await api.get(FLUNDERS))["items"]] == ["a"]
        assert (await api.ask("GET", f"{FLUNDERS}/b")).status == 404
        assert ("POST", FLUNDERS, "jane") in flunders.asked
        assert ("GET", GROUP, "system:kube-aggregator") in flunders.asked


async def test_discovery_and_openapi_tell_of_both_servers() -> None:
    async with serving() as api:
        await defined(api)
        await registered(api)
        groups = [group["name"] for group in (await api.get("/apis"))["groups"]]
        assert groups[-2:] == ["wardle.example.com", "stable.example.com"]
        assert (await api.get(GROUP))["groupVersion"] == "wardle.example.com/v1"
        assert (await api.get("/apis/wardle.example.com"))["preferredVersion"]["version"] == "v1"
        (row,) = [
            item
            for item in (await api.ask("GET", "/apis", headers=AGGREGATED)).object()["items"]
            if item["metadata"]["name"] == "wardle.example.com"
        ]
        (version,) = row["versions"]
        (resource,) = version["resources"]
        assert (resource["resource"], resource["subresources"][0]["subresource"]) == ("flunders", "status")
        paths = (await api.get("/openapi/v3"))["paths"]
        assert (await api.get(paths[GROUP[1:]]["serverRelativeURL"].partition("?")[0]))["info"]["title"] == "Wardle"
        v2 = await api.get("/openapi/v2")
        assert {"wardle.Flunder", "io.k8s.api.core.v1.Pod"} <= v2["definitions"].keys()


async def test_a_server_that_is_gone_is_unavailable_until_it_is_back() -> None:
    async with serving() as api:
        await registered(api)
        del api.server.programs["flunders"]
        await asyncio.sleep(31)
        url = "https://flunders.kernel:443/apis/wardle.example.com/v1"
        why = f'failing or missing response from {url}: Get "{url}": dial tcp: lookup flunders.kernel: no such host'
        assert await available(api) == ("False", "FailedDiscoveryCheck", why)
        response = await api.ask("GET", FLUNDERS)
        assert (response.status, response.raw) == (503, b"service unavailable\n")
        assert "wardle.example.com" not in [group["name"] for group in (await api.get("/apis"))["groups"]]
        items = (await api.ask("GET", "/apis", headers=AGGREGATED)).object()["items"]
        stale = next(item for item in items if item["metadata"]["name"] == "wardle.example.com")
        assert stale["versions"][0]["freshness"] == "Stale"
        in_kernel(api)
        await asyncio.sleep(31)
        assert (await available(api))[0] == "True"
        await api.get(FLUNDERS)
        await api.ok("DELETE", NAME)
        await asyncio.sleep(0.001)
        assert (await api.refused("GET", FLUNDERS))["code"] == 404


async def test_what_a_service_lacks_is_told_in_the_condition() -> None:
    async with serving() as api:
        await api.create(API_SERVICES, api_service())
        await asyncio.sleep(0.001)
        assert await available(api) == ("False", "ServiceNotFound", 'service/sample-api in "default" is not present')
        await api.create(SERVICES, service(selector={"app": "x"}, ports=[{"port": 80}]))
        await asyncio.sleep(0.001)
        why = 'service/sample-api in "default" is not listening on port 443'
        assert await available(api) == ("False", "ServicePortError", why)
        await api.patch(f"{SERVICES}/sample-api", {"spec": {"ports": [{"port": 443}]}})
        await asyncio.sleep(0.001)
        why = 'cannot find endpointslices for service/sample-api in "default"'
        assert await available(api) == ("False", "EndpointsNotFound", why)


def test_a_real_server_is_reached_over_https(tmp_path: Path) -> None:
    flunders = Flunders()
    seen: list[list[str]] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.getall("X-Remote-Group", []))
        user = request.headers.get("X-Remote-User", "")
        status, raw = flunders.answer(request.method, request.path, user, await request.read())
        return web.Response(status=status, body=raw, content_type="application/json")

    async def story() -> None:
        async with listening(tmp_path) as server:
            other = web.Server(serve)
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(other, "127.0.0.1", 0, ssl=server.authority.server_context())
            port = listener.sockets[0].getsockname()[1]
            api = server.api
            await api.create(SERVICES, service(type="ExternalName", externalName="localhost"))
            to_port = {"namespace": "default", "name": "sample-api", "port": port}
            await api.create(API_SERVICES, api_service(service=to_port))
            while (await api.get(NAME)).get("status", {}).get("conditions") is None:
                await asyncio.sleep(0.01)
            assert (await available(api))[0] == "True"
            await api.ok("POST", FLUNDERS, flunder("a b"), user=User("jane", ("system:masters", "devs")))
            assert (await api.get(f"{FLUNDERS}/a b"))["metadata"]["name"] == "a b"
            assert seen[-2] == ["system:masters", "devs", "system:authenticated"]
            listener.close()
            await other.shutdown(0)
            assert b"error trying to reach service" in ((await api.ask("GET", FLUNDERS)).raw or b"")

    at_walls_pace(story())
