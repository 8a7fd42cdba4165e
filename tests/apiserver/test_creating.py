"""Creation: names, system metadata, defaults, refusals."""

import pytest

from tests.apiserver.serving import CONFIG_MAPS, DEPLOYMENTS, PODS, SERVICES, config_map, deployment, pod, serving


async def test_a_new_object_gets_its_system_metadata() -> None:
    async with serving() as api:
        created = await api.create(DEPLOYMENTS, {**deployment(), "status": {"replicas": 7}})
        metadata = created["metadata"]
        assert metadata["namespace"] == "default"
        assert metadata["generation"] == 1
        assert metadata["creationTimestamp"] == "2026-01-01T00:00:00Z"
        assert len(metadata["uid"]) == 36
        assert created["status"] == {}
        assert created["spec"]["strategy"]["type"] == "RollingUpdate"
        assert created["spec"]["progressDeadlineSeconds"] == 600
        (owner,) = metadata["managedFields"]
        assert (owner["manager"], owner["operation"], owner["apiVersion"]) == ("tester", "Update", "apps/v1")
        assert "f:status" not in owner["fieldsV1"]


async def test_what_was_created_is_what_is_read() -> None:
    async with serving() as api:
        created = await api.create(PODS, pod())
        assert await api.get(f"{PODS}/web") == created
        assert (await api.get(PODS))["items"] == [created]


async def test_a_name_is_drawn_from_generate_name() -> None:
    async with serving() as api:
        body = {"metadata": {"generateName": "web-"}, "data": {}}
        names = [(await api.create(CONFIG_MAPS, body))["metadata"]["name"] for _ in range(3)]
        assert len(set(names)) == 3
        assert all(name.startswith("web-") and len(name) == 9 for name in names)


async def test_a_taken_generated_name_is_drawn_anew() -> None:
    async with serving() as api:
        drawn = iter(["web-a", "web-a", "web-b"])
        api.server.draw_name = lambda prefix: next(drawn)  # type: ignore[method-assign]  # luck, by appointment
        body = {"metadata": {"generateName": "web-"}}
        names = [(await api.create(CONFIG_MAPS, body))["metadata"]["name"] for _ in range(2)]
        assert names == ["web-a", "web-b"]


async def test_a_dry_run_stores_nothing() -> None:
    async with serving() as api:
        answer = await api.create(CONFIG_MAPS, config_map(), dryRun="All")
        assert answer["metadata"]["uid"]
        assert "resourceVersion" not in answer["metadata"]
        await api.refused("GET", f"{CONFIG_MAPS}/settings")


@pytest.mark.parametrize(
    ("path", "body", "code", "reason", "message"),
    [
        pytest.param(
            "/api/v1/namespaces/blue/configmaps",
            config_map(),
            404,
            "NotFound",
            'namespaces "blue" not found',
            id="a missing namespace",
        ),
        pytest.param(
            CONFIG_MAPS,
            {"metadata": {"name": "a", "namespace": "other"}},
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
            id="another namespace in the body",
        ),
        pytest.param(
            CONFIG_MAPS,
            {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "a"}},
            400,
            "BadRequest",
            "the API version in the data (v2) does not match the expected API version (v1)",
            id="another version",
        ),
        pytest.param(
            CONFIG_MAPS,
            {"metadata": {"name": "a", "resourceVersion": "7"}},
            500,
            "",
            "resourceVersion should not be set on objects to be created",
            id="a resourceVersion",
        ),
        pytest.param(
            CONFIG_MAPS,
            {"metadata": {}},
            422,
            "Invalid",
            'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
            id="no name",
        ),
        pytest.param(
            DEPLOYMENTS,
            {**deployment(), "spec": {**deployment()["spec"], "replicas": "three"}},
            400,
            "BadRequest",
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go '
            "struct field DeploymentSpec.spec.replicas of type int32",
            id="a wrong type",
        ),
        pytest.param(
            CONFIG_MAPS,
            b'{"metadata": {"name": "a"',
            400,
            "BadRequest",
            None,
            id="a body that was cut off",
        ),
        pytest.param(CONFIG_MAPS, b"[" * 10_000, 400, "BadRequest", None, id="ten thousand levels"),
        pytest.param(CONFIG_MAPS, b'{"metadata": {"name": "\xff"}}', 400, "BadRequest", None, id="invalid UTF-8"),
        pytest.param(CONFIG_MAPS, b" " * 4_000_000, 413, "RequestEntityTooLarge", None, id="four megabytes"),
        pytest.param(
            "/api/v1/namespaces/default/pods",
            b'["no object"]',
            400,
            "BadRequest",
            "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: "
            "json: cannot unmarshal array into Go value of type struct { APIVersion string "
            '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b226e6f206f626a656374225d)',
            id="no object",
        ),
        pytest.param(
            "/api/v1/namespaces/default/nodes", {}, 404, "NotFound", None, id="a namespace for no namespaced kind"
        ),
        pytest.param("/api/v1/pods/web", pod(), 404, "NotFound", None, id="a name outside of all namespaces"),
        pytest.param("/api/v1/pods", pod(), 405, "MethodNotAllowed", None, id="no namespace in the path"),
        pytest.param("/api/v1/unknowns", {}, 404, "NotFound", None, id="an unknown resource"),
        pytest.param("/apis/nowhere/v1/things", {}, 404, "NotFound", None, id="an unknown group"),
    ],
)
async def test_a_refusal_says_why(path: str, body: object, code: int, reason: str, message: str | None) -> None:
    async with serving() as api:
        before = api.server.storage.revision
        status = await api.refused("POST", path, body)
        assert (status["code"], status.get("reason", "")) == (code, reason)
        if message is not None:
            assert status["message"] == message
        assert api.server.storage.revision == before


