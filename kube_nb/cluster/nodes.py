"""The cluster's nodes: their names and addresses, their kubelets, and when all of them are ready."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kube_nb.api import resources
from kube_nb.client import Client, InformerFactory, InKernelTransport
from kube_nb.cluster import manifests
from kube_nb.cri.simulated import SimulatedRuntime
from kube_nb.kubelet import Kubelet, NodeConfig
from kube_nb.kubelet.hollow import HollowNodes
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import NodeEndpoint, User
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

CONTROL_PLANE = "control-plane"
_ROLE = "node-role.kubernetes.io/control-plane"
#: Nodes stand in one network, as the containers of a kind cluster do.
_FIRST_IP = 2
#: Hollow nodes share one identity, as one program stands for all of them.
_HOLLOW = User("system:kube-nb:hollow-nodes", ("system:masters", "system:authenticated"))


class Nodes:
    """Every node that has a kubelet. Hollow nodes share one (`kubelet.hollow`)."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self.kubelets: dict[str, Kubelet] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._runtimes: list[SimulatedRuntime] = []
        self._informers: list[InformerFactory] = []
        origin = engine.origin
        self._away = dict.fromkeys(() if origin is None else origin.away)  # components that somebody stopped
        self.control_plane_ip = self._ip(0)

    # -- life ------------------------------------------------------------------------------------------------------

    async def start_control_plane(self) -> None:
        """Start the first node's kubelet on the static pods of the control plane."""
        config = NodeConfig(
            CONTROL_PLANE,
            self._ip(0),
            labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""},
            register_with_taints=({"key": _ROLE, "effect": "NoSchedule"},),
            pod_cidr=self._pod_cidr(0),
            dns="10.96.0.10",
            version=f"v{self._engine.version}.0",
        )
        self._start(config, self._static_pods())

    async def mark_control_plane(self) -> None:
        """Give the first node its role, which no kubelet may give itself. Models kubeadm's phase mark-control-plane."""
        admin = self._engine.admin
        role = {"metadata": {"labels": {_ROLE: ""}}}
        while True:
            try:
                await admin.patch(resources.NODES, CONTROL_PLANE, role)
                return
            except ApiError as error:
                if error.reason != "NotFound" and error.code < 500:
                    raise  # else its kubelet has not registered it yet, or etcd has no leader yet
            await asyncio.sleep(0.01)

    def stop_component(self, name: str) -> None:
        """Take a static pod's manifest off the control-plane node, as a person would; its kubelet ends the pod."""
        self._known(name)
        self._away[name] = None
        self._set_static_pods()

    def start_component(self, name: str) -> None:
        """Put the manifest back."""
        self._known(name)
        self._away.pop(name, None)
        self._set_static_pods()

    @property
    def components(self) -> list[str]:
        return list(self._flags())

    @property
    def away(self) -> tuple[str, ...]:
        """The components that a fork does without, too; nothing can be forked without etcd and an API server."""
        return tuple(name for name in self._away if name != manifests.APISERVER and not manifests.is_etcd(name))

    def _known(self, name: str) -> None:
        if name not in self._flags():
            raise BadArgument(f'no component "{name}"; the control plane has {", ".join(self._flags())}')

    def _set_static_pods(self) -> None:
        self.kubelets[CONTROL_PLANE].set_static_pods(self._static_pods())

    def _static_pods(self) -> dict[str, Obj]:
        pods = manifests.static_pods(self._engine.version, self._flags())
        return {name: pod for name, pod in pods.items() if name not in self._away}

    async def start_workers(self) -> None:
        for number in range(1, self._engine.options.nodes + 1):
            config = NodeConfig(
                f"node-{number}",
                self._ip(number),
                pod_cidr=self._pod_cidr(number),
                version=f"v{self._engine.version}.0",
            )
            self._start(config, {})
        if self._engine.options.hollow:
            self._start_hollow(self._engine.options.hollow)

    def _start_hollow(self, count: int) -> None:
        """One controller for all nodes that exist in the API only."""
        version = f"v{self._engine.version}.0"
        first = self._engine.options.nodes + 1
        configs = [
            NodeConfig(f"hollow-{number}", self._ip(first + number), labels={"type": "hollow"}, version=version)
            for number in range(1, count + 1)
        ]
        client = Client(InKernelTransport(self._engine.handler, _HOLLOW), field_manager="kubelet")
        informers = InformerFactory(client)
        self._informers.append(informers)
        hollow = HollowNodes(client, informers, self._engine.clock, configs)
        self._running["hollow"] = asyncio.create_task(hollow.run(), name="hollow nodes")

    def _start(self, config: NodeConfig, static_pods: Mapping[str, Obj]) -> None:
        engine = self._engine
        network = engine.network.add_node(config.name, config.ip, config.pod_cidr)
        present = manifests.images(engine.version, self._flags())
        if engine.found is not None:
            config.resumes = True
            present += engine.found.images.get(config.name, [])
        runtime = SimulatedRuntime(engine.clock, network, engine.images, config.name, present=present)
        self._runtimes.append(runtime)
        client = self._client(config.name)
        informers = InformerFactory(client)
        kubelet = Kubelet(client, informers, engine.clock, config, runtime, static_pods=static_pods)
        self.kubelets[config.name] = kubelet
        self._informers.append(informers)
        self._running[config.name] = asyncio.create_task(kubelet.run(), name=f"kubelet {config.name}")

    def _client(self, node: str) -> Client:
        user = User(f"system:node:{node}", ("system:nodes", "system:authenticated"))
        return Client(InKernelTransport(self._engine.handler, user), field_manager="kubelet")

    async def stop(self) -> None:
        """Stop the kubelets, workers first; what ran on a node ends with it."""
        for name in reversed(list(self._running)):
            task = self._running.pop(name)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for runtime in reversed(self._runtimes):
            await runtime.close()
        for informers in self._informers:
            await informers.stop()

    # -- what the others ask ---------------------------------------------------------------------------------------

    def endpoint(self, node: str) -> NodeEndpoint | None:
        """The kubelet's own server, as the API server reaches it; None for a node that has none."""
        kubelet = self.kubelets.get(node)
        return None if kubelet is None else kubelet.endpoint

    async def wait_until_taken_up(self) -> None:
        """Return when every kubelet has told the API of itself and has seen its pods."""
        while not all(kubelet.is_up for kubelet in self.kubelets.values()):
            await asyncio.sleep(0.02)

    async def wait_until_ready(self) -> None:
        """Return when all nodes are Ready and all pods of kube-system run."""
        admin = self._engine.admin
        while True:
            nodes = (await admin.list(resources.NODES)).get("items") or []
            pods = (await admin.list(resources.PODS, "kube-system")).get("items") or []
            expected = len(self.kubelets) + self._engine.options.hollow
            ready = len(nodes) == expected and all(objects.is_condition_true(each, "Ready") for each in nodes)
            if ready and pods and all(objects.is_condition_true(pod, "Ready") for pod in pods):
                return
            await asyncio.sleep(0.02)

    # -- addresses -------------------------------------------------------------------------------------------------

    def _ip(self, number: int) -> str:
        high, low = divmod(number + _FIRST_IP, 254)
        return f"172.18.{high}.{low}"

    @property
    def cluster_cidr(self) -> str:
        """The pods' network: kind's, or one with a /24 for each of thousands of nodes, which contains kind's."""
        small = self._engine.options.nodes + self._engine.options.hollow < 250
        return "10.244.0.0/16" if small else "10.128.0.0/9"

    def _pod_cidr(self, number: int) -> str:
        return f"10.244.{number}.0/24"

    def _etcd_flags(self) -> dict[str, list[str]]:
        """No pod for a store outside, one for a store of our own, one for each of several members."""
        if self._engine.options.store is not None:
            return {}
        if self._engine.members is None:
            return {manifests.ETCD: ["--name=control-plane", "--listen-client-urls=https://127.0.0.1:2379"]}
        members = self._engine.members.founders.values()
        return {m.name: [f"--name={m.name}", f"--listen-client-urls={m.client_urls[0]}"] for m in members}

    def _flags(self) -> dict[str, list[str]]:
        """Every component of the control plane, and its flags."""
        servers = self._engine.options.store or "https://127.0.0.1:2379"
        return {
            **self._etcd_flags(),
            manifests.APISERVER: [
                f"--advertise-address={self.control_plane_ip}",
                f"--etcd-servers={servers}",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--secure-port=6443",
            ],
            manifests.CONTROLLER_MANAGER: [f"--cluster-cidr={self.cluster_cidr}", "--leader-elect=true"],
            manifests.SCHEDULER: ["--leader-elect=true"],
        }
