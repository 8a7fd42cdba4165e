"""`Kubelet`: the wiring of one node's agent, and where pods come in."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from kube_nb.api.resources import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS, SERVICES
from kube_nb.client import Client, EventRecorder, InformerFactory, Unreachable
from kube_nb.cri.runtime import ContainerEvent, ContainerStats, Runtime
from kube_nb.kubelet import admission, containers, environment, resizing, resources, resuming, staticpods
from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.endpoint import Endpoint
from kube_nb.kubelet.environment import ServiceVariables
from kube_nb.kubelet.handlers import Handlers
from kube_nb.kubelet.node import NodeAgent
from kube_nb.kubelet.pulls import ImagePuller
from kube_nb.kubelet.record import PodRecord, Verdict
from kube_nb.kubelet.starting import Shared
from kube_nb.kubelet.staticpods import Mirrors
from kube_nb.kubelet.statuses import Statuses
from kube_nb.kubelet.volumes import NodeVolumes, Volumes
from kube_nb.kubelet.worker import PodWorker, State
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: How often the kubelet looks whether all mirror pods are there, once they were.
MIRROR_S = 10.0
#: While the API has not been there yet.
MIRROR_RETRY_S = 0.1
_GVRS = {"configmaps": CONFIG_MAPS, "secrets": SECRETS}


class Kubelet:
    """One node's agent. `run` until cancelled; the containers live on, and a new Kubelet on the runtime adopts them.

    client None: a stand-alone kubelet, which runs static pods only. informers: of that client, started here; the
    kubelet watches its own node's pods and all services. static_pods: manifests by file name.
    """

    def __init__(
        self,
        client: Client | None,
        informers: InformerFactory | None,
        clock: Clock,
        config: NodeConfig,
        runtime: Runtime,
        *,
        static_pods: Mapping[str, Obj] | None = None,
    ) -> None:
        self.config = config
        self.runtime = runtime
        self._client = client
        self._clock = clock
        self._informers = informers
        self.recorder = EventRecorder(client, "kubelet", clock, config.name) if client else None
        self.statuses = Statuses(client, clock, runtime.name, config.ip)
        self.agent = NodeAgent(client, clock, config, runtime) if client else None
        self._mirrors = Mirrors(client) if client else None
        self._manifests: dict[str, Obj] = dict(static_pods or {})
        self.workers: dict[str, PodWorker] = {}
        self._used: dict[str, int] = {}
        self._considered: dict[str, PodRecord] = {}  # uid -> a pod that may have to be rejected
        self._services: dict[str, dict[str, Mapping[str, str]]] = {}
        self._mirrors_due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: dict[asyncio.Task[None], None] = {}
        self.volumes = NodeVolumes()
        facts = containers.node_facts(PodRecord({}), config)
        self._shared = Shared(
            config,
            runtime,
            clock,
            self.recorder,
            self.statuses,
            ImagePuller(runtime, clock, serial=config.serialize_pulls),
            Volumes(self.volumes, self._fetch, self._token, facts),
            Handlers(runtime),
            self._fetch,
            self._service_variables,
            self._delete,
            self._gone,
            self._allocate,
            self._release,
        )
        self.endpoint = Endpoint(runtime, clock, self._find)

    # -- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        self.runtime.subscribe(self._container_changed)
        try:
            for _, manifest in sorted(self._manifests.items()):
                self._add_static(manifest)
            await self._run_with_api()
        finally:
            self.runtime.unsubscribe(self._container_changed)
            ending = [*self._tasks, *self._ending]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            for worker in list(self.workers.values()):
                await worker.stop()
            if self.recorder is not None:
                await self.recorder.stop()

    async def _run_with_api(self) -> None:
        if self._client is None or self._informers is None or self.agent is None:
            await asyncio.get_running_loop().create_future()
            return
        loop = asyncio.get_running_loop()
        for work in (self.agent.run(), self.statuses.run(), self._keep_mirrors()):
            self._tasks.append(loop.create_task(work, name=f"kubelet {self.config.name}"))
        services = self._informers.informer(SERVICES)
        pods = self._informers.informer(PODS, field_selector=f"spec.nodeName={self.config.name}")
        told = (
            services.add_handler(
                self._service_changed, lambda old, new: self._service_changed(new), self._service_gone
            ),
            pods.add_handler(self._pod_added, lambda old, new: self._pod_added(new), self._pod_removed),
        )
        try:
            await self._informers.start()
            await asyncio.gather(*self._tasks)
        finally:
            services.remove_handler(told[0])
            pods.remove_handler(told[1])

    @property
    def is_up(self) -> bool:
        """Whether it has registered its node and taken up the pods that it found."""
        registered = self.agent is not None and self.agent.node is not None
        return registered and not any(worker.record.restored_ip for worker in self.workers.values())

    def usage(self) -> dict[str, dict[str, ContainerStats]]:
        """What runs here and what it uses: pod key -> container -> present use. The base of ``kubectl top``."""
        found: dict[str, dict[str, ContainerStats]] = {}
        for worker in self.workers.values():
            record = worker.record
            running = {name: each for name, each in record.containers.items() if each.running}
            found[f"{record.namespace}/{record.name}"] = {
                name: self.runtime.container_stats(each.statuses[-1].id) for name, each in running.items()
            }
        return found

    def set_static_pods(self, manifests: Mapping[str, Obj]) -> None:
        """The manifest folder's contents are these now."""
        for name in [name for name in self._manifests if manifests.get(name) != self._manifests[name]]:
            pod = staticpods.from_manifest(self._manifests.pop(name), self.config.name, self._clock)
            worker = self.workers.get(objects.uid(pod))
            if worker is not None:
                worker.remove()
        for name, manifest in sorted(manifests.items()):
            if name not in self._manifests:
                self._manifests[name] = manifest
                self._add_static(manifest)

    def _add_static(self, manifest: Obj) -> None:
        """Start the pod; while one of its name still ends it waits, see `_gone`. Models allowStaticPodStart."""
        pod = staticpods.from_manifest(manifest, self.config.name, self._clock)
        if not self._has_static(pod):
            self._begin(PodRecord(pod, static=True))
            self._mirrors_due.set()

    # -- pods from the API ---------------------------------------------------------------------------------------

    def _pod_added(self, pod: Obj) -> None:
        """A pod bound to this node is new or has changed."""
        uid = objects.uid(pod)
        if staticpods.is_mirror(pod):
            self._mirror_seen(pod)
            return
        worker = self.workers.get(uid)
        if worker is not None:
            worker.update(pod)
        elif uid in self._considered:
            self._considered[uid].pod = pod
        elif (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            if objects.is_deleting(pod):
                self._later(self._delete(PodRecord(pod)))
        else:
            self._admit(pod)

    def _admit(self, pod: Obj) -> None:
        record = PodRecord(pod)
        record.requests = resources.pod_requests(pod)
        if self._verdict(record) is None:
            self._take(record)
        else:
            self._considered[record.uid] = record
            self._later(self._admit_by_fresh_node(record))

    async def _admit_by_fresh_node(self, record: PodRecord) -> None:
        """The scheduler may have seen labels, taints or resources of the node that this kubelet has not: look again."""
        if self.agent is not None:
            await self.agent.look()
        if self._considered.pop(record.uid, None) is None:
            return  # deleted meanwhile
        verdict = self._verdict(record)
        if verdict is None:
            self._take(record)
            return
        record.verdict = verdict
        record.start_time, record.terminal = self._clock.timestamp(), True
        if self.recorder is not None:
            message = verdict.message.removeprefix("Pod was rejected: ")
            self.recorder.event(record.pod, "Warning", verdict.reason, message)
        await self.statuses.report(record)

    def _verdict(self, record: PodRecord) -> Verdict | None:
        node = self.agent.node if self.agent else None
        active = [worker.record.pod for worker in self.workers.values() if worker.state is State.SYNC]
        return admission.reject(record.pod, record.requests, self._used, active, self.config, node)

    def _take(self, record: PodRecord) -> None:
        self._begin(record)
        if objects.is_deleting(record.pod):
            self.workers[record.uid].update(record.pod)

    def _begin(self, record: PodRecord) -> None:
        resizing.begin(record)
        self._use(record.requests, 1)
        self._adopt(record)
        worker = self.workers[record.uid] = PodWorker(self._shared, record)
        worker.start()

    def _adopt(self, record: PodRecord) -> None:
        """Take over what a kubelet before this one has started for the pod."""
        resuming.times_of(record, self._clock)
        sandbox_id = self.runtime.find_pod_sandbox(record.uid)
        if sandbox_id is None:
            if self.config.resumes:
                resuming.prepare(record)
            return
        record.sandbox_id = sandbox_id
        record.ips = tuple(self.runtime.sandbox_ips(sandbox_id))
        for status in self.runtime.list_containers(sandbox_id):
            instances = record.instances(status.name)
            instances.statuses.append(status)
            instances.image = record.spec(status.name)["image"]
            instances.resources = record.allocated.get(status.name, {})
            instances.started = instances.ready = instances.running
        main = [container["name"] for container in record.pod["spec"]["containers"]]
        record.initialized = any(name in record.containers for name in main)

    def _pod_removed(self, pod: Obj) -> None:
        if staticpods.is_mirror(pod):
            self._mirror_gone(pod)
            return
        self._considered.pop(objects.uid(pod), None)
        worker = self.workers.get(objects.uid(pod))
        if worker is not None:
            # Its part of the node is free for others, though it may still end. Models filterOutInactivePods.
            self._release(worker.record)
            grace_s = objects.metadata(pod).get("deletionGracePeriodSeconds")
            worker.remove(None if grace_s is None else float(grace_s))

    def _gone(self, record: PodRecord) -> None:
        """A worker has ended."""
        self.workers.pop(record.uid, None)
        self._release(record)
        if record.static and self._mirrors is not None:
            self._later(self._mirrors.delete(record))
        if record.static:
            for _, manifest in sorted(self._manifests.items()):
                self._add_static(manifest)

    def _release(self, record: PodRecord) -> None:
        """The pod's containers have ended: others may have its part of the node, though its object is still there."""
        self._use(record.requests, -1)
        record.requests = {}
        self._retry_resizes()

    def _use(self, requests: Mapping[str, int], sign: int) -> None:
        for name, amount in requests.items():
            self._used[name] = self._used.get(name, 0) + sign * amount

    def _allocate(self, record: PodRecord) -> tuple[str, str] | None:
        wanted = resources.pod_requests(record.pod)
        if (refusal := resizing.refuse(record, wanted, self._used, self.config)) is not None:
            return refusal
        self._use(record.requests, -1)
        record.requests, record.allocated = wanted, resizing.desired(record.pod)
        self._use(wanted, 1)
        self._retry_resizes()
        return None

    def _retry_resizes(self) -> None:
        """Room may have come free for those that wait."""
        for worker in self.workers.values():
            if worker.record.resize_pending is not None:
                worker.wake()

    async def _delete(self, record: PodRecord) -> None:
        """The pod has ended on this node: take its object away, if it is still the same pod's."""
        if self._client is None or record.static:
            return
        while True:
            try:
                await self._client.delete(PODS, record.name, record.namespace, grace_period_s=0, uid=record.uid)
                return
            except ApiError as error:
                if error.code in (404, 409):
                    return
            except Unreachable:
                pass
            await asyncio.sleep(MIRROR_S)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending[task] = None
        task.add_done_callback(lambda task: self._ending.pop(task, None))

    # -- static pods ---------------------------------------------------------------------------------------------

    def _mirror_seen(self, pod: Obj) -> None:
        if self._mirrors is not None:
            self._mirrors.known[objects.key(pod)] = pod
            if objects.is_deleting(pod) or not self._has_static(pod):
                self._mirrors_due.set()

    def _mirror_gone(self, pod: Obj) -> None:
        if self._mirrors is not None and self._mirrors.known.get(objects.key(pod)) is not None:
            self._mirrors.known.pop(objects.key(pod))
            self._mirrors_due.set()

    def _has_static(self, pod: Obj) -> bool:
        """Whether a static pod of this name and namespace is here, be it that it only ends."""
        key = objects.key(pod)
        records = (worker.record for worker in self.workers.values() if worker.record.static)
        return any(f"{record.namespace}/{record.name}" == key for record in records)

    async def _keep_mirrors(self) -> None:
        """Mirrors for all static pods, and none for others; as soon as the API is there."""
        while True:
            self._mirrors_due.clear()
            done = True
            node = self.agent.node if self.agent else None
            for worker in list(self.workers.values()):
                if worker.record.static and worker.state is State.SYNC and self._mirrors is not None:
                    before = worker.record.mirror_uid
                    made = node is not None and await self._mirrors.ensure(worker.record, node)
                    done = done and made
                    if made and worker.record.mirror_uid != before:
                        self.statuses.forget(worker.record.uid)
                        await self.statuses.report(worker.record)
            if not done:
                await asyncio.sleep(MIRROR_RETRY_S)
            elif not self._mirrors_due.is_set():
                await self._mirrors_due.wait()

    # -- what workers need ---------------------------------------------------------------------------------------

    def _container_changed(self, event: ContainerEvent) -> None:
        if event.type == "STOPPED":
            worker = self.workers.get(event.pod_uid)
            if worker is not None:
                worker.container_stopped(event.container_id)

    def _find(self, namespace: str, name: str) -> PodRecord | None:
        for worker in self.workers.values():
            record = worker.record
            if record.name == name and record.namespace == namespace:
                return record
        return None

    async def _fetch(self, kind: str, namespace: str, name: str) -> Obj:
        if self._client is None:
            raise ApiError(404, "NotFound", f'{kind} "{name}" not found')
        return await self._client.get(_GVRS[kind], name, namespace)

    async def _token(self, pod: Obj, projection: Obj) -> str:
        """A token bound to the pod, from the TokenRequest API."""
        if self._client is None or not self.config.service_account_tokens:
            return ""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [projection["audience"]] if projection.get("audience") else [],
                "expirationSeconds": projection.get("expirationSeconds", 3600),
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": objects.name(pod),
                    "uid": objects.uid(pod),
                },
            },
        }
        account = pod["spec"].get("serviceAccountName") or "default"
        answer = await self._client.create(
            SERVICE_ACCOUNTS, request, objects.namespace(pod), name=account, subresource="token"
        )
        return str((answer.get("status") or {}).get("token", ""))

    def _service_changed(self, service: Obj) -> None:
        variables = environment.service_variables(service)
        self._services.setdefault(objects.namespace(service), {})[objects.name(service)] = variables

    def _service_gone(self, service: Obj) -> None:
        self._services.get(objects.namespace(service), {}).pop(objects.name(service), None)

    def _service_variables(self, pod: Obj) -> ServiceVariables:
        """The API's own service, and unless the pod says no, those of its namespace."""
        fragments = []
        master = self._services.get("default", {}).get("kubernetes")
        if master is not None:
            fragments.append(master)
        if pod["spec"].get("enableServiceLinks", True):
            fragments += self._services.get(objects.namespace(pod), {}).values()
        return ServiceVariables(fragments)
