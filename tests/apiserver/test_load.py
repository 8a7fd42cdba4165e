"""Under load: requests that take too long, watchers that do not read, what the audit log tells of it."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from kube_nb.apiserver.audit import Audit
from kube_nb.apiserver.fairness import Fairness
from kube_nb.apiserver.serving import http
from kube_nb.machinery.exchange import Response, User
from kube_nb.machinery.types import Obj
from tests.apiserver.https import Https, at_walls_pace, listening
from tests.apiserver.serving import CONFIG_MAPS, PODS, Api, config_map, pod, serving
from tests.apiserver.test_fairness import JANE, slow_writes

# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout", "status"), [("2s", 504), ("500ms", 504), ("9s", 201), ("0", 201), ("1h", 201)])
async def test_a_write_has_the_time_that_its_query_grants(timeout: str, status: int) -> None:
    async with serving() as api:
        await slow_writes(api, 3.0)
        response = await api.ask("POST", CONFIG_MAPS, config_map(), timeout=timeout)
        assert response.status == status
        if status == 504:
            found = response.object()
            assert found["reason"] == "Timeout"
            assert found["message"] == (
                "Timeout: request did not complete within requested timeout - context deadline exceeded"
            )
            await asyncio.sleep(5)
            assert (await api.get(CONFIG_MAPS))["items"] == []  # nothing half-written, and nothing later


async def test_a_timeout_must_be_a_duration() -> None:
    async with serving() as api:
        status = await api.refused("GET", PODS, timeout="soon")
        assert status["code"] == 400
        assert status["message"] == 'invalid timeout specified in the request URL - time: invalid duration "soon"'


async def test_a_watch_is_not_cut_by_the_timeout_of_requests() -> None:
    async with serving() as api:
        watch = await api.watch(PODS, timeout="1s")
        await asyncio.sleep(5)
        await api.create(PODS, pod())
        assert await watch.next() == ["ADDED web"]


# -- watchers ----------------------------------------------------------------------------------------------------------


def test_a_watcher_that_never_reads_is_dropped_and_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket's buffers fill up, then its events wait, then it is cut off; a watcher beside it sees everything."""
    monkeypatch.setattr(http, "WAITING_EVENTS", 50)

    async def story() -> None:
        async with listening(tmp_path) as server:
            beside = await server.api.watch(CONFIG_MAPS)
            deaf = await _never_reading(server, f"{CONFIG_MAPS}?watch=true")
            cacher = server.api.server.cacher("configmaps")
            while len(cacher.watchers()) < 2:
                await asyncio.sleep(0.01)
            stream = cacher.watchers()[1].stream
            seen = written = waiting = 0
            while not stream.closed:
                await server.api.create(CONFIG_MAPS, config_map(f"c{written}", text="x" * 100_000))
                written += 1
                waiting = max(waiting, stream.waiting)
                await asyncio.sleep(0)
                seen += len(await beside.next())
            assert seen == written
            assert waiting <= 50
            assert stream.waiting == 0  # nothing of it is kept
            assert len(cacher.watchers()) == 1
            assert (await server.api.ask("GET", CONFIG_MAPS)).status == 200
            deaf.close()

    at_walls_pace(story())


