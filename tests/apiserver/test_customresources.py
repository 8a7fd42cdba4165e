"""Custom resources: from their definition to its deletion."""

import asyncio

from kube_nb.machinery.types import Obj
from tests.apiserver.serving import Api, serving

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRON_TABS = "/apis/stable.example.com/v1/namespaces/default/crontabs"


def definition(plural: str = "crontabs", kind: str = "CronTab") -> Obj:
    spec = {
        "type": "object",
        "properties": {
            "cronSpec": {"type": "string"},
            "replicas": {"type": "integer", "default": 2, "minimum": 1},
        },
    }
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.stable.example.com"},
        "spec": {
            "group": "stable.example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": [plural[:2]]},
            "versions": [version],
        },
    }


async def defined(api: Api) -> None:
    await api.create(DEFINITIONS, definition())
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)


def cron_tab(**spec: object) -> Obj:
    return {
        "apiVersion": "stable.example.com/v1",
        "kind": "CronTab",
        "metadata": {"name": "a"},
        "spec": {"cronSpec": "* * * * *", **spec},
    }


async def test_a_definition_is_established_and_served() -> None:
    async with serving() as api:
        assert (await api.refused("GET", CRON_TABS))["code"] == 404
        await defined(api)
        status = (await api.get(f"{DEFINITIONS}/crontabs.stable.example.com"))["status"]
        assert [(row["type"], row["status"]) for row in status["conditions"]] == [
            ("NamesAccepted", "True"),
            ("Established", "True"),
        ]
        assert status["storedVersions"] == ["v1"]
        assert (await api.get(CRON_TABS))["kind"] == "CronTabList"
        names = [row["name"] for row in (await api.get("/apis/stable.example.com/v1"))["resources"]]
        assert names == ["crontabs", "crontabs/scale", "crontabs/status"]


async def test_instances_are_pruned_defaulted_and_checked() -> None:
    async with serving() as api:
        await defined(api)
        created = await api.create(CRON_TABS, cron_tab(unknown=1))
        assert created["spec"] == {"cronSpec": "* * * * *", "replicas": 2}
        assert "status" not in created
        status = await api.refused("PATCH", f"{CRON_TABS}/a", {"spec": {"replicas": 0}}, type="merge")
        assert status["message"] == (
            'CronTab.stable.example.com "a" is invalid: spec.replicas: Invalid value: 0: spec.replicas in body should '
            "be greater than or equal to 1"
        )


async def test_rules_in_cel_hold_for_instances() -> None:
    async with serving() as api:
        ruled = definition()
        schema = ruled["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"]["x-kubernetes-validations"] = [
            {"rule": "self.replicas <= 10", "message": "ten is enough"},
            {
                "rule": "self.replicas >= oldSelf.replicas",
                "messageExpression": "'not below ' + string(oldSelf.replicas)",
            },
        ]
        await api.create(DEFINITIONS, ruled)
        await asyncio.sleep(0.001)
        await api.create(CRON_TABS, cron_tab(replicas=5))
        status = await api.refused("PATCH", f"{CRON_TABS}/a", {"spec": {"replicas": 11}}, type="merge")
        assert status["message"] == (
            'CronTab.stable.example.com "a" is invalid: spec: Invalid value: "object": ten is enough'
        )
        status = await api.refused("PATCH", f"{CRON_TABS}/a", {"spec": {"replicas": 4}}, type="merge")
        assert status["message"].endswith("not below 5")
        await api.patch(f"{CRON_TABS}/a", {"spec": {"replicas": 6}})


async def test_instances_have_their_definitions_subresources() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(CRON_TABS, cron_tab())
        told = await api.patch(f"{CRON_TABS}/a/status", {"spec": {"replicas": 9}, "status": {"replicas": 1}})
        assert (told["spec"]["replicas"], told["metadata"]["generation"]) == (2, 1)
        scaled = await api.patch(f"{CRON_TABS}/a/scale", {"spec": {"replicas": 5}})
        assert (scaled["spec"], scaled["status"]) == ({"replicas": 5}, {"replicas": 1})
        assert (await api.get(f"{CRON_TABS}/a"))["metadata"]["generation"] == 2


async def test_names_that_are_taken_are_not_accepted() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(DEFINITIONS, definition("others", "CronTab"))
        await asyncio.sleep(0.001)
        conditions = (await api.get(f"{DEFINITIONS}/others.stable.example.com"))["status"]["conditions"]
        assert [(row["type"], row["status"]) for row in conditions] == [
            ("NamesAccepted", "False"),
            ("Established", "False"),
        ]
        assert (await api.refused("GET", CRON_TABS.replace("crontabs", "others")))["code"] == 404


async def test_a_definition_goes_after_its_instances() -> None:
    async with serving() as api:
        await defined(api)
        await api.create(CRON_TABS, cron_tab())
        watch = await api.watch(CRON_TABS)
        await api.ok("DELETE", f"{DEFINITIONS}/crontabs.stable.example.com")
        await asyncio.sleep(2)
        assert await watch.next() == ["ADDED a", "DELETED a"]
        await api.refused("GET", f"{DEFINITIONS}/crontabs.stable.example.com")
        assert (await api.refused("GET", CRON_TABS))["code"] == 404


async def test_a_restarted_server_serves_what_was_established() -> None:
    from typing import Any

    from kube_nb.apiserver import ApiServer
    from kube_nb.etcd.local import LocalBackend
    from kube_nb.etcd.store import Store

    clock: Any = asyncio.get_running_loop()
    backend = LocalBackend(Store(), clock)
    async with serving(backend=backend) as api:
        await defined(api)
        await api.create(CRON_TABS, cron_tab())
        again = ApiServer(backend, clock, stream="second")
        await again.start()
        try:
            assert len((await Api(again).get(CRON_TABS))["items"]) == 1
        finally:
            await again.stop()
