import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.configuration_error import ConfigurationError
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.framework.status import SKIP
from kube_nb.scheduler.preemption import Evaluator
from tests.scheduler.bench import bench, node, pod
from tests.scheduler.test_plugins import engine
from tests.scheduler.test_scheduler import settled


class Webhook(BaseHTTPRequestHandler):
    """Refuses n0, likes n2, would preempt on n1 only; answers with Go's field names. heard: (path, body)."""

    heard: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append((self.path, body))
        text = json.dumps(getattr(self, self.path.strip("/"))(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def filter(self, body: Any) -> Any:
        if body["NodeNames"] is None:
            items = [item for item in body["Nodes"]["items"] if item["metadata"]["name"] != "n0"]
            return {"Nodes": {"items": items}, "FailedAndUnresolvableNodes": {"n0": "never"}}
        return {
            "NodeNames": [name for name in body["NodeNames"] if name != "n0"],
            "FailedNodes": {"n0": "not this one"},
        }

    def prioritize(self, body: Any) -> Any:
        return [{"Host": name, "Score": 10 if name == "n2" else 0} for name in body["NodeNames"]]

    def bind(self, body: Any) -> Any:
        return {"Error": "the disk is missing"} if body["PodName"] == "broken" else {}

    def preempt(self, body: Any) -> Any:
        victims = body["NodeNameToMetaVictims"]["n1"]
        return {"NodeNameToMetaVictims": {"n1": {"Pods": victims["Pods"][:1], "NumPDBViolations": 0}}}

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    Webhook.heard = []
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def row(address: str, **more: Any) -> dict[str, Any]:
    return {"urlPrefix": address, "nodeCacheCapable": True, "weight": 5, "httpTimeout": "2s", **more}


def extended(address: str, nodes: int = 3, **more: Any) -> Engine:
    return engine(*(node(f"n{i}") for i in range(nodes)), config={"extenders": [row(address, **more)]})


def test_an_extender_filters_and_ranks(address: str) -> None:
    found = extended(address, filterVerb="filter", prioritizeVerb="prioritize")
    attempt = found.schedule(found.pod(pod("p", "1")))
    assert attempt.node == "n2"
    assert attempt.refused()["n0"].reasons == ("not this one",)
    assert attempt.scores()[0]["plugins"][f"Extender({address})"]["weighted"] == 500


def test_an_extender_without_a_cache_gets_and_gives_whole_nodes(address: str) -> None:
    found = extended(address, filterVerb="filter", nodeCacheCapable=False)
    attempt = found.schedule(found.pod(pod("p", "1")))
    assert str(attempt.refused()["n0"].code) == "UnschedulableAndUnresolvable"
    assert {each["node"] for each in attempt.scores()} == {"n1", "n2"}


def test_an_extender_sees_only_the_nodes_that_were_found(address: str) -> None:
    found = extended(address, nodes=250, filterVerb="filter")
    found.schedule(found.pod(pod("p", "1")))
    ((_, body),) = Webhook.heard
    assert body["NodeNames"] == [f"n{number}" for number in range(120)]
    assert found.next_start == 120


def test_an_extender_for_a_resource_is_asked_only_for_pods_that_want_it(address: str) -> None:
    found = extended(address, filterVerb="filter", managedResources=[{"name": "example.com/x"}])
    assert found.schedule(found.pod(pod("p", "1"))).refused() == {}
    assert Webhook.heard == []


def test_a_resource_that_the_extender_looks_after_is_not_the_fit_plugins(address: str) -> None:
    managed = [{"name": "example.com/x", "ignoredByScheduler": True}]
    found = extended(address, filterVerb="filter", managedResources=managed)
    asked = found.pod(pod("p", "1", more={"example.com/x": "1"}))
    assert found.schedule(asked).node in ("n1", "n2")


def test_an_extender_that_does_not_answer_is_a_fault_unless_it_may_be_ignored() -> None:
    nowhere = "http://127.0.0.1:9"
    found = extended(nowhere, filterVerb="filter")
    assert nowhere in found.schedule(found.pod(pod("p", "1"))).fault
    found = extended(nowhere, filterVerb="filter", ignorable=True)
    assert found.schedule(found.pod(pod("p", "1"))).node


async def test_an_extender_binds_before_the_plugins_and_leaves_to_them_what_is_not_its_own(address: str) -> None:
    found = extended(address, bindVerb="bind", managedResources=[{"name": "example.com/x"}])
    (binder, default) = found.profiles["default-scheduler"].points["bind"]
    assert default.name == "DefaultBinder"
    assert await binder.bind(CycleState(), found.pod(pod("p")), "n1") is SKIP
    mine = found.pod(pod("q", more={"example.com/x": "1"}, uid="u"))
    assert await binder.bind(CycleState(), mine, "n1") is None
    assert Webhook.heard == [("/bind", {"PodName": "q", "PodNamespace": "default", "PodUID": "u", "Node": "n1"})]
    broken = await binder.bind(CycleState(), found.pod(pod("broken", more={"example.com/x": "1"})), "n1")
    assert broken.message == "the disk is missing"


def test_an_extender_chooses_among_candidates_and_victims(address: str) -> None:
    found = extended(address, preemptVerb="preempt")
    for number in range(3):
        for name in ("a", "b"):
            victim = pod(f"{name}{number}", "2", uid=f"{name}{number}", start="2026-01-01T00:00:00Z")
            found.assume(found.pod(victim), f"n{number}")
    asked = found.pod(pod("p", "3", priority=10))
    result = Evaluator(found, found.handle.stream).preempt(asked, found.schedule(asked))
    assert (result.node, [victim.name for victim in result.victims]) == ("n1", ["a1"])
    sent = Webhook.heard[0][1]["NodeNameToMetaVictims"]
    assert sent["n0"] == {"Pods": [{"UID": "a0"}, {"UID": "b0"}], "NumPDBViolations": 0}


async def test_a_pod_that_an_extender_refused_is_tried_again_at_any_event(address: str) -> None:
    async with bench(config={"extenders": [row(address, filterVerb="filter")]}) as cluster:
        await cluster.add(node("n0"), pod("p", "1"))
        await settled()
        assert (await cluster.events("FailedScheduling"))[0].startswith("0/1 nodes are available: 1 not this one.")
        await cluster.add(node("n1"))
        await settled()
        assert await cluster.where("p") == "n1"


def test_two_extenders_that_bind_are_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="only one extender can implement bind"):
        Configuration.of({"extenders": [row(address, bindVerb="bind"), row(address, bindVerb="bind")]})
