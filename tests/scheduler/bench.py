"""A cluster of the scheduler alone: the real apiserver over the real store, and clients; nodes are only objects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kube_nb.api import resources
from kube_nb.apiserver.server import ApiServer
from kube_nb.client import Client, InformerFactory, InKernelTransport
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.scheduler import Scheduler


def node(name: str, cpu: str = "4", memory: str = "32Gi", **fields: Any) -> Obj:
    """fields: labels, taints, unschedulable, images, and more allocatable resources as `more`."""
    amounts = {"cpu": cpu, "memory": memory, "pods": "110", **fields.get("more", {})}
    labels = {"kubernetes.io/hostname": name, **fields.get("labels", {})}
    spec = {key: fields[key] for key in ("taints", "unschedulable") if key in fields}
    status: Obj = {"allocatable": amounts, "capacity": amounts}
    if "images" in fields:
        status["images"] = fields["images"]
    meta: Obj = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": status}


def pod(name: str, cpu: str = "", memory: str = "", namespace: str = "default", **fields: Any) -> Obj:
    """fields: labels, uid, priority, start, and anything else of the spec."""
    asked = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    asked |= fields.pop("more", {})
    container: Obj = {"name": "app", "image": fields.pop("image", "nginx")}
    if asked:
        container["resources"] = {"requests": asked}
    if ports := fields.pop("ports", None):
        container["ports"] = ports
    meta: Obj = {"name": name, "namespace": namespace, "labels": fields.pop("labels", {})}
    if uid := fields.pop("uid", None):
        meta["uid"] = uid
    found: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
    if start := fields.pop("start", None):
        found["status"] = {"startTime": start, "phase": "Running"}
    return {**found, "spec": {"containers": [container], **fields}}


class Bench:
    """apiserver, client and a running scheduler."""

    def __init__(self, server: ApiServer, **options: Any) -> None:
        door = InKernelTransport(lambda: server.handle, User("admin", ("system:masters",)))
        self.client = Client(door, field_manager="test")
        scheduler_client = Client(door, field_manager="kube-scheduler")
        self.informers = InformerFactory(scheduler_client)
        self.scheduler = Scheduler(scheduler_client, self.informers, asyncio.get_running_loop(), **options)  # type: ignore[arg-type]  # the tests' loop is a ClusterLoop

    async def add(self, *objs: Obj) -> None:
        for obj in objs:
            gvr = resources.NODES if obj["kind"] == "Node" else resources.PODS
            created = await self.client.create(gvr, obj)
            if gvr is resources.NODES:  # admission taints a new node as not ready
                taints = {"spec": {"taints": obj["spec"].get("taints")}}
                created = await self.client.patch(gvr, obj["metadata"]["name"], taints)
            if obj.get("status"):
                await self.client.update_status(gvr, {**created, "status": obj["status"]})

    async def pod(self, name: str, namespace: str = "default") -> Obj:
        return await self.client.get(resources.PODS, name, namespace)

    async def where(self, name: str) -> str:
        return str((await self.pod(name))["spec"].get("nodeName") or "")

    async def events(self, reason: str) -> list[str]:
        found = await self.client.list(resources.EVENTS)
        return [event["message"] for event in found["items"] if event["reason"] == reason]


@asynccontextmanager
async def bench(**options: Any) -> AsyncIterator[Bench]:
    clock: Any = asyncio.get_running_loop()
    backend = LocalBackend(Store(), clock)
    server = ApiServer(backend, clock)
    await server.start()
    made = Bench(server, **options)
    for name in ("default", "kube-system"):
        try:
            await made.client.create(
                resources.NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )
        except Exception as error:
            if "AlreadyExists" not in repr(error) and "already exists" not in str(error):
                raise
    task = asyncio.create_task(made.scheduler.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.informers.stop()
        await server.stop()
        backend.close()
