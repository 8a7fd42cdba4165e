"""The JSON gateway says what a real etcd 3.4 says; health, version and metrics say what newer ones do."""

import asyncio
import base64
import io
import json
from typing import Any

import aiohttp
import pytest

from kube_nb.etcd.backend import Put
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire.server import Server
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import real, serving
from tests.etcd.frames import DATA, END_HEADERS, END_STREAM, HEADERS, frame
from tests.etcd.test_http2 import Client

PEER_URL = "http://127.0.0.1:23800"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


A, B, Z = b64("a"), b64("b"), b64("z")
PUT = {"requestPut": {"key": A, "value": B}}
REQUESTS: list[tuple[str, Any]] = [
    ("kv/put", {"key": A, "value": b64("1"), "prev_kv": True}),
    ("kv/put", {"key": A, "value": b64("2"), "prevKv": True}),
    ("kv/put", {"key": B, "value": b64("<&>")}),
    ("kv/put", {"key": Z, "lease": "77"}),
    ("kv/put", {}),
    ("kv/put", ""),
    ("kv/put", "{"),
    ("kv/put", {"key": "%%"}),
    ("kv/put", {"key": "YQ"}),
    ("kv/range", {"key": A}),
    ("kv/range", {"key": A, "nosuch": 1}),
    ("kv/range", {"key": A, "range_end": Z, "sort_order": "DESCEND", "sort_target": "MOD", "limit": "1"}),
    ("kv/range", {"key": A, "rangeEnd": Z, "count_only": True}),
    ("kv/range", {"key": A, "range_end": Z, "keys_only": True, "revision": 3}),
    ("kv/range", {"key": A, "revision": "1000"}),
    ("kv/range", {"key": A, "sort_order": 2}),
    ("kv/range", {"key": A, "sort_order": "UPWARDS"}),
    ("kv/txn", {"compare": [{"target": "VALUE", "key": A, "value": b64("2")}], "success": [PUT]}),
    (
        "kv/txn",
        {"compare": [{"target": "VALUE", "key": A, "value": b64("2")}], "failure": [{"request_range": {"key": A}}]},
    ),
    ("kv/txn", {"compare": [{"result": "GREATER", "target": "CREATE", "key": B, "create_revision": "1"}]}),
    ("kv/txn", {"success": [PUT, PUT]}),
    (
        "kv/txn",
        {"success": [{"request_txn": {"success": [PUT]}}, {"request_delete_range": {"key": B, "prev_kv": True}}]},
    ),
    ("kv/txn", {"compare": [{"target": "NOSUCH", "key": A}]}),
    ("kv/deleterange", {"key": A, "range_end": Z, "prev_kv": True}),
    ("kv/compaction", {"revision": "5"}),
    ("kv/compaction", {"revision": "5"}),
    ("kv/compaction", {"revision": "5000", "physical": True}),
    ("kv/range", {"key": A, "revision": "2"}),
    ("lease/grant", {"TTL": "100", "ID": "77"}),
    ("lease/grant", {"TTL": "100", "ID": 77}),
    ("lease/timetolive", {"ID": "78"}),
    ("lease/leases", {}),
    ("lease/keepalive", {"ID": "77"}),
    ("lease/keepalive", {"ID": "78"}),
    ("lease/revoke", {"ID": "77"}),
    ("lease/revoke", {"ID": "77"}),
    ("cluster/member/list", {}),
    ("cluster/member/remove", {"ID": "1"}),
    ("cluster/member/promote", {"ID": "1"}),
    ("cluster/member/update", {"ID": "1", "peerURLs": ["http://127.0.0.1:1"]}),
    ("maintenance/alarm", {}),
    ("maintenance/alarm", {"action": "DEACTIVATE", "alarm": "NOSPACE"}),
    ("maintenance/defragment", {}),
    ("maintenance/transfer-leadership", {"targetID": 123}),
    ("auth/enable", {}),
    ("auth/authenticate", {"name": "root", "password": "pw"}),
    ("auth/user/add", {"name": "root", "password": "pw"}),
    ("auth/user/add", {"name": ""}),
    ("auth/user/list", {}),
    ("auth/role/add", {"name": "r"}),
    ("auth/role/grant", {"name": "r", "perm": {"permType": "READWRITE", "key": A, "range_end": Z}}),
    ("auth/role/get", {"role": "r"}),
    ("auth/role/list", {}),
    ("auth/user/grant", {"user": "root", "role": "r"}),
    ("auth/user/get", {"name": "root"}),
    ("auth/user/changepw", {"name": "nosuch", "password": "x"}),
    ("auth/user/revoke", {"name": "root", "role": "r"}),
    ("auth/role/revoke", {"role": "r", "key": A, "range_end": Z}),
    ("auth/role/delete", {"role": "r"}),
    ("auth/user/delete", {"name": "nosuch"}),
    ("election/leader", {"name": A}),
    ("election/proclaim", {"value": A}),
    ("lock/unlock", {"key": A}),
    ("nothing", {}),
]


