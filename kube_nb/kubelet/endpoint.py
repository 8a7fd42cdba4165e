"""What the kubelet serves to the apiserver: logs, exec, attach, port-forward, proxy. Models pkg/kubelet/server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote

from kube_nb.cri import http
from kube_nb.cri.network import Connection
from kube_nb.cri.runtime import ContainerState, ContainerStatus, LogOptions, Runtime, RuntimeFailure
from kube_nb.kubelet.handlers import port_number
from kube_nb.kubelet.record import PodRecord
from kube_nb.machinery import errors, times
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import ERROR, STDIN, Request, Response, Session

#: How long a forwarded connection outlives its client's end of file.
DRAIN_S = 10.0
_SUCCESS = b'{"metadata":{},"status":"Success"}'


class _Streams:
    """A session's channels as the runtime wants them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def read_stdin(self) -> bytes:
        while (message := await self._session.read()) is not None:
            channel, data = message
            if channel == STDIN:
                return data
        return b""

    async def write(self, channel: int, data: bytes) -> None:
        await self._session.write(channel, data)


class Endpoint:
    """A `machinery.exchange.NodeEndpoint`. find: the record of a pod by namespace and name, None if it is not here."""

    def __init__(self, runtime: Runtime, clock: Clock, find: Callable[[str, str], PodRecord | None]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._find = find

    def _record(self, namespace: str, pod: str) -> PodRecord:
        record = self._find(namespace, pod)
        if record is None:
            raise errors.not_found("pods", pod)
        return record

    # -- logs ----------------------------------------------------------------------------------------------------

    async def logs(
        self, namespace: str, pod: str, container: str, query: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[bytes]:
        record = self._record(namespace, pod)
        status = self._logged(record, container, previous=_flag(query, "previous"))
        return self._runtime.logs(status.id, self._options(query))

    def _logged(self, record: PodRecord, container: str, *, previous: bool) -> ContainerStatus:
        """The instance whose log is asked for. Models validateContainerLogStatus."""
        instances = record.containers.get(container)
        statuses = instances.statuses if instances else []
        ended = [status for status in statuses if status.state is ContainerState.EXITED]
        waiting = instances.waiting if instances and instances.waiting else ("ContainerCreating", "")
        if previous:
            exited = statuses[:-1] if statuses and statuses[-1].state is not ContainerState.EXITED else statuses
            if instances is not None and instances.waiting is None and ended and statuses[-1] is ended[-1]:
                exited = statuses[:-1]
            if not exited:
                raise errors.bad_request(
                    f'previous terminated container "{container}" in pod "{record.name}" not found'
                )
            return exited[-1]
        if not statuses:
            reason = waiting[0]
            if reason in ("ErrImagePull", "ImagePullBackOff"):
                why = "trying and failing to pull image" if reason == "ImagePullBackOff" else "image can't be pulled"
                raise errors.bad_request(f'container "{container}" in pod "{record.name}" is waiting to start: {why}')
            if instances is None and any(True for _ in record.pod["spec"].get("initContainers") or ()):
                reason = "PodInitializing"
            raise errors.bad_request(f'container "{container}" in pod "{record.name}" is waiting to start: {reason}')
        return statuses[-1]

    def _options(self, query: Mapping[str, Sequence[str]]) -> LogOptions:
        since = None
        if seconds := _param(query, "sinceSeconds"):
            since = self._clock.now() - timedelta(seconds=int(seconds))
        elif moment := _param(query, "sinceTime"):
            since = times.parse(moment)
        tail, limit = _param(query, "tailLines"), _param(query, "limitBytes")
        return LogOptions(
            tail_lines=int(tail) if tail else None,
            since=since,
            follow=_flag(query, "follow"),
            timestamps=_flag(query, "timestamps"),
            limit_bytes=int(limit) if limit else None,
            stream=_param(query, "stream") or "All",
        )

    # -- sessions ------------------------------------------------------------------------------------------------

    def _running(self, namespace: str, pod: str, container: str) -> ContainerStatus:
        record = self._record(namespace, pod)
        instances = record.containers.get(container)
        if instances is None or instances.latest is None:
            raise errors.internal_error(f'unable to upgrade connection: container not found ("{container}")')
        return instances.latest

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, tty: bool, session: Session
    ) -> None:
        try:
            status = self._running(namespace, pod, container)
            code = await self._runtime.exec(status.id, command, _Streams(session), tty=tty)
            outcome = _SUCCESS if code == 0 else _exit_status(code)
        except RuntimeFailure as failure:
            text = f"error executing command in container: {failure.message}"
            outcome = json.dumps(errors.internal_error(text).status()).encode()
        except ApiError as error:
            outcome = json.dumps(error.status()).encode()
        await _finish(session, outcome)

    async def attach(self, namespace: str, pod: str, container: str, *, tty: bool, session: Session) -> None:
        try:
            status = self._running(namespace, pod, container)
            await self._runtime.attach(status.id, _Streams(session), tty=tty)
            outcome = _SUCCESS
        except RuntimeFailure as failure:
            text = f"error attaching to container: {failure.message}"
            outcome = json.dumps(errors.internal_error(text).status()).encode()
        except ApiError as error:
            outcome = json.dumps(error.status()).encode()
        await _finish(session, outcome)

    async def port_forward(self, namespace: str, pod: str, ports: Sequence[int], session: Session) -> None:
        """Channel 2n carries port n's data, 2n+1 its errors. A client that has sent all still gets what comes."""
        record = self._record(namespace, pod)
        connections: dict[int, Connection] = {}
        readers = []
        for index, port in enumerate(ports):
            try:
                connections[index] = await self._runtime.port_forward(record.sandbox_id, port)
            except (OSError, RuntimeFailure) as error:
                text = f"error forwarding port {port} to pod {record.sandbox_id}, uid : {error}"
                await session.write(2 * index + 1, text.encode())
                continue
            readers.append(asyncio.get_running_loop().create_task(_send_back(connections[index], session, 2 * index)))
        try:
            while connections and (message := await session.read()) is not None:
                channel, data = message
                connection = connections.get(channel // 2)
                if connection is None or channel % 2:
                    continue
                if data:
                    await connection.write(data)
                else:
                    break
            if readers:
                await asyncio.wait(readers, timeout=DRAIN_S)
        except ConnectionError:
            pass
        finally:
            for connection in connections.values():
                connection.close()
            for reader in readers:
                reader.cancel()
            await session.close()

    async def proxy(self, namespace: str, pod: str, port: str, request: Request) -> Response:
        record = self._record(namespace, pod)
        if not record.ips:
            raise errors.service_unavailable(f"no address for pod {pod}")
        try:
            number = _port(record, port)
            body = (
                request.body
                if isinstance(request.body, bytes)
                else json.dumps(request.body).encode()
                if request.body
                else b""
            )
            query = "&".join(f"{name}={value}" for name, values in request.query.items() for value in values)
            url = f"http://{record.ips[0]}:{number}{quote(request.path)}" + (f"?{query}" if query else "")
            kept = {name: value for name, value in request.headers.items() if name not in _KEPT_BACK}
            answer = await http.fetch(self._runtime.host.dial, request.method, url, headers=kept, body=body)
        except ValueError as error:
            raise errors.bad_request(str(error)) from error
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            text = f"error trying to reach service: dial tcp {record.ips[0]}:{port}: connect: {why}"
            raise ApiError(503, "ServiceUnavailable", text) from error
        headers = {name.title(): value for name, value in answer.headers.items() if name not in _HOP}
        kind = answer.headers.get("content-type", "text/plain")
        return Response(answer.status, raw=answer.body, content_type=kind, headers=headers)


#: What is about the client's own connection, or its secret.
_KEPT_BACK = ("authorization", "connection", "content-length", "host", "keep-alive", "transfer-encoding", "upgrade")
_HOP = ("connection", "content-length", "content-type", "transfer-encoding", "keep-alive")


def _port(record: PodRecord, port: str) -> int:
    if port.isdigit():
        return int(port)
    for container in record.pod["spec"]["containers"]:
        try:
            return port_number(container, port)
        except ValueError:
            continue
    raise ValueError(f"no port named {port!r} in pod {record.name}")


def _param(query: Mapping[str, Sequence[str]], name: str) -> str:
    values = query.get(name)
    return values[0] if values else ""


def _flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    return _param(query, name).lower() in ("true", "1")


def _exit_status(code: int) -> bytes:
    message = f"command terminated with exit code {code}"
    if code > 128:
        message = f"command terminated with exit code {code}"
    status = {
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
    return json.dumps(status, separators=(",", ":")).encode()


async def _finish(session: Session, outcome: bytes) -> None:
    try:
        await session.write(ERROR, outcome)
    except ConnectionError:
        return
    finally:
        await session.close()


async def _send_back(connection: Connection, session: Session, channel: int) -> None:
    try:
        while data := await connection.read():
            await session.write(channel, data)
        await session.write(channel, b"")
    except ConnectionError:
        return
