"""A real in-kernel apiserver with controllers, and a kubelet of a few lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from kube_nb.api import resources
from kube_nb.apiserver import ApiServer
from kube_nb.client import Client, InformerFactory, InKernelTransport, errors
from kube_nb.controllers import ControllerManager, Options
from kube_nb.etcd.backend import Event, prefix_end
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Request, Response, User
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.loop import ClusterLoop
from kube_nb.machinery.types import Obj

ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))


class FakeKubelet:
    """Starts every pod some time after it appeared, and ends it when it is deleted.

    ready_after_s: seconds from a pod's creation until it is Running and Ready; None: never. grace_s: from its deletion
    until it is gone. outcome: (phase, exit code, after seconds) with which a pod ends by itself, None if it runs on.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ready_after_s: Callable[[Obj], float | None] = lambda pod: 1.0
        self.outcome: Callable[[Obj], tuple[str, int, float] | None] = lambda pod: None
        self.grace_s = 0.0
        self._addresses = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: dict[str, None] = {}

    def attach(self, informers: InformerFactory) -> None:
        informers.informer(resources.PODS).add_handler(self._added, lambda old, new: self._changed(new))

    def _spawn(self, coroutine) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _added(self, pod: Obj) -> None:
        if not (pod.get("status") or {}).get("podIP"):
            self._spawn(self._start(pod))

    def _changed(self, pod: Obj) -> None:
        if objects.is_deleting(pod) and objects.uid(pod) not in self._ending:
            self._ending[objects.uid(pod)] = None
            self._spawn(self._end(pod))

    async def _start(self, pod: Obj) -> None:
        delay_s = self.ready_after_s(pod)
        if delay_s is None:
            return
        await asyncio.sleep(delay_s)
        self._addresses += 1
        ip = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
        stamp = ClusterLoop.timestamp(self.loop)
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": stamp}
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [ready], "startTime": stamp}
        await self.set_status(pod, status)
        outcome = self.outcome(pod)
        if outcome is not None:
            phase, code, after_s = outcome
            await asyncio.sleep(after_s)
            await self.finish(pod, phase, code)

    @property
    def loop(self) -> ClusterLoop:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        return loop

    async def finish(self, pod: Obj, phase: str, code: int) -> None:
        stamp = self.loop.timestamp()
        ready = {"type": "Ready", "status": "False", "lastTransitionTime": stamp}
        names = [container["name"] for container in pod["spec"]["containers"]]
        ended = {"terminated": {"exitCode": code, "finishedAt": stamp, "startedAt": stamp}}
        rows = [
            {"name": name, "state": ended, "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
            for name in names
        ]
        await self.set_status(pod, {"phase": phase, "conditions": [ready], "containerStatuses": rows})

    async def _end(self, pod: Obj) -> None:
        await asyncio.sleep(self.grace_s)
        with contextlib.suppress(ApiError):
            name, namespace = objects.name(pod), objects.namespace(pod)
            await self.client.delete(resources.PODS, name, namespace, grace_period_s=0, uid=objects.uid(pod))

    async def set_status(self, pod: Obj, status: Obj) -> None:
        with contextlib.suppress(ApiError):
            name, namespace = objects.name(pod), objects.namespace(pod)
            await self.client.patch(resources.PODS, name, {"status": status}, namespace, subresource="status")


class Gate:
    """Stands between controllers and apiserver. refuse: the error with which a request is answered instead, if any."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.refuse: Callable[[Request], ApiError | None] = lambda request: None

    async def handle(self, request: Request) -> Response:
        error = self.refuse(request)
        return await self._server.handle(request) if error is None else Response.of_error(error)


class Cluster:
    """An apiserver with its controllers; `client` is an administrator's. gate: before the controllers' requests."""

    gate: Gate

    def __init__(self, server: ApiServer, client: Client, manager: ControllerManager, kubelet: FakeKubelet) -> None:
        self.server = server
        self.client = client
        self.manager = manager
        self.kubelet = kubelet
        self.loop = kubelet.loop
        self.last_write_s = self.loop.time()

    @property
    def now_s(self) -> float:
        return self.loop.time()

    async def settle(self, quiet_s: float = 30.0) -> float:
        """Wait until nothing but events was written for so long; when the last such write was."""
        while (left_s := self.last_write_s + quiet_s - self.loop.time()) > 0:
            await asyncio.sleep(left_s)
        return self.last_write_s

    def _written(self, events: Sequence[Event], revision: int) -> None:
        if not all(event.kv.key.startswith(b"/registry/events/") for event in events):
            self.last_write_s = self.loop.time()

    async def until(self, time_s: float) -> None:
        """Wait for a moment, and for what happens in it."""
        await asyncio.sleep(time_s - self.loop.time())
        for _ in range(50):
            await asyncio.sleep(0)

    async def create(self, obj: Obj) -> Obj:
        gvr = self.gvr_of(obj)
        return await self.client.create(gvr, obj, objects.namespace(obj) or namespace_for(gvr))

    def gvr_of(self, obj: Obj) -> GVR:
        return next(each for each, kind in GVRS.items() if kind == obj["kind"])

    async def get(self, gvr: GVR, name: str, namespace: str | None = "default") -> Obj:
        return await self.client.get(gvr, name, namespace)

    async def find(self, gvr: GVR, name: str, namespace: str | None = "default") -> Obj | None:
        try:
            return await self.get(gvr, name, namespace)
        except ApiError as error:
            if errors.is_not_found(error):
                return None
            raise

    async def all(self, gvr: GVR, namespace: str | None = "default", selector: str = "") -> list[Obj]:
        found = await self.client.list(gvr, namespace, label_selector=selector)
        return found["items"]

    async def pods(self, selector: str = "") -> list[Obj]:
        return await self.all(resources.PODS, selector=selector)

    async def replica_sets(self) -> list[Obj]:
        return sorted(await self.all(resources.REPLICA_SETS), key=objects.creation_timestamp)

    async def events(self, reason: str | None = None, namespace: str = "default") -> list[str]:
        """Messages, in the order of their writing."""
        await asyncio.sleep(0.001)
        found = await self.all(resources.EVENTS, namespace)
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["message"] for event in found if reason in (None, event["reason"])]

    async def patch(self, gvr: GVR, name: str, patch: Obj, **options) -> Obj:
        return await self.client.patch(gvr, name, patch, "default", **options)


GVRS = {
    resources.PODS: "Pod",
    resources.NODES: "Node",
    resources.SERVICES: "Service",
    resources.ENDPOINTS: "Endpoints",
    resources.NAMESPACES: "Namespace",
    resources.CONFIG_MAPS: "ConfigMap",
    resources.REPLICA_SETS: "ReplicaSet",
    resources.DAEMON_SETS: "DaemonSet",
    resources.STATEFUL_SETS: "StatefulSet",
    resources.REPLICATION_CONTROLLERS: "ReplicationController",
    resources.DEPLOYMENTS: "Deployment",
    resources.JOBS: "Job",
    resources.CRON_JOBS: "CronJob",
    resources.LEASES: "Lease",
    resources.SERVICE_CIDRS: "ServiceCIDR",
    resources.IP_ADDRESSES: "IPAddress",
    resources.PERSISTENT_VOLUME_CLAIMS: "PersistentVolumeClaim",
    resources.PERSISTENT_VOLUMES: "PersistentVolume",
}
ACCOUNTS = "serviceaccount-controller"
_CLUSTER_WIDE = (
    resources.NODES,
    resources.NAMESPACES,
    resources.SERVICE_CIDRS,
    resources.IP_ADDRESSES,
    resources.PERSISTENT_VOLUMES,
)


def namespace_for(gvr: GVR) -> str | None:
    return None if gvr in _CLUSTER_WIDE else "default"


@contextlib.asynccontextmanager
async def cluster(*only: str, options: Options | None = None, kubelet: bool = True) -> AsyncIterator[Cluster]:
    """A cluster whose named controllers run; all of them if none is named."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    backend = LocalBackend(Store(), loop)
    server = ApiServer(backend, loop)
    await server.start()
    admin = Client(InKernelTransport(lambda: server.handle, ADMIN), field_manager="test")
    gate = Gate(server)
    client = Client(InKernelTransport(lambda: gate.handle, ADMIN), field_manager="kube-controller-manager")
    names = dict.fromkeys((ACCOUNTS, *only)) if only else None
    manager = ControllerManager(client, loop, names, options)
    fake = FakeKubelet(admin)
    if kubelet:
        fake.attach(manager.informers)
    task = loop.create_task(manager.run())
    try:
        found = Cluster(server, admin, manager, fake)
        found.gate = gate
        backend.subscribe(b"/registry/", prefix_end(b"/registry/"), found._written)
        accounts = manager.informers.informer(resources.SERVICE_ACCOUNTS)
        while accounts.get("default", "default") is None:  # admission refuses pods before
            await asyncio.sleep(0)
        yield found
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        manager.informers.check_mutations()
        await server.stop()


# -- objects -------------------------------------------------------------------------------------------------------


def template(image: str = "nginx", **labels: str) -> Obj:
    """Its pods are bound to a node that nobody runs: an unbound pod would be deleted without grace."""
    spec = {"containers": [{"name": "main", "image": image}], "nodeName": "node-0"}
    return {"metadata": {"labels": labels or {"app": "web"}}, "spec": spec}


def deployment(name: str = "web", replicas: int = 1, image: str = "nginx", **spec: object) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(image, app=name),
            **spec,
        },
    }


def replica_set(name: str = "web", replicas: int = 1, **spec: object) -> Obj:
    return {**deployment(name, replicas, **spec), "kind": "ReplicaSet"}
