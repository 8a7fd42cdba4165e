import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kube_nb.scheduler.engine import Engine
from tests.scheduler.bench import node, pod
from tests.scheduler.test_plugins import engine


class Webhook(BaseHTTPRequestHandler):
    """Refuses n0, likes n2."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = body["nodenames"]
        answers: dict[str, Any] = {
            "/filter": {"nodenames": [name for name in names if name != "n0"], "failedNodes": {"n0": "not this one"}},
            "/prioritize": [{"host": name, "score": 10 if name == "n2" else 0} for name in names],
        }
        text = json.dumps(answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def extended(address: str, **more: Any) -> Engine:
    row = {"urlPrefix": address, "nodeCacheCapable": True, "weight": 5, "httpTimeout": "2s", **more}
    return engine(*(node(f"n{i}") for i in range(3)), config={"extenders": [row]})


def test_an_extender_filters_and_ranks(address: str) -> None:
    found = extended(address, filterVerb="filter", prioritizeVerb="prioritize")
    attempt = found.schedule(found.pod(pod("p", "1")))
    assert attempt.node == "n2"
    assert attempt.refused()["n0"].reasons == ("not this one",)


def test_an_extender_for_a_resource_is_asked_only_for_pods_that_want_it(address: str) -> None:
    found = extended(address, filterVerb="filter", managedResources=[{"name": "example.com/x"}])
    assert found.schedule(found.pod(pod("p", "1"))).refused() == {}


def test_an_extender_that_does_not_answer_is_a_fault_unless_it_may_be_ignored() -> None:
    nowhere = "http://127.0.0.1:9"
    found = extended(nowhere, filterVerb="filter")
    assert nowhere in found.schedule(found.pod(pod("p", "1"))).fault
    found = extended(nowhere, filterVerb="filter", ignorable=True)
    assert found.schedule(found.pod(pod("p", "1"))).node
