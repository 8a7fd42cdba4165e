"""What probes and lifecycle hooks do: run a command, ask over HTTP, open a connection. Models pkg/probe."""

import asyncio
import socket
from enum import Enum

from kube_nb.cri import http
from kube_nb.cri.runtime import Runtime, RuntimeFailure
from kube_nb.kubelet.record import PodRecord
from kube_nb.machinery.types import Obj


class Outcome(Enum):
    """What a probe found."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


def port_number(container: Obj, port: int | str) -> int:
    """A port given as a number or by its name in the container. Raises ValueError."""
    if isinstance(port, int):
        return port
    for candidate in container.get("ports") or ():
        if candidate.get("name") == port:
            return int(candidate["containerPort"])
    if str(port).isdigit():
        return int(port)
    raise ValueError(f"couldn't find port: {port!r} in container")


class Handlers:
    """Runs the `exec`, `httpGet`, `tcpSocket`, `grpc` and `sleep` of a container's spec from the node's own stack.

    Differs: grpc only looks whether the port is open, as simulated programs do not speak it; HTTPS is asked as HTTP.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def probe(self, record: PodRecord, container: Obj, probe: Obj) -> tuple[Outcome, str]:
        """(outcome, what to say about it)."""
        timeout_s = float(probe.get("timeoutSeconds") or 1)
        try:
            if "exec" in probe:
                return await self._command(record, container, probe["exec"].get("command") or [], timeout_s)
            if "httpGet" in probe:
                return await self._http(record, container, probe["httpGet"], timeout_s)
            if "tcpSocket" in probe:
                host = probe["tcpSocket"].get("host") or record.ips[0]
                return await self._dial(host, port_number(container, probe["tcpSocket"]["port"]), timeout_s)
            if "grpc" in probe:
                return await self._grpc(record.ips[0], int(probe["grpc"]["port"]), timeout_s)
        except (ValueError, IndexError) as error:
            return Outcome.UNKNOWN, str(error)
        return Outcome.UNKNOWN, f"missing probe handler for {container['name']}"

    async def _command(
        self, record: PodRecord, container: Obj, command: list[str], timeout_s: float
    ) -> tuple[Outcome, str]:
        latest = record.instances(container["name"]).latest
        if latest is None:
            return Outcome.UNKNOWN, "container is not running"
        try:
            result = await self._runtime.exec_sync(latest.id, command, timeout_s)
        except RuntimeFailure as failure:
            if failure.code == "DeadlineExceeded":
                text = f'command timed out: "{" ".join(command)}" timed out after {timeout_s:g}s'
                return Outcome.FAILURE, text
            return Outcome.UNKNOWN, f'command "{" ".join(command)}": {failure}'
        output = (result.stdout + result.stderr).decode(errors="replace")
        return (Outcome.FAILURE if result.exit_code else Outcome.SUCCESS), output

    async def _http(self, record: PodRecord, container: Obj, get: Obj, timeout_s: float) -> tuple[Outcome, str]:
        host = get.get("host") or record.ips[0]
        port = port_number(container, get["port"])
        path = get.get("path") or "/"
        url = f"{(get.get('scheme') or 'HTTP').lower()}://{host}:{port}{path if path.startswith('/') else '/' + path}"
        headers = {"User-Agent": "kube-probe/1.37", "Accept": "*/*"}
        headers |= {header["name"]: header["value"] for header in get.get("httpHeaders") or ()}
        try:
            plain = url.replace("https://", "http://", 1)
            answer = await http.fetch(self._runtime.host.dial, "GET", plain, headers=headers, timeout_s=timeout_s)
        except TimeoutError:
            text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome.FAILURE, f'Get "{url}": {text}'
        except OSError as error:
            return Outcome.FAILURE, f'Get "{url}": {_dial_text(host, port, error)}'
        if 200 <= answer.status < 400:
            return Outcome.SUCCESS, answer.body.decode(errors="replace")
        return Outcome.FAILURE, f"HTTP probe failed with statuscode: {answer.status}"

    async def _dial(self, host: str, port: int, timeout_s: float) -> tuple[Outcome, str]:
        try:
            async with asyncio.timeout(timeout_s):
                (await self._runtime.host.dial(host, port)).close()
        except TimeoutError:
            return Outcome.FAILURE, f"dial tcp {host}:{port}: i/o timeout"
        except OSError as error:
            return Outcome.FAILURE, _dial_text(host, port, error)
        return Outcome.SUCCESS, ""

    async def _grpc(self, host: str, port: int, timeout_s: float) -> tuple[Outcome, str]:
        outcome, text = await self._dial(host, port, timeout_s)
        if outcome is Outcome.FAILURE:
            text = (
                f'timeout: failed to connect service "{host}:{port}" within {timeout_s:g}s: context deadline exceeded'
            )
        return outcome, text

    async def hook(self, record: PodRecord, container: Obj, handler: Obj) -> str:
        """Run a postStart or preStop handler; returns "" or what failed."""
        if "sleep" in handler:
            await asyncio.sleep(handler["sleep"]["seconds"])
            return ""
        if "httpGet" in handler:
            outcome, text = await self._http(record, container, handler["httpGet"], 30.0)
            return "" if outcome is Outcome.SUCCESS else text
        if "tcpSocket" in handler:
            return "unsupported lifecycle handler tcpSocket"
        command = (handler.get("exec") or {}).get("command") or []
        latest = record.instances(container["name"]).latest
        if latest is None:
            return "container is not running"
        try:
            result = await self._runtime.exec_sync(latest.id, command)
        except RuntimeFailure as failure:
            return str(failure)
        if result.exit_code:
            output = (result.stdout + result.stderr).decode(errors="replace")
            return f"command '{' '.join(command)}' exited with {result.exit_code}: {output}"
        return ""


def _dial_text(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    return f"dial tcp {host}:{port}: connect: {(error.strerror or str(error)).lower()}"
