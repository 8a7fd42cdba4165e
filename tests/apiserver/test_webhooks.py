"""Admission webhooks: functions in the kernel, and real HTTPS servers."""

import base64
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from kube_nb.machinery.types import Obj
from tests.apiserver.https import at_walls_pace, listening
from tests.apiserver.serving import CONFIG_MAPS, Api, config_map, serving

GROUP = "/apis/admissionregistration.k8s.io/v1"


def configuration(kind: str, client: Obj, **more: object) -> Obj:
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    webhook = {
        "name": "hook.example.com",
        "clientConfig": client,
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }
    return {
        "metadata": {"name": "hooks"},
        "webhooks": [webhook],
        "kind": kind,
        "apiVersion": GROUP.removeprefix("/apis/"),
    }


async def mutating(api: Api, client: Obj, **more: object) -> None:
    body = configuration("MutatingWebhookConfiguration", client, **more)
    await api.create(f"{GROUP}/mutatingwebhookconfigurations", body)


async def validating(api: Api, client: Obj, **more: object) -> None:
    body = configuration("ValidatingWebhookConfiguration", client, **more)
    await api.create(f"{GROUP}/validatingwebhookconfigurations", body)


async def add_label(request: Obj) -> Obj:
    patch = [{"op": "add", "path": "/metadata/labels", "value": {"seen": request["userInfo"]["username"]}}]
    return {"uid": request["uid"], "allowed": True, "patch": base64.b64encode(orjson.dumps(patch)).decode()}


async def refuse(request: Obj) -> Obj:
    return {"uid": request["uid"], "allowed": False, "status": {"code": 403, "message": "not today"}}


async def test_a_function_in_the_kernel_mutates() -> None:
    async with serving() as api:
        api.server.webhooks["label"] = add_label
        await mutating(api, {"url": "https://label.kernel"})
        created = await api.create(CONFIG_MAPS, config_map())
        assert created["metadata"]["labels"] == {"seen": "admin"}


async def test_a_function_in_the_kernel_refuses() -> None:
    async with serving() as api:
        api.server.webhooks["no"] = refuse
        await validating(api, {"url": "https://no.kernel"})
        status = await api.refused("POST", CONFIG_MAPS, config_map())
        assert (status["code"], status["reason"]) == (403, "Forbidden")
        assert status["message"] == 'admission webhook "hook.example.com" denied the request: not today'


@pytest.mark.parametrize(("policy", "code"), [("Fail", 500), ("Ignore", 201)])
async def test_a_webhook_that_is_not_there(policy: str, code: int) -> None:
    async with serving() as api:
        await validating(api, {"url": "https://nobody.kernel"}, failurePolicy=policy)
        assert (await api.ask("POST", CONFIG_MAPS, config_map())).status == code


async def test_a_selector_spares_what_it_does_not_match() -> None:
    async with serving() as api:
        api.server.webhooks["no"] = refuse
        selector = {"matchLabels": {"checked": "yes"}}
        await validating(api, {"url": "https://no.kernel"}, objectSelector=selector)
        await api.create(CONFIG_MAPS, config_map())
        checked = config_map("other")
        checked["metadata"]["labels"] = {"checked": "yes"}
        await api.refused("POST", CONFIG_MAPS, checked)


async def test_a_condition_in_cel_spares_some() -> None:
    async with serving() as api:
        api.server.webhooks["no"] = refuse
        condition = {"name": "checked", "expression": "object.metadata.name.startsWith('checked-')"}
        await validating(api, {"url": "https://no.kernel"}, matchConditions=[condition])
        await api.create(CONFIG_MAPS, config_map())
        await api.refused("POST", CONFIG_MAPS, config_map("checked-1"))


@pytest.mark.parametrize("again", ["IfNeeded", "Never"])
async def test_a_webhook_sees_what_later_ones_changed_only_if_it_asks_to(again: str) -> None:
    calls: list[str] = []

    async def count(request: Obj) -> Obj:
        calls.append("count")
        return {"uid": request["uid"], "allowed": True}

    async with serving() as api:
        api.server.webhooks["count"], api.server.webhooks["label"] = count, add_label
        body = configuration("MutatingWebhookConfiguration", {"url": "https://count.kernel"}, reinvocationPolicy=again)
        other = {**body["webhooks"][0], "name": "then.example.com", "clientConfig": {"url": "https://label.kernel"}}
        body["webhooks"].append({**other, "reinvocationPolicy": "Never"})
        await api.create(f"{GROUP}/mutatingwebhookconfigurations", body)
        await api.create(CONFIG_MAPS, config_map())
        assert calls == ["count"] * (2 if again == "IfNeeded" else 1)


async def test_conditions_that_do_not_compile_are_refused() -> None:
    async with serving() as api:
        condition = {"name": "bad", "expression": "object.x == [}"}
        body = configuration(
            "ValidatingWebhookConfiguration", {"url": "https://no.kernel"}, matchConditions=[condition]
        )
        status = await api.refused("POST", f"{GROUP}/validatingwebhookconfigurations", body)
        assert "webhooks[0].matchConditions[0].expression: Invalid value" in status["message"]
        assert "compilation failed" in status["message"]


def test_a_real_server_is_asked_over_https(tmp_path: Path) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        review = orjson.loads(await request.read())
        response = await add_label(review["request"])
        return web.json_response({"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})

    async def story() -> None:
        import asyncio

        async with listening(tmp_path) as server:
            hook = web.Server(answer)
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(hook, "127.0.0.1", 0, ssl=server.authority.server_context())
            port = listener.sockets[0].getsockname()[1]
            bundle = base64.b64encode((tmp_path / "ca.crt").read_bytes()).decode()
            await mutating(server.api, {"url": f"https://127.0.0.1:{port}/", "caBundle": bundle})
            created = await server.api.create(CONFIG_MAPS, config_map())
            assert created["metadata"]["labels"] == {"seen": "admin"}
            listener.close()
            await hook.shutdown(0)

    at_walls_pace(story())
