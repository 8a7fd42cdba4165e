"""Our own etcd on a socket, turned by a thread, for real clients and blocking tests."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from kube_nb.etcd import members
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire.server import Server
from kube_nb.etcd.wire.tls import Tls
from kube_nb.machinery.loop import ClusterLoop, cancel_all_tasks
from tests.etcd import real

T = TypeVar("T")


class LoopThread:
    """A cluster loop at pace 1 in a thread of its own."""

    def __init__(self) -> None:
        self.loop = ClusterLoop(pace=1)
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, command: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(command, self.loop).result(60)

    def close(self) -> None:
        self.call(cancel_all_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextlib.contextmanager
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    try:
        yield thread
    finally:
        thread.close()


@contextlib.contextmanager
def ours(peer_url: str = "http://localhost:2380", tls: Tls | None = None) -> Iterator[str]:
    """Serve an empty store; gives its client address."""
    with loop_thread() as thread:

        async def start() -> tuple[LocalBackend, Server, int]:
            backend = LocalBackend(Store(), thread.loop)
            server = Server(backend)
            port = await server.start(port=real.free_port(), tls=tls)
            backend.member = members.new("default", [peer_url], [f"http://127.0.0.1:{port}"])
            return backend, server, port

        backend, server, port = thread.call(start())
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            thread.call(_stop(backend, server))


async def _stop(backend: LocalBackend, server: Server) -> None:
    """On the loop's own thread: connections end there meanwhile."""
    backend.close()
    await server.stop()


def main() -> None:
    """Serve a data directory in this process until it is killed; prints the address."""
    loop = ClusterLoop(pace=1)
    store, disk = open_store(Path(sys.argv[1]), loop)
    server = Server(DurableBackend(store, disk, loop))
    sys.stdout.write(f"http://127.0.0.1:{loop.run_until_complete(server.start())}\n")
    sys.stdout.flush()
    loop.run_forever()


if __name__ == "__main__":
    main()
