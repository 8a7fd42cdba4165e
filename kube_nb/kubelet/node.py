"""The kubelet's own objects: its Node, registered and kept fresh, and its Lease.

Models pkg/kubelet/kubelet_node_status.go, pkg/kubelet/nodestatus and component-helpers apimachinery/lease.
Differs: capacity never changes and pressure conditions never become true.
"""

import logging

from kube_nb.api.resources import LEASES, NODES
from kube_nb.client import Client, Unreachable
from kube_nb.cri.runtime import Runtime
from kube_nb.kubelet.config import NodeConfig
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Clock, periodic_sleep
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.names import uid
from kube_nb.machinery.types import Obj

LEASE_NAMESPACE = "kube-node-lease"
LEASE_DURATION_S = 40
RENEW_S = 10.0
#: The status is written this often even if nothing changed; looked at each `RENEW_S`.
HEARTBEAT_S = 300.0
#: Images listed in the status.
MAX_IMAGES = 50
#: After a failed try to register; doubling.
REGISTER_RETRY_S = (0.1, 7.0)

_log = logging.getLogger(__name__)

_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def labels(config: NodeConfig) -> dict[str, str]:
    """What every node is labelled with, and its own labels."""
    fixed = {f"{prefix}kubernetes.io/{key}": value for prefix in ("beta.", "") for key, value in _PLATFORM}
    return {**dict(sorted(fixed.items())), "kubernetes.io/hostname": config.name, **config.labels}


_PLATFORM = (("arch", "amd64"), ("os", "linux"))


def conditions(now: str, old: Obj | None = None) -> list[Obj]:
    """The conditions of a healthy node."""
    rows = []
    for type, value, reason, message in _HEALTHY:
        before = objects.get_condition(old, type) if old else None
        since = before["lastTransitionTime"] if before and before["status"] == value else now
        rows.append(
            {
                "type": type,
                "status": value,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            }
        )
    return rows


def status(config: NodeConfig, clock: Clock, *, runtime: str, old: Obj | None = None) -> Obj:
    """The node's status. runtime: ``containerd://2.2.0``."""
    stream = clock.stream(f"machine/{config.name}")
    machine = stream.getstate()
    ids = [uid(stream) for _ in range(3)]
    stream.setstate(machine)  # the same ids each time
    return {
        "addresses": [{"type": "InternalIP", "address": config.ip}, {"type": "Hostname", "address": config.name}],
        "allocatable": {**config.capacity, **config.allocatable},
        "capacity": dict(config.capacity),
        "conditions": conditions(clock.timestamp(), old),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.port}},
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": ids[0],
            "containerRuntimeVersion": runtime,
            "kernelVersion": config.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": config.version,
            "machineID": ids[1].replace("-", ""),
            "operatingSystem": "linux",
            "osImage": config.os_image,
            "systemUUID": ids[2],
        },
    }


def initial(config: NodeConfig, clock: Clock, *, runtime: str) -> Obj:
    """The Node that a kubelet registers."""
    spec: Obj = {}
    if config.pod_cidr:
        spec |= {"podCIDR": config.pod_cidr, "podCIDRs": [config.pod_cidr]}
    if config.provider_id:
        spec["providerID"] = config.provider_id
    if config.register_with_taints:
        spec["taints"] = [dict(taint) for taint in config.register_with_taints]
    annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true", **config.annotations}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.name, "labels": labels(config), "annotations": annotations},
        "spec": spec,
        "status": status(config, clock, runtime=runtime),
    }


def lease(config: NodeConfig, owner: Obj, now: str) -> Obj:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": config.name,
            "namespace": LEASE_NAMESPACE,
            "ownerReferences": [objects.owner_reference(owner, controller=False)],
        },
        "spec": {"holderIdentity": config.name, "leaseDurationSeconds": LEASE_DURATION_S, "renewTime": now},
    }


