"""exec, attach and port-forward over a WebSocket: numbered channels, one byte in front of each message.

Models apimachinery remotecommand constants and kubelet's portforward/websocket.go. v5.channel.k8s.io adds the closing
of a single channel (``255, channel``), with which a command sees the end of its input.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from kube_nb.machinery.exchange import Request, Session

_CLOSE = 255
_V5 = "v5.channel.k8s.io"
_V4 = "v4.channel.k8s.io"


def protocols(path: str) -> tuple[str, ...]:
    """What to offer: port-forward knows nothing newer than v4."""
    return (_V4,) if path.endswith("/portforward") else (_V5, _V4)


def carrier(socket: aiohttp.ClientWebSocketResponse, request: Request) -> Callable[[Session], Awaitable[None]]:
    """What makes a `Session` out of the open socket: bytes are carried both ways until either side ends."""
    ports = [int(port) for value in request.query.get("ports", ()) for port in value.split(",")]

    async def carry(session: Session) -> None:
        sending = asyncio.get_running_loop().create_task(_send(socket, session), name="session to server")
        try:
            await _receive(socket, session, ports)
            await session.close()
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            await socket.close()

    return carry


async def _send(socket: aiohttp.ClientWebSocketResponse, session: Session) -> None:
    while (message := await session.read()) is not None:
        channel, data = message
        if data:
            await socket.send_bytes(bytes((channel,)) + data)
        elif socket.protocol == _V5:
            await socket.send_bytes(bytes((_CLOSE, channel)))
    await socket.close()


async def _receive(socket: aiohttp.ClientWebSocketResponse, session: Session, ports: list[int]) -> None:
    """Each port-forward channel opens with its port's number in two bytes, which are not part of the data."""
    unopened = {channel: port for number, port in enumerate(ports) for channel in (2 * number, 2 * number + 1)}
    async for message in socket:
        data = message.data.encode() if message.type == aiohttp.WSMsgType.TEXT else message.data
        if not isinstance(data, bytes) or len(data) < 2:
            continue  # channels are opened with empty messages
        channel, payload = data[0], data[1:]
        if channel == _CLOSE:
            await session.write(payload[0], b"")
        elif unopened.pop(channel, None) != int.from_bytes(payload, "little") or len(payload) != 2:
            await session.write(channel, payload)
