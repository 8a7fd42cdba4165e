"""The magics in a real ipykernel: queued cells, interrupts, restarts, and nothing left behind."""

import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
LIMIT_S = 60.0


class Kernel:
    """A kernel and its client."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        path = os.pathsep.join([str(ROOT), str(ROOT / "magics")])
        self.manager.start_kernel(env={**os.environ, "PYTHONPATH": path})
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT_S)

    def send(self, source: str) -> str:
        # What follows an error is not aborted, however soon it is sent.
        return str(self.client.execute(source, stop_on_error=False))

    def reply(self, message: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """The cell's reply; those of earlier cells are passed over."""
        while True:
            answer = self.client.get_shell_msg(timeout=limit_s)
            if answer["parent_header"].get("msg_id") == message:
                return dict(answer["content"])

    def run(self, source: str) -> dict[str, Any]:
        return self.reply(self.send(source))

    def output(self, message: str, limit_s: float = LIMIT_S) -> str:
        """What the cell printed, until it is done."""
        text = ""
        while True:
            answer = self.client.get_iopub_msg(timeout=limit_s)
            if answer["parent_header"].get("msg_id") != message:
                continue
            content = answer["content"]
            if answer["msg_type"] == "stream":
                text += content["text"]
            elif answer["msg_type"] == "execute_result":
                text += content["data"]["text/plain"]
            elif answer["msg_type"] == "status" and content["execution_state"] == "idle":
                return text

    def wait_for_output(self, word: str) -> None:
        while True:
            answer = self.client.get_iopub_msg(timeout=LIMIT_S)
            if answer["msg_type"] == "stream" and word in answer["content"]["text"]:
                return

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    try:
        assert made.run("%load_ext kube_nb")["status"] == "ok"
        yield made
    finally:
        made.stop()


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("pace", ["max", "20"])
def test_cells_sent_at_once_are_all_run_in_order(kernel: Kernel, pace: str) -> None:
    cells = [f"%kube up --nodes 1 --pace {pace}", "%kubectl create deployment web --image=nginx"]
    cells += [f"%kubectl scale deployment web --replicas={number}" for number in (2, 3, 1)]
    cells += ["%kube graph", "%kubectl rollout status deployment/web", "%kube status"]
    cells += ["names = %kubectl get pods -l app=web -o name", "len(names.text.splitlines())", "%kube down"]
    sent = [kernel.send(cell) for cell in cells]
    counts = []
    for cell, message in zip(cells, sent, strict=True):
        answer = kernel.reply(message)
        assert answer["status"] == "ok", (cell, answer)
        counts.append(answer["execution_count"])
    assert counts == list(range(counts[0], counts[0] + len(cells)))


def test_ctrl_c_ends_a_watch_at_once_and_the_cluster_works_on(kernel: Kernel) -> None:
    assert kernel.run("%kube up --nodes 1 --pace 1")["status"] == "ok"
    watch = kernel.send("watched = %kubectl get nodes -w")
    kernel.wait_for_output("node-1")
    started_s = time.monotonic()  # noqa: TID251  # the kernel lives in wall time
    kernel.manager.interrupt_kernel()
    assert kernel.reply(watch)["status"] == "ok"
    assert time.monotonic() - started_s < 3  # noqa: TID251  # as above
    after = kernel.send("%kubectl create deployment web --image=nginx")
    assert kernel.reply(after)["status"] == "ok"
    assert kernel.run("%kubectl rollout status deployment/web")["status"] == "ok"
    assert "node-1" in kernel.output(kernel.send("print(watched.text)"))


@pytest.mark.parametrize("pace", ["1", "max"])
def test_ctrl_c_ends_a_command_that_waits_without_a_traceback(kernel: Kernel, pace: str) -> None:
    assert kernel.run(f"%kube up --nodes 1 --pace {pace}")["status"] == "ok"
    wait = kernel.send("%kubectl wait --for=delete node/node-1 --timeout=1000000s")
    time.sleep(1.5)  # noqa: TID251  # until it waits
    kernel.manager.interrupt_kernel()
    answer = kernel.reply(wait, 20)
    assert answer["status"] == "error"
    assert answer["traceback"] == ["interrupted; the cluster works on"]
    assert kernel.run("%kubectl get nodes")["status"] == "ok"


def test_a_restart_leaves_no_process(kernel: Kernel) -> None:
    assert kernel.run("%kube up --nodes 1 --serve")["status"] == "ok"
    assert kernel.run("%kubectl create deployment web --image=nginx")["status"] == "ok"
    pid = kernel.manager.provisioner.process.pid  # type: ignore[union-attr]  # the local provisioner has one
    below = children(pid)
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=LIMIT_S)
    assert [each for each in [pid, *below] if Path(f"/proc/{each}").exists()] == []


def test_a_refusal_is_an_error_without_a_traceback(kernel: Kernel) -> None:
    answer = kernel.run("%kubectl get pods")
    assert answer["status"] == "error"
    assert answer["ename"] == "Refused"
    assert answer["traceback"] == ["no cluster is up; start one with: %kube up"]


def test_a_view_in_the_kernel_has_all_faces(kernel: Kernel) -> None:
    assert kernel.run("%kube up --nodes 1 --pace max")["status"] == "ok"
    message = kernel.send("%kube graph")
    while True:
        try:
            answer = kernel.client.get_iopub_msg(timeout=LIMIT_S)
        except queue.Empty:
            pytest.fail("the view was not shown")
        if answer["parent_header"].get("msg_id") == message and answer["msg_type"] == "execute_result":
            break
    kinds = set(answer["content"]["data"])
    assert kinds == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}


def test_tab_completes_in_the_kernel(kernel: Kernel) -> None:
    text = "x = %kube endpo"
    kernel.client.complete(text, len(text))
    while True:
        answer = kernel.client.get_shell_msg(timeout=LIMIT_S)
        if answer["msg_type"] == "complete_reply":
            break
    content = answer["content"]
    assert content["matches"] == ["endpoints"]
    assert text[content["cursor_start"] : content["cursor_end"]] == "endpo"


def test_two_clusters_in_one_kernel_work_side_by_side_and_leave_no_thread(kernel: Kernel) -> None:
    for name in ("one", "two"):
        assert kernel.run(f"%kube up --name {name} --nodes 1 --pace 5 --serve")["status"] == "ok"
        assert kernel.run(f"%kubectl create deployment {name} --image=nginx")["status"] == "ok"
    for name in ("one", "two"):
        assert kernel.run(f"%kube use {name}")["status"] == "ok"
        assert kernel.run(f"%kubectl rollout status deployment/{name}")["status"] == "ok"
        found = kernel.output(kernel.send("d = %kubectl get deployments -o name\nprint(d.text)"))
        assert found.split() == [f"deployment.apps/{name}"]
    assert kernel.run("%kube down one two")["status"] == "ok"
    left = kernel.send("import threading; print([t.name for t in threading.enumerate() if 'kube_nb' in t.name])")
    assert kernel.output(left).strip() == "[]"