def _says_healthy(node: Obj) -> bool:
    """Whether the conditions are still the kubelet's own: others set them to Unknown when they miss its heartbeats."""
    return all((objects.get_condition(node, type) or {}).get("status") == value for type, value, _, _ in _HEALTHY)


class NodeAgent:
    """Registers the node, then renews its lease and its status until cancelled.

    node: the newest known object, None until registered. paused: no more heartbeats, as if the kubelet hung.
    """

    def __init__(self, client: Client, clock: Clock, config: NodeConfig, runtime: Runtime) -> None:
        self._client = client
        self._clock = clock
        self._config = config
        self._runtime = runtime
        self._version = f"{runtime.name}://{runtime.version}"
        self.node: Obj | None = None
        self.paused = False
        self._has_lease = False
        self._reported_s = 0.0
        self._images: list[Obj] = []

    async def run(self) -> None:
        await self._register()
        await self._tick()
        while True:
            await periodic_sleep(RENEW_S)
            if not self.paused:
                await self._tick()

    async def look(self) -> None:
        """Take the node as the API has it now; as it was known if the API does not answer."""
        try:
            self.node = await self._client.get(NODES, self._config.name)
        except (ApiError, Unreachable) as error:
            _log.debug("Failed to get node", extra={"node": self._config.name, "err": str(error)})

    async def _register(self) -> None:
        """Until the server takes the node."""
        import asyncio

        delay_s, longest_s = REGISTER_RETRY_S
        while True:
            try:
                self.node = await self._create_or_adopt()
                return
            except (ApiError, Unreachable) as error:
                _log.debug(
                    "Unable to register node with API server", extra={"node": self._config.name, "err": str(error)}
                )
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, longest_s)

    async def _create_or_adopt(self) -> Obj:
        wanted = initial(self._config, self._clock, runtime=self._version)
        self._reported_s = self._clock.time()
        try:
            return await self._client.create(NODES, wanted)
        except ApiError as error:
            if error.code != 409:
                raise
        name = self._config.name
        found = await self._client.get(NODES, name)
        missing = {key: value for key, value in labels(self._config).items() if objects.labels(found).get(key) != value}
        if missing:
            found = await self._client.patch(NODES, name, {"metadata": {"labels": missing}})
        new = {"status": status(self._config, self._clock, runtime=self._version, old=found)}
        return await self._client.patch(NODES, name, new, subresource="status", type="strategic")

    async def _tick(self) -> None:
        """Renew the lease; write the status if it is time or the images changed. A failure waits for the next tick."""
        try:
            await self._renew()
            await self._report()
        except ApiError as error:
            if error.code == 404:
                self._has_lease = False
            _log.debug("Failed to update lease or node", extra={"node": self._config.name, "err": str(error)})
        except Unreachable:
            return

    async def _renew(self) -> None:
        assert self.node is not None
        now = self._clock.timestamp_micro()
        if not self._has_lease:
            try:
                await self._client.create(LEASES, lease(self._config, self.node, now))
                self._has_lease = True
                return
            except ApiError as error:
                if error.code != 409:
                    raise
                self._has_lease = True
        patch = {"spec": {"holderIdentity": self._config.name, "renewTime": now}}
        await self._client.patch(LEASES, self._config.name, patch, LEASE_NAMESPACE)

    async def _report(self) -> None:
        found = await self._runtime.list_images()
        images = [{"names": [image.ref, *image.tags], "sizeBytes": image.size_bytes} for image in found[:MAX_IMAGES]]
        self.node = await self._client.get(NODES, self._config.name)
        due = self._clock.time() - self._reported_s >= HEARTBEAT_S or not _says_healthy(self.node)
        if not due and images == self._images:
            return
        patch: Obj = {"status": {"images": images}} if images != self._images else {"status": {}}
        if due:
            patch["status"]["conditions"] = conditions(self._clock.timestamp(), self.node)
            self._reported_s = self._clock.time()
        self._images = images
        self.node = await self._client.patch(NODES, self._config.name, patch, subresource="status", type="strategic")