async def test_a_name_that_is_taken_is_refused() -> None:
    async with serving() as api:
        await api.create(CONFIG_MAPS, config_map())
        status = await api.refused("POST", CONFIG_MAPS, config_map())
        assert status["message"] == 'configmaps "settings" already exists'
        assert status["details"] == {"name": "settings", "kind": "configmaps"}


@pytest.mark.parametrize(
    ("mode", "code", "warnings"),
    [
        pytest.param("Ignore", 201, (), id="ignored"),
        pytest.param("Warn", 201, ('unknown field "daata"',), id="warned of"),
        pytest.param("Strict", 400, (), id="refused"),
    ],
)
async def test_an_unknown_field_is(mode: str, code: int, warnings: tuple[str, ...]) -> None:
    async with serving() as api:
        answer = await api.ask("POST", CONFIG_MAPS, {**config_map(), "daata": {}}, fieldValidation=mode)
        assert answer.status == code
        assert tuple(answer.warnings) == warnings
        if code == 201:
            assert "daata" not in answer.object()


async def test_a_service_gets_an_address_and_a_node_port() -> None:
    async with serving() as api:
        spec = {"type": "NodePort", "ports": [{"port": 80}], "selector": {"app": "web"}}
        service = await api.create(SERVICES, {"metadata": {"name": "web"}, "spec": spec})
        assert service["spec"]["clusterIP"].startswith("10.96.")
        assert service["spec"]["clusterIPs"] == [service["spec"]["clusterIP"]]
        assert 30000 <= service["spec"]["ports"][0]["nodePort"] <= 32767
        taken = {**spec, "ports": [{"port": 80, "nodePort": service["spec"]["ports"][0]["nodePort"]}]}
        status = await api.refused("POST", SERVICES, {"metadata": {"name": "other"}, "spec": taken})
        assert status["message"].endswith("provided port is already allocated")


async def test_a_headless_service_gets_none() -> None:
    async with serving() as api:
        spec = {"clusterIP": "None", "ports": [{"port": 80}]}
        service = await api.create(SERVICES, {"metadata": {"name": "web"}, "spec": spec})
        assert service["spec"]["clusterIPs"] == ["None"]


async def test_the_addresses_of_a_deleted_service_are_free_again() -> None:
    async with serving(service_cidr="10.0.0.0/29") as api:
        for number in range(20):
            await api.create(SERVICES, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80 + number}]}})
            await api.ok("DELETE", f"{SERVICES}/web")


async def test_a_pod_gets_what_admission_gives_every_pod() -> None:
    async with serving() as api:
        spec = (await api.create(PODS, pod()))["spec"]
        assert spec["priority"] == 0
        assert spec["preemptionPolicy"] == "PreemptLowerPriority"
        assert [toleration["key"] for toleration in spec["tolerations"]] == [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ]


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        pytest.param({}, "BestEffort", id="nothing asked"),
        pytest.param({"requests": {"cpu": "1"}}, "Burstable", id="a request"),
        pytest.param({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed", id="all limits"),
        pytest.param(
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable", id="less than limits"
        ),
    ],
)
async def test_a_pod_has_a_qos_class(resources: dict[str, dict[str, str]], qos: str) -> None:
    async with serving() as api:
        container = {"name": "main", "image": "nginx", "resources": resources}
        assert (await api.create(PODS, pod(containers=[container])))["status"]["qosClass"] == qos


async def test_a_priority_class_gives_its_value() -> None:
    async with serving() as api:
        created = await api.create(PODS, pod(priorityClassName="system-node-critical"))
        assert created["spec"]["priority"] == 2000001000
        status = await api.refused("POST", PODS, pod("other", priorityClassName="none"))
        assert status["message"] == 'pods "other" is forbidden: no PriorityClass with name none was found'


async def test_events_expire() -> None:
    import asyncio

    async with serving() as api:
        path = "/api/v1/namespaces/default/events"
        about = {"kind": "Pod", "name": "web", "namespace": "default"}
        event = {"metadata": {"name": "e"}, "involvedObject": about, "reason": "Started", "message": "it runs"}
        await api.create(path, event)
        newer = await api.get("/apis/events.k8s.io/v1/namespaces/default/events/e")
        assert newer["regarding"]["name"] == "web"
        assert newer["note"] == "it runs"
        await asyncio.sleep(3700)
        await api.refused("GET", f"{path}/e")