async def say(url: str) -> list[tuple[str, int, str, str]]:
    """What the server answers to each of the requests: status, content type, body."""
    found = []
    async with aiohttp.ClientSession() as session:
        for path, body in REQUESTS:
            text = body if isinstance(body, str) else json.dumps(body)
            async with session.post(f"{url}/v3/{path}", data=text) as response:
                told = await response.text()
                found.append((f"{path} {text}", response.status, response.content_type, told))
        for path in ("/v3/kv/range", "/nothing", "/"):
            async with session.get(url + path) as response:
                found.append((path, response.status, response.content_type, await response.text()))
    return found


@pytest.mark.etcd
@pytest.mark.slow
def test_the_gateway_answers_as_a_real_etcd_does() -> None:
    with real.etcd(PEER_URL) as url:
        expected = asyncio.run(say(url))
    with serving.ours(PEER_URL) as ours:
        found = asyncio.run(say(ours))
    for mine, theirs in zip(found, expected, strict=True):
        assert plain(mine, ours) == plain(theirs, url)


def plain(told: tuple[str, int, str, str], url: str) -> tuple[Any, ...]:
    what, status, kind, text = told
    text = text.replace(url, "URL")
    try:
        return what, status, kind, json.loads(text)
    except json.JSONDecodeError:
        return what, status, kind, text


