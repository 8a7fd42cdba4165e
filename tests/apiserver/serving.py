"""A server in this kernel and a short way to ask it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from kube_nb.apiserver import ApiServer
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import NodeEndpoint, Request, Response, User
from kube_nb.machinery.types import Obj

ADMIN = User("admin", ("system:masters",))
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Api:
    """Requests to one server, in the kernel."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.user: User | None = ADMIN

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        user: User | None = None,
        **query: str,
    ) -> Response:
        given = {"user-agent": "tester/1.0", **(headers or {})}
        parameters = {name.rstrip("_"): [value] for name, value in query.items()}
        return await self.server.handle(Request(method, path, parameters, given, body, user or self.user))

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Obj:
        """The object of a response that must be a success."""
        response = await self.ask(method, path, body, **more)
        assert response.status < 300, response.obj
        return response.object()

    async def get(self, path: str, **query: Any) -> Obj:
        return await self.ok("GET", path, **query)

    async def create(self, path: str, obj: Obj, **query: Any) -> Obj:
        return await self.ok("POST", path, obj, **query)

    async def patch(self, path: str, body: Any, type: str = "merge", **query: Any) -> Obj:
        return await self.ok("PATCH", path, body, headers={"content-type": PATCHES[type]}, **query)

    async def refused(self, method: str, path: str, body: Any = None, *, type: str = "", **more: Any) -> Obj:
        """The Status of a response that must be a refusal."""
        if type:
            more["headers"] = {"content-type": PATCHES[type]}
        response = await self.ask(method, path, body, **more)
        assert response.status >= 400, response.obj
        status = response.object()
        assert status["kind"] == "Status"
        assert status["status"] == "Failure"
        assert status["code"] == response.status
        return status

    async def watch(self, path: str, **query: Any) -> "Watch":
        response = await self.ask("GET", path, watch="true", **query)
        assert response.watch is not None, response.obj
        return Watch(response)


class Watch:
    """A watch whose events are told as ``ADDED web``."""

    def __init__(self, response: Response) -> None:
        assert response.watch is not None
        self.stream = response.watch

    async def next(self) -> list[str]:
        return [
            f"{event.type} {event.object['metadata'].get('name', '')}".strip() for event in await self.stream.batch()
        ]


@contextlib.asynccontextmanager
async def serving(nodes: Mapping[str, NodeEndpoint] | None = None, **options: Any) -> AsyncIterator[Api]:
    clock: Any = asyncio.get_running_loop()
    backend = options.pop("backend", None) or LocalBackend(Store(), clock)
    server = ApiServer(backend, clock, nodes=(nodes or {}).get, **options)
    await server.start()
    try:
        yield Api(server)
    finally:
        await server.stop()
        backend.close()


def pod(name: str = "web", **spec: Any) -> Obj:
    """A pod of one container."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "nginx"}], **spec},
    }


def deployment(name: str = "web", replicas: int = 1) -> Obj:
    """A deployment of one container."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "nginx"}]},
            },
        },
    }


def config_map(name: str = "settings", **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