async def _never_reading(server: Https, path: str) -> socket.socket:
    """A TLS client that asks and then lets its receive buffer fill."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", server.port))
    context = server.authority.client_context("admin")

    def ask() -> socket.socket:
        tls = context.wrap_socket(plain, server_hostname="127.0.0.1")
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return tls

    return await asyncio.get_running_loop().run_in_executor(None, ask)


def test_many_first_events_are_no_reason_to_drop_a_watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WAITING_EVENTS", 10)

    async def story() -> None:
        import aiohttp

        async with listening(tmp_path) as server:
            for number in range(100):
                await server.api.create(CONFIG_MAPS, config_map(f"c{number}"))
            connector = aiohttp.TCPConnector(ssl=server.authority.client_context("admin"))
            url = f"{server.url}{CONFIG_MAPS}?watch=true&resourceVersion=0&timeoutSeconds=1"
            async with aiohttp.ClientSession(connector=connector) as session, session.get(url) as response:
                lines = [json.loads(line) async for line in response.content]
            assert len(lines) == 100

    at_walls_pace(story())


# -- the audit log -----------------------------------------------------------------------------------------------------


async def audited(api: Api, policy: Obj) -> list[Obj]:
    log: list[Obj] = []
    api.server.audit = Audit(log.append, policy)
    return log


def told(log: list[Obj]) -> list[str]:
    return [f"{event['stage']} {event['verb']}" for event in log]


async def test_every_stage_has_its_event() -> None:
    async with serving() as api:
        log = await audited(api, {"rules": [{"level": "Metadata"}]})
        watch = await api.watch(PODS)
        await api.get(PODS)
        watch.stream.close()
        assert told(log) == [
            "RequestReceived watch",
            "ResponseStarted watch",
            "RequestReceived list",
            "ResponseComplete list",
            "ResponseComplete watch",
        ]
        assert log[0]["auditID"] == log[1]["auditID"] == log[4]["auditID"] != log[2]["auditID"]


@pytest.mark.parametrize("where", ["policy", "rule"])
async def test_stages_may_be_left_out(where: str) -> None:
    async with serving() as api:
        omitted = {"omitStages": ["RequestReceived", "ResponseStarted"]}
        rule = {"level": "Metadata", **(omitted if where == "rule" else {})}
        log = await audited(api, {"rules": [rule], **(omitted if where == "policy" else {})})
        await api.get(PODS)
        await api.watch(PODS)
        assert told(log) == ["ResponseComplete list"]


async def test_the_first_rule_that_matches_decides_the_level() -> None:
    async with serving() as api:
        rules: list[Obj] = [
            {"level": "None", "users": ["jane"], "verbs": ["get"]},
            {"level": "None", "nonResourceURLs": ["/healthz*", "/version"]},
            {"level": "Request", "resources": [{"group": "", "resources": ["pods", "pods/status"]}]},
            {"level": "Metadata", "userGroups": ["system:authenticated"]},
        ]
        log = await audited(api, {"omitStages": ["RequestReceived"], "rules": rules, "omitManagedFields": True})
        for path in ("/version", "/healthz/ping", "/apis"):
            await api.get(path) if path == "/apis" else await api.ask("GET", path)
        await api.ask("GET", f"{PODS}/web", user=JANE)
        await api.ask("POST", PODS, json.dumps(pod()).encode())
        assert [(event["requestURI"], event["level"]) for event in log] == [("/apis", "Metadata"), (PODS, "Request")]
        assert log[1]["requestObject"]["spec"] == pod()["spec"]
        assert "responseObject" not in log[1]


async def test_the_event_tells_the_decision_and_the_response_its_id() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        log = await audited(api, {"rules": [{"level": "RequestResponse", "omitManagedFields": True}]})
        made: Response = await api.ask("POST", CONFIG_MAPS, config_map())
        await api.ask("GET", CONFIG_MAPS, user=User("bob"))
        assert made.headers["Audit-Id"] == log[1]["auditID"]
        assert "managedFields" not in log[1]["responseObject"]["metadata"]
        assert log[1]["annotations"]["authorization.k8s.io/decision"] == "allow"
        assert log[3]["annotations"]["authorization.k8s.io/decision"] == "forbid"
        assert log[3]["responseStatus"]["code"] == 403
        text = (await api.ask("GET", "/metrics")).encode().decode()
        assert 'apiserver_audit_level_total{level="RequestResponse"} 3\n' in text


# -- attackers ---------------------------------------------------------------------------------------------------------


async def test_made_up_names_leave_nothing_behind() -> None:
    """Neither in the metrics nor in what is remembered of paths and flows."""
    async with serving() as api:
        before = (await api.ask("GET", "/metrics")).encode().count(b"\n")
        for number in range(200):
            await api.ask("GET", f"/apis/g{number}/v1/things{number}", user=JANE)
            await api.ask(f"METHOD{number}", f"/path{number}", user=JANE)
            await api.ask("GET", "/api/v1/namespaces/default/pods/" + "x" * 400 + str(number), user=JANE)
        assert (await api.ask("GET", "/metrics")).encode().count(b"\n") - before < 120
        gate = api.server.gate
        assert isinstance(gate, Fairness)
        assert len(gate._known) <= 250
