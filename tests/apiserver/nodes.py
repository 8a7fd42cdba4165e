"""A node for tests: logs, sessions and proxied requests without any kubelet."""

from collections.abc import AsyncIterator, Mapping, Sequence

import orjson

from kube_nb.machinery.exchange import ERROR, STDIN, STDOUT, Request, Response, Session


class EchoNode:
    """Answers every session with what comes in; the log is two lines."""

    async def logs(
        self, namespace: str, pod: str, container: str, query: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[bytes]:
        async def lines() -> AsyncIterator[bytes]:
            yield f"{pod}/{container} started\n".encode()
            yield b"ready\n"

        return lines()

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, tty: bool, session: Session
    ) -> None:
        if command[0] == "cat":
            while (message := await session.read()) is not None:
                if message[0] == STDIN:
                    if not message[1]:
                        break
                    await session.write(STDOUT, message[1])
        else:
            await session.write(STDOUT, (" ".join(command) + "\n").encode())
        status = {"metadata": {}, "status": "Success"}
        if command[0] == "false":
            cause = {"reason": "ExitCode", "message": "3"}
            status = {
                "metadata": {},
                "status": "Failure",
                "reason": "NonZeroExitCode",
                "message": "command terminated with non-zero exit code",
                "details": {"causes": [cause]},
            }
        await session.write(ERROR, orjson.dumps(status))

    async def attach(self, namespace: str, pod: str, container: str, *, tty: bool, session: Session) -> None:
        await session.write(STDOUT, b"attached\n")
        await session.write(ERROR, orjson.dumps({"metadata": {}, "status": "Success"}))

    async def port_forward(self, namespace: str, pod: str, ports: Sequence[int], session: Session) -> None:
        """An HTTP server that tells which port it was asked for."""
        message = await session.read()
        if message is not None:
            body = f"port {ports[0]}\n".encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            await session.write(0, head + body)

    async def proxy(self, namespace: str, pod: str, port: str, request: Request) -> Response:
        return Response(raw=f"{request.method} {pod}:{port}{request.path}".encode(), content_type="text/plain")
