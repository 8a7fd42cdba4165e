"""Updates and patches: optimistic locking, generations, what each endpoint may change."""

from typing import Any

import pytest

from tests.apiserver.serving import CONFIG_MAPS, DEPLOYMENTS, PODS, config_map, deployment, pod, serving


async def test_a_stale_version_is_a_conflict() -> None:
    async with serving() as api:
        first = await api.create(CONFIG_MAPS, config_map())
        await api.ok("PUT", f"{CONFIG_MAPS}/settings", {**first, "data": {"a": "b"}})
        status = await api.refused("PUT", f"{CONFIG_MAPS}/settings", {**first, "data": {"a": "c"}})
        assert status["reason"] == "Conflict"
        assert status["message"] == (
            'Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your '
            "changes to the latest version and try again"
        )


async def test_an_update_without_a_version_overwrites() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map(a="b"))
        updated = await api.ok("PUT", f"{CONFIG_MAPS}/settings", config_map(c="d"))
        assert updated["data"] == {"c": "d"}


async def test_an_update_that_changes_nothing_writes_nothing() -> None:
    async with serving() as api:
        created = await api.create(CONFIG_MAPS, config_map(a="b"))
        same = await api.ok("PUT", f"{CONFIG_MAPS}/settings", created)
        assert same["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]


async def test_the_generation_rises_with_the_spec_only() -> None:
    async with serving() as api:
        await api.create(DEPLOYMENTS, deployment())
        labelled = await api.patch(f"{DEPLOYMENTS}/web", {"metadata": {"labels": {"a": "b"}}})
        scaled = await api.patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 5}})
        told = await api.patch(f"{DEPLOYMENTS}/web/status", {"status": {"replicas": 5}})
        assert [obj["metadata"]["generation"] for obj in (labelled, scaled, told)] == [1, 2, 2]


async def test_the_main_endpoint_leaves_the_status_alone_and_the_other_way_round() -> None:
    async with serving() as api:
        await api.create(DEPLOYMENTS, deployment())
        both = {"spec": {"replicas": 3}, "status": {"replicas": 3}}
        main = await api.patch(f"{DEPLOYMENTS}/web", both)
        assert (main["spec"]["replicas"], main["status"]) == (3, {})
        both["spec"]["replicas"] = 9
        other = await api.patch(f"{DEPLOYMENTS}/web/status", both)
        assert (other["spec"]["replicas"], other["status"]["replicas"]) == (3, 3)


async def test_a_put_of_what_is_not_there_is_refused_or_creates() -> None:
    async with serving() as api:
        assert (await api.refused("PUT", f"{CONFIG_MAPS}/settings", config_map()))["reason"] == "NotFound"
        lease = {"metadata": {"name": "me"}, "spec": {"holderIdentity": "me"}}
        path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        assert (await api.ask("PUT", f"{path}/me", lease)).status == 201


async def test_another_name_in_the_body_is_refused() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        status = await api.refused("PUT", f"{CONFIG_MAPS}/settings", config_map("other"))
        assert status["message"] == "the name of the object (other) does not match the name on the URL (settings)"


@pytest.mark.parametrize(
    ("type", "body"),
    [
        pytest.param("json", [{"op": "add", "path": "/data/b", "value": "2"}], id="json patch"),
        pytest.param("merge", {"data": {"b": "2"}}, id="merge patch"),
        pytest.param("strategic", {"data": {"b": "2"}}, id="strategic merge patch"),
        pytest.param(
            "apply",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"b": "2"}},
            id="apply",
        ),
    ],
)
async def test_each_patch_type_adds_a_key(type: str, body: Any) -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map(a="1"))
        query = {"fieldManager": "me"}
        patched = await api.patch(f"{CONFIG_MAPS}/settings", body, type, **query)
        assert patched["data"] == {"a": "1", "b": "2"}


async def test_a_strategic_patch_merges_containers_by_name() -> None:
    async with serving() as api:
        await api.create(DEPLOYMENTS, deployment())
        body = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}}}
        patched = await api.patch(f"{DEPLOYMENTS}/web", body, "strategic")
        names = [container["name"] for container in patched["spec"]["template"]["spec"]["containers"]]
        assert sorted(names) == ["main", "side"]


@pytest.mark.parametrize(
    ("type", "body", "code", "message"),
    [
        pytest.param(
            "json",
            [{"op": "test", "path": "/data/a", "value": "9"}],
            422,
            "the server rejected our request due to an error in our request: testing value /data/a failed: test failed",
            id="a test that fails",
        ),
        pytest.param("merge", [1], 400, None, id="a list as a merge patch"),
        pytest.param("merge", {"metadata": {"name": "other"}}, 422, None, id="another name"),
        pytest.param("apply", {"data": {}}, 422, None, id="an apply without a manager"),
    ],
)
async def test_a_bad_patch_changes_nothing(type: str, body: Any, code: int, message: str | None) -> None:
    async with serving() as api:
        created = await api.create(CONFIG_MAPS, config_map(a="1"))
        status = await api.refused("PATCH", f"{CONFIG_MAPS}/settings", body, type=type)
        assert status["code"] == code
        if message is not None:
            assert status["message"] == message
        assert await api.get(f"{CONFIG_MAPS}/settings") == created


