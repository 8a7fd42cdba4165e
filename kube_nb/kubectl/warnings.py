"""The server's Warning headers, told on stderr as they come, each text once per command."""

from collections.abc import Mapping

from kube_nb.client import Transport
from kube_nb.kubectl.result import Result
from kube_nb.machinery.exchange import Request, Response


class WarningTransport:
    """A transport that notes what the server warns of. Models client-go rest/warnings.go with Deduplicate."""

    def __init__(self, transport: Transport, result: Result) -> None:
        self._transport = transport
        self._result = result
        self.seen: dict[str, None] = {}
        #: Sent with every request besides its own.
        self.headers: Mapping[str, str] = {}

    async def __call__(self, request: Request) -> Response:
        if self.headers:
            request.headers = {**request.headers, **self.headers}
        response = await self._transport(request)
        for text in response.warnings:
            if text not in self.seen:
                self.seen[text] = None
                self._result.stderr += f"Warning: {text}\n"
        return response

    async def close(self) -> None:
        await self._transport.close()
