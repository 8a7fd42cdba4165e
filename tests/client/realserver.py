"""The real apiserver on a fresh store: the fake that is verified."""

import asyncio

from kube_nb.apiserver.server import ApiServer
from kube_nb.client.rest import Client
from kube_nb.client.transport import InKernelTransport
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj

ADMIN = User("admin", ("system:masters", "system:authenticated"))


class RealServer:
    """Within ``async with``: `client` speaks to it while it is `up`."""

    def __init__(self) -> None:
        self.up = True

    def client(self, field_manager: str = "") -> Client:
        return Client(
            InKernelTransport(lambda: self.api.handle if self.up else None, ADMIN), field_manager=field_manager
        )

    async def __aenter__(self) -> "RealServer":
        clock = asyncio.get_running_loop()
        self.api = ApiServer(LocalBackend(Store(), clock), clock)
        await self.api.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.api.stop()


def pod(name: str = "web", **spec: object) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "nginx", "image": "nginx"}], **spec},
    }