async def test_an_unknown_patch_type_is_415() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        status = await api.refused("PATCH", f"{CONFIG_MAPS}/settings", b"{}", headers={"content-type": "text/plain"})
        assert status["reason"] == "UnsupportedMediaType"


async def test_appliers_conflict_over_a_field_until_one_forces() -> None:
    async with serving() as api:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
        path = f"{CONFIG_MAPS}/settings"
        answer = await api.ask(
            "PATCH", path, body, headers={"content-type": "application/apply-patch+yaml"}, fieldManager="one"
        )
        assert answer.status == 201
        other = {**body, "data": {"a": "2"}}
        status = await api.refused("PATCH", path, other, type="apply", fieldManager="two")
        assert status["reason"] == "Conflict"
        assert status["details"]["causes"][0]["message"] == 'conflict with "one"'
        forced = await api.patch(path, other, "apply", fieldManager="two", force="true")
        assert [row["manager"] for row in forced["metadata"]["managedFields"]] == ["two"]


async def test_a_pods_containers_cannot_be_added_to() -> None:
    async with serving() as api:
        await api.create(PODS, pod())
        body = {"spec": {"containers": [{"name": "side", "image": "busybox"}]}}
        status = await api.refused("PATCH", f"{PODS}/web", body, type="strategic")
        assert status["reason"] == "Invalid"
        assert status["message"].endswith("Forbidden: pod updates may not add or remove containers")


async def test_an_ephemeral_container_comes_through_its_own_door() -> None:
    async with serving() as api:
        await api.create(PODS, pod())
        container = {"name": "debug", "image": "busybox", "terminationMessagePolicy": "File"}
        body = {"spec": {"ephemeralContainers": [container], "nodeName": "elsewhere"}}
        patched = await api.patch(f"{PODS}/web/ephemeralcontainers", body, "strategic")
        assert patched["spec"]["ephemeralContainers"][0]["name"] == "debug"
        assert "nodeName" not in patched["spec"]


async def test_scale_shows_and_sets_replicas() -> None:
    async with serving() as api:
        await api.create(DEPLOYMENTS, deployment(replicas=2))
        scale = await api.get(f"{DEPLOYMENTS}/web/scale")
        assert scale["kind"] == "Scale"
        assert scale["spec"] == {"replicas": 2}
        assert scale["status"] == {"replicas": 0, "selector": "app=web"}
        await api.ok("PUT", f"{DEPLOYMENTS}/web/scale", {**scale, "spec": {"replicas": 7}})
        assert (await api.get(f"{DEPLOYMENTS}/web"))["spec"]["replicas"] == 7
        status = await api.refused("PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": -1}}, type="merge")
        assert status["message"].startswith('Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1')
        assert (await api.refused("PUT", f"{DEPLOYMENTS}/web/scale", scale))["reason"] == "Conflict"


async def test_spoilt_managed_fields_are_put_back() -> None:
    async with serving() as api:
        created = await api.create(CONFIG_MAPS, config_map(a="b"))
        operation = {"op": "add", "path": "/metadata/managedFields/0/fieldsV1/f:data", "value": "80"}
        patched = await api.patch(f"{CONFIG_MAPS}/settings", [operation], "json")
        assert patched["metadata"]["managedFields"] == created["metadata"]["managedFields"]


async def test_a_scale_of_the_wrong_shape_is_refused() -> None:
    async with serving() as api:
        await api.create(DEPLOYMENTS, deployment())
        status = await api.refused("PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": "many"}, type="merge")
        assert (status["code"], status["reason"]) == (400, "BadRequest")


async def test_fields_that_stand_twice_in_yaml_are_told() -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: '1'\n  x: '2'\n"
    fault = 'yaml: unmarshal errors:\n  line 6: key "x" already set in map'
    async with serving() as api:
        query = {"fieldManager": "me", "fieldValidation": "Strict"}
        refused = await api.refused("PATCH", f"{CONFIG_MAPS}/a", body, type="apply", **query)
        assert refused["message"] == f"error strict decoding YAML: error converting YAML to JSON: {fault}"
        yaml = {"content-type": "application/yaml"}
        refused = await api.refused("POST", CONFIG_MAPS, body, headers=yaml, fieldValidation="Strict")
        assert refused["message"].endswith(f"strict decoding error: {fault}")
        response = await api.ask("POST", CONFIG_MAPS, body, headers=yaml)
        assert (response.status, response.warnings) == (201, (fault,))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"metadata": {"labels": "invalid"}}, "cannot restore map from string"),
        ({"spec": {"replicas": "x"}}, "cannot convert string to int32"),
        ({"spec": {"template": [1, None]}}, "cannot restore struct from: slice"),
        ({"spec": {"template": {"spec": {"containers": {"a": True}}}}}, "cannot restore slice from map"),
    ],
)
async def test_a_strategic_patch_with_values_of_wrong_types_is_told_as_what_cannot_be_restored(change, text):
    async with serving() as api:
        await api.create(DEPLOYMENTS, deployment())
        status = await api.refused("PATCH", f"{DEPLOYMENTS}/web", change, type="strategic")
        assert status["code"] == 422
        assert status["message"].startswith(' "" is invalid: patch: Invalid value: "map[')
        assert status["message"].endswith(f": {text}")