class Http:
    """A server on the test's own loop, and a session to it."""

    def __init__(self, member: Any = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.backend = member or LocalBackend(Store(), loop)

    async def __aenter__(self) -> "Http":
        self.server = Server(self.backend)
        self.url = f"http://127.0.0.1:{await self.server.start()}"
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.session.close()
        await self.server.stop()
        self.backend.close()

    async def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        async with self.session.request(method, self.url + path) as response:
            return response.status, await response.text()


async def test_a_watch_is_a_line_for_each_response_and_ends_with_its_client() -> None:
    async with Http() as http:
        http.backend.store.put(Put(b"a", b"1"))
        create = {"create_request": {"key": A, "start_revision": "1", "filters": ["NODELETE"]}}
        async with http.session.post(http.url + "/v3/watch", json=create) as response:
            lines = [json.loads(await response.content.readline())["result"] for _ in range(2)]
            http.backend.store.put(Put(b"a", b"2"))
            lines.append(json.loads(await response.content.readline())["result"])
        assert lines[0]["created"] is True
        assert [line["events"][0]["kv"]["value"] for line in lines[1:]] == [b64("1"), b64("2")]
        while http.backend.store.audience:
            await http.get("/health")


async def test_a_token_stands_in_the_authorization_header() -> None:
    async with Http() as http:
        for path, body in (
            ("auth/user/add", {"name": "root", "password": "pw"}),
            ("auth/role/add", {"name": "root"}),
            ("auth/user/grant", {"user": "root", "role": "root"}),
            ("auth/enable", {}),
        ):
            async with http.session.post(f"{http.url}/v3/{path}", json=body) as response:
                assert response.status == 200
        async with http.session.post(http.url + "/v3/kv/range", json={"key": A}) as response:
            assert (response.status, (await response.json())["message"]) == (400, "etcdserver: user name is empty")
        login = {"name": "root", "password": "pw"}
        async with http.session.post(http.url + "/v3/auth/authenticate", json=login) as response:
            token = (await response.json())["token"]
        headers = {"Authorization": token}
        async with http.session.post(http.url + "/v3/kv/range", json={"key": A}, headers=headers) as response:
            assert response.status == 200


async def test_a_healthy_member_says_so_in_every_way() -> None:
    async with Http() as http:
        assert await http.get("/health") == (200, '{"health":"true","reason":""}')
        assert await http.get("/version") == (200, '{"etcdserver":"3.6.0","etcdcluster":"3.6.0","storage":"3.6.0"}')
        assert await http.get("/livez") == (200, "ok\n")
        assert await http.get("/livez?verbose") == (200, "[+]serializable_read ok\nok\n")
        assert await http.get("/readyz/linearizable_read") == (200, "ok\n")
        checks = "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n"
        assert await http.get("/readyz?verbose") == (200, checks)
        assert "linearizable" not in (await http.get("/readyz?verbose&exclude=linearizable_read"))[1]
        assert await http.get("/health", "POST") == (405, "Method Not Allowed\n")
        assert await http.get("/livez/nosuch") == (404, "404 page not found\n")


async def test_an_alarm_makes_a_member_unhealthy_unless_it_is_excluded() -> None:
    async with Http() as http:
        http.backend.store.quota_bytes = 1
        async with http.session.post(http.url + "/v3/kv/put", json={"key": A, "value": B}) as response:
            assert response.status == 429
        assert await http.get("/health") == (503, '{"health":"false","reason":"ALARM NOSPACE"}\n')
        assert (await http.get("/health?exclude=NOSPACE"))[0] == 200
        assert (await http.get("/readyz"))[0] == 200


async def test_metrics_count_what_there_is_and_what_was_asked() -> None:
    async with Http() as http:
        http.backend.store.put(Put(b"a"))
        text = (await http.get("/metrics"))[1]
        assert "\netcd_debugging_mvcc_keys_total 1\n" in text
        assert "\netcd_server_has_leader 1\n" in text
        assert "\netcd_debugging_mvcc_current_revision 2\n" in text


async def test_members_without_a_quorum_live_but_are_not_ready() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    cluster = RaftCluster.of(loop, 3)
    cluster.start()
    leader = await cluster.elected()
    follower = next(member for member in cluster.running.values() if member is not leader)
    async with Http(follower) as http:
        assert (await http.get("/readyz"))[0] == 200
        cluster.network.isolate(follower.id)
        await asyncio.sleep(5)
        assert await http.get("/health") == (503, '{"health":"false","reason":"RAFT NO LEADER"}\n')
        assert (await http.get("/health?serializable=true"))[0] == 200
        assert (await http.get("/livez"))[0] == 200
        status, text = await http.get("/readyz")
        assert status == 503
        assert "[-]linearizable_read failed: etcdserver: request timed out\n" in text
    cluster.stop()


async def test_the_gateway_answers_over_http2_too() -> None:
    async with Client() as client:
        fields = [(":method", "POST"), (":path", "/v3/kv/put"), ("content-type", "application/json")]
        client.writer.write(frame(HEADERS, END_HEADERS, 1, client.encoder.encode(fields)))
        client.writer.write(frame(DATA, END_STREAM, 1, json.dumps({"key": A, "value": B}).encode()))
        while (told := await client.frame())[0] != HEADERS:
            pass
        assert (":status", "200") in client.decoder.decode(told[3])
        kind, _, _, body = await client.frame()
        assert (kind, json.loads(body)["header"]["revision"]) == (DATA, "2")


async def test_a_body_too_large_is_refused() -> None:
    async with (
        Http() as http,
        http.session.post(http.url + "/v3/kv/put", data=io.BytesIO(b" " * 3_000_000)) as response,
    ):
        assert response.status == 413
