"""Binding, eviction, log, exec, proxies."""

import pytest

from kube_nb.machinery.exchange import STDOUT
from kube_nb.machinery.types import Obj
from tests.apiserver.nodes import EchoNode
from tests.apiserver.serving import PODS, SERVICES, Api, pod, serving

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


async def bound(api: Api, name: str = "web", phase: str = "Running") -> Obj:
    await api.create(PODS, pod(name))
    target = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "node-1"}}
    await api.create(f"{PODS}/{name}/binding", target)
    ready = {"type": "Ready", "status": "True"}
    return await api.patch(f"{PODS}/{name}/status", {"status": {"phase": phase, "conditions": [ready]}})


async def test_a_pod_is_bound_once() -> None:
    async with serving() as api:
        await bound(api)
        status = await api.refused("POST", f"{PODS}/web/binding", {"target": {"name": "node-2"}})
        assert status["message"] == (
            'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "node-1"'
        )


async def test_the_older_way_to_bind_has_the_name_in_the_body() -> None:
    async with serving() as api:
        await api.create(PODS, pod())
        body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "node-1"}}
        await api.create("/api/v1/namespaces/default/bindings", body)
        found = await api.get(f"{PODS}/web")
        assert found["spec"]["nodeName"] == "node-1"
        (condition,) = found["status"]["conditions"]
        assert (condition["type"], condition["status"]) == ("PodScheduled", "True")


async def budget(api: Api, allowed: int) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    await api.create(BUDGETS, {"metadata": {"name": "safe"}, "spec": spec})
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": allowed,
        "currentHealthy": 1 + allowed,
        "desiredHealthy": 1,
        "expectedPods": 1 + allowed,
    }
    await api.patch(f"{BUDGETS}/safe/status", {"status": status})


async def test_an_eviction_takes_from_the_budget_and_then_deletes() -> None:
    async with serving() as api:
        await bound(api)
        await budget(api, 1)
        await api.create(f"{PODS}/web/eviction", {"metadata": {"name": "web"}})
        evicted = await api.get(f"{PODS}/web")
        assert evicted["metadata"]["deletionTimestamp"]
        assert evicted["status"]["conditions"][-1]["reason"] == "EvictionByEvictionAPI"
        status = (await api.get(f"{BUDGETS}/safe"))["status"]
        assert status["disruptionsAllowed"] == 0
        assert list(status["disruptedPods"]) == ["web"]


async def test_an_eviction_that_the_budget_forbids_is_429() -> None:
    async with serving() as api:
        await bound(api)
        await budget(api, 0)
        status = await api.refused("POST", f"{PODS}/web/eviction", {"metadata": {"name": "web"}})
        assert (status["code"], status["reason"]) == (429, "TooManyRequests")
        assert status["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
        assert status["details"]["causes"][0]["message"] == (
            "The disruption budget safe needs 1 healthy pods and has 1 currently"
        )
        assert "deletionTimestamp" not in (await api.get(f"{PODS}/web"))["metadata"]


async def test_a_log_comes_from_the_node() -> None:
    async with serving({"node-1": EchoNode()}) as api:
        await bound(api)
        response = await api.ask("GET", f"{PODS}/web/log")
        assert response.chunks is not None
        assert [chunk async for chunk in response.chunks] == [b"web/main started\n", b"ready\n"]


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        pytest.param("log", {"container": "x"}, 400, "container x is not valid for pod two", id="an unknown container"),
        pytest.param(
            "log",
            {},
            400,
            "a container name must be specified for pod two, choose one of: [main side]",
            id="no container named",
        ),
        pytest.param("exec", {"container": "main"}, 400, None, id="no command"),
    ],
)
async def test_a_session_that_cannot_be_is_refused(path: str, query: dict[str, str], code: int, message: str) -> None:
    async with serving({"node-1": EchoNode()}) as api:
        containers = [{"name": name, "image": "nginx"} for name in ("main", "side")]
        await api.create(PODS, pod("two", nodeName="node-1", containers=containers))
        status = await api.refused("GET", f"{PODS}/two/{path}", **query)
        assert status["code"] == code
        if message:
            assert status["message"] == message


async def test_a_node_that_is_not_reachable_is_an_error() -> None:
    async with serving() as api:
        await bound(api)
        assert (await api.refused("GET", f"{PODS}/web/log"))["code"] == 500


class Collected:
    """A session without a client: what was written."""

    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []

    async def read(self) -> tuple[int, bytes] | None:
        return None

    async def write(self, channel: int, data: bytes) -> None:
        self.written.append((channel, data))

    async def close(self) -> None:
        pass


async def test_exec_is_a_session() -> None:
    async with serving({"node-1": EchoNode()}) as api:
        await bound(api)
        response = await api.ask("POST", f"{PODS}/web/exec", command="hostname", stdout="true")
        assert response.session is not None
        session = Collected()
        await response.session(session)
        assert session.written[0] == (STDOUT, b"hostname\n")


async def test_a_service_is_proxied_to_a_ready_pod() -> None:
    async with serving({"node-1": EchoNode()}) as api:
        await bound(api)
        await api.create(SERVICES, {"metadata": {"name": "front"}, "spec": {"ports": [{"port": 80}]}})
        status = await api.refused("GET", f"{SERVICES}/front/proxy/x")
        assert status["message"] == 'no endpoints available for service "front"'
        endpoint = {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "web", "namespace": "default"}}
        slice_ = {
            "metadata": {"name": "front-1", "labels": {"kubernetes.io/service-name": "front"}},
            "addressType": "IPv4",
            "endpoints": [endpoint],
            "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        }
        await api.create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_)
        response = await api.ask("GET", f"{SERVICES}/front/proxy/x")
        assert response.encode() == b"GET web:8080/x"


async def _signing_request(api):
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {"request": "LS0tLS0=", "signerName": "example.com/signer", "usages": ["client auth"]}
    body = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "csr"}}
    await api.create(path, {**body, "spec": spec})
    return f"{path}/csr"


async def test_a_signing_request_is_decided_by_approval_only_and_for_good():
    async with serving() as api:
        path = await _signing_request(api)
        approved = {"type": "Approved", "status": "True", "reason": "Fine"}
        status = await api.refused("PATCH", f"{path}/status", {"status": {"conditions": [approved]}}, type="merge")
        assert status["message"].endswith(
            'status.conditions: Forbidden: updates may not add a condition of type "Approved"'
        )
        found = await api.patch(f"{path}/approval", {"status": {"conditions": [approved]}})
        now = api.server.clock.timestamp()
        assert found["status"]["conditions"] == [{**approved, "lastUpdateTime": now, "lastTransitionTime": now}]
        for place in ("approval", "status"):
            status = await api.refused("PATCH", f"{path}/{place}", {"status": {"conditions": []}}, type="merge")
            assert 'updates may not remove a condition of type "Approved"' in status["message"]


async def test_a_signers_conditions_keep_their_places_and_decisions_their_text():
    async with serving() as api:
        path = await _signing_request(api)
        rows = [{"type": "Seen", "status": "True"}, {"type": "Denied", "status": "True", "reason": "No"}]
        await api.patch(f"{path}/approval", {"status": {"conditions": rows}})
        rows = [{"type": "Seen", "status": "True"}, {"type": "Denied", "status": "True", "reason": "Maybe"}]
        found = await api.patch(f"{path}/status", {"status": {"conditions": rows}})
        told = [(row["type"], row.get("reason")) for row in found["status"]["conditions"]]
        assert told == [("Seen", None), ("Denied", "No")]
