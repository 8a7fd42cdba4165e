"""A server on a socket, at the wall clock's pace, for tests by real clients."""

import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from kube_nb.machinery.loop import ClusterLoop, cancel_all_tasks
from tests.apiserver.certificates import Authority
from tests.apiserver.serving import Api, serving


def at_walls_pace(story: Coroutine[Any, Any, None]) -> None:
    """Run a test's story on a loop whose time is the wall clock's, as sockets need."""
    loop = ClusterLoop(pace=1.0)
    try:
        loop.run_until_complete(story)
        loop.run_until_complete(cancel_all_tasks())
    finally:
        loop.close()


class Https:
    """One HTTPS server with its CA."""

    def __init__(self, api: Api, authority: Authority, port: int) -> None:
        self.api = api
        self.authority = authority
        self.port = port
        self.url = f"https://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def listening(folder: Path, **options: Any) -> AsyncIterator[Https]:
    authority = Authority(folder)
    authority.issue("admin", "kubernetes-admin", ("system:masters",))
    authority.issue("bob", "bob", ("developers",))
    options.setdefault("authorization_modes", ("Node", "RBAC"))
    async with serving(**options) as api:
        port = await api.server.serve("127.0.0.1", 0, authority.server_context())
        yield Https(api, authority, port)
