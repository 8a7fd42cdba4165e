"""Deletion: at once, gracefully, held by finalizers."""

import pytest

from tests.apiserver.serving import CONFIG_MAPS, PODS, Api, config_map, pod, serving


async def bound(api: Api, name: str = "web") -> None:
    await api.create(PODS, pod(name))
    target = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "node-1"}}
    await api.create(f"{PODS}/{name}/binding", target)


async def test_a_pod_without_a_node_goes_at_once() -> None:
    async with serving() as api:
        await api.create(PODS, pod())
        gone = await api.ok("DELETE", f"{PODS}/web")
        assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
        assert (await api.refused("GET", f"{PODS}/web"))["reason"] == "NotFound"


async def test_a_pod_on_a_node_is_marked_and_waits_for_its_kubelet() -> None:
    async with serving() as api:
        await bound(api)
        watch = await api.watch(f"{PODS}/web", resourceVersion=(await api.get(PODS))["metadata"]["resourceVersion"])
        marked = await api.ok("DELETE", f"{PODS}/web")
        assert marked["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
        assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
        assert marked["metadata"]["generation"] == 2
        again = await api.ok("DELETE", f"{PODS}/web")
        assert again["metadata"] == marked["metadata"]
        shorter = await api.ok("DELETE", f"{PODS}/web", {"gracePeriodSeconds": 5})
        assert shorter["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
        uid = marked["metadata"]["uid"]
        await api.ok("DELETE", f"{PODS}/web", {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
        assert await watch.next() == ["MODIFIED web", "MODIFIED web", "MODIFIED web", "DELETED web"]


async def test_a_finished_pod_needs_no_grace() -> None:
    async with serving() as api:
        await bound(api)
        await api.patch(f"{PODS}/web/status", {"status": {"phase": "Succeeded"}})
        await api.ok("DELETE", f"{PODS}/web")
        await api.refused("GET", f"{PODS}/web")


@pytest.mark.parametrize(
    ("preconditions", "message"),
    [
        pytest.param(
            {"uid": "other"},
            'Operation cannot be fulfilled on configmaps "settings": Precondition failed: UID in precondition: other, '
            "UID in object meta: {uid}",
            id="another uid",
        ),
        pytest.param(
            {"resourceVersion": "1"},
            'Operation cannot be fulfilled on configmaps "settings": Precondition failed: ResourceVersion in '
            "precondition: 1, ResourceVersion in object meta: {resourceVersion}",
            id="another resourceVersion",
        ),
    ],
)
async def test_a_precondition_that_fails_is_a_conflict(preconditions: dict[str, str], message: str) -> None:
    async with serving() as api:
        created = await api.create(CONFIG_MAPS, config_map())
        status = await api.refused("DELETE", f"{CONFIG_MAPS}/settings", {"preconditions": preconditions})
        assert status["reason"] == "Conflict"
        assert status["message"] == message.format(**created["metadata"])
        await api.get(f"{CONFIG_MAPS}/settings")


async def test_a_success_names_what_was_deleted() -> None:
    async with serving() as api:
        uid = (await api.create(CONFIG_MAPS, config_map()))["metadata"]["uid"]
        status = await api.ok("DELETE", f"{CONFIG_MAPS}/settings")
        assert status["status"] == "Success"
        assert status["details"] == {"name": "settings", "kind": "configmaps", "uid": uid}


async def test_finalizers_hold_an_object_until_the_last_is_taken() -> None:
    async with serving() as api:
        held = config_map()
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await api.create(CONFIG_MAPS, held)
        marked = await api.ok("DELETE", f"{CONFIG_MAPS}/settings")
        assert marked["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"
        assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
        kept = await api.patch(f"{CONFIG_MAPS}/settings", {"data": {"a": "b"}})
        assert kept["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"
        await api.patch(f"{CONFIG_MAPS}/settings", {"metadata": {"finalizers": None}})
        await api.refused("GET", f"{CONFIG_MAPS}/settings")


@pytest.mark.parametrize(
    ("policy", "finalizers"),
    [
        pytest.param("Orphan", ["orphan"], id="orphan"),
        pytest.param("Foreground", ["foregroundDeletion"], id="foreground"),
        pytest.param("Background", None, id="background"),
        pytest.param(None, None, id="none given"),
    ],
)
async def test_a_propagation_policy_becomes_a_finalizer(policy: str | None, finalizers: list[str] | None) -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        options = {"propagationPolicy": policy} if policy else None
        answer = await api.ok("DELETE", f"{CONFIG_MAPS}/settings", options)
        assert answer.get("metadata", {}).get("finalizers") == finalizers
        assert (await api.ask("GET", f"{CONFIG_MAPS}/settings")).status == (200 if finalizers else 404)


async def test_an_unknown_propagation_policy_is_refused() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        status = await api.refused("DELETE", f"{CONFIG_MAPS}/settings", {"propagationPolicy": "Sideways"})
        assert status["reason"] == "Invalid"
        assert status["details"]["causes"][0]["field"] == "propagationPolicy"


async def test_a_namespace_terminates_in_two_steps() -> None:
    async with serving() as api:
        await api.create("/api/v1/namespaces", {"metadata": {"name": "blue"}})
        going = await api.ok("DELETE", "/api/v1/namespaces/blue")
        assert going["status"]["phase"] == "Terminating"
        refusal = await api.refused("POST", "/api/v1/namespaces/blue/configmaps", config_map())
        assert refusal["message"] == (
            'configmaps "settings" is forbidden: unable to create new content in namespace blue because it is being '
            "terminated"
        )
        assert refusal["details"]["causes"][0]["reason"] == "NamespaceTerminating"
        assert (await api.refused("DELETE", "/api/v1/namespaces/blue"))["reason"] == "Conflict"
        going["spec"] = {"finalizers": []}
        await api.ok("PUT", "/api/v1/namespaces/blue/finalize", going)
        await api.refused("GET", "/api/v1/namespaces/blue")


async def test_a_system_namespace_stays() -> None:
    async with serving() as api:
        status = await api.refused("DELETE", "/api/v1/namespaces/kube-system")
        assert status["message"] == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'


async def test_deletecollection_deletes_what_the_selector_finds() -> None:
    async with serving() as api:
        for name in ("a", "b", "c"):
            await api.create(PODS, pod(name))
        gone = await api.ok("DELETE", PODS, labelSelector="app in (a, c)")
        assert [item["metadata"]["name"] for item in gone["items"]] == ["a", "c"]
        assert [item["metadata"]["name"] for item in (await api.get(PODS))["items"]] == ["b"]


async def test_a_dry_run_deletes_nothing() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        await api.ok("DELETE", f"{CONFIG_MAPS}/settings", dryRun="All")
        await api.get(f"{CONFIG_MAPS}/settings")


async def test_options_of_the_wrong_shape_are_refused() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        for options in ({"preconditions": "x"}, {"gracePeriodSeconds": "soon"}, ["x"]):
            status = await api.refused("DELETE", f"{CONFIG_MAPS}/settings", options)
            assert (status["code"], status["reason"]) == (400, "BadRequest")
