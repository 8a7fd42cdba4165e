"""`HollowNodes`: any number of nodes that exist in the API only, whose pods walk through `stages`.

One controller for all of them: one pod informer, one queue ordered by due time, one task that writes. A pod costs a
few microseconds beyond its writes; a node costs its object and a lease. Models kubernetes-sigs/kwok.
Differs: leases are renewed each 30 s instead of 10 s; logs, exec and port-forward are not there.
"""

import asyncio
import heapq
import ipaddress
import logging
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kube_nb.api.resources import LEASES, NODES, PODS
from kube_nb.client import Client, EventRecorder, InformerFactory, Unreachable
from kube_nb.kubelet import node as nodes
from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.stages import Scope, Stage, choose, load
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Clock, periodic_sleep
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: Below the node lifecycle controller's grace period of 50 s.
RENEW_S = 30.0
#: After so many writes the loop's other tasks have their turn.
WRITES_AT_ONCE = 50
RETRY_S = 1.0
RUNTIME = "hollow://1.0.0"
#: Where pods of nodes without a range of their own get their addresses.
SHARED_CIDR = "10.128.0.0/9"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Node:
    config: NodeConfig
    addresses: Iterator[str]
    node: Obj | None = None
    silent: bool = False
    free: list[str] = field(default_factory=list)

    def address(self, taken: Container[str]) -> str:
        """One that was given back, or the next that nobody had before."""
        if self.free:
            return self.free.pop()
        return next(ip for ip in self.addresses if ip not in taken)


def _addresses(cidr: str) -> Iterator[str]:
    network = ipaddress.ip_network(cidr)
    first = int(network.network_address)
    for number in range(first + 2, first + network.num_addresses - 1):
        yield str(ipaddress.ip_address(number))
    while True:
        yield ""  # more pods than addresses: the rest have none


class HollowNodes:
    """Runs until cancelled. informers: of the same client; all pods are watched, those of others cost a look-up."""

    def __init__(
        self,
        client: Client,
        informers: InformerFactory,
        clock: Clock,
        configs: Sequence[NodeConfig],
        *,
        stages: Sequence[Stage] | None = None,
    ) -> None:
        self._client = client
        self._informers = informers
        self._clock = clock
        self._stages = tuple(stages) if stages is not None else load("pod-fast")
        self._stream = clock.stream("hollow")
        anywhere = _addresses(SHARED_CIDR)
        self._nodes = {
            config.name: _Node(config, _addresses(config.pod_cidr) if config.pod_cidr else anywhere)
            for config in configs
        }
        self._recorder = EventRecorder(client, "hollow", clock)
        self._ips: dict[str, tuple[str, str]] = {}
        self._found: dict[str, None] = {}  # addresses that pods had from the start
        self._planned: dict[str, Stage] = {}
        self._due: list[tuple[float, int, str, Stage]] = []
        self._ready: deque[tuple[str, Stage]] = deque()
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self.writes = 0

    # -- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        await self._register(self._nodes.values())
        pods = self._informers.informer(PODS)
        told = pods.add_handler(self._changed, lambda old, new: self._changed(new), self._gone)
        renewing = asyncio.get_running_loop().create_task(self._renew())
        try:
            await self._informers.start()
            while True:
                await self._work.wait()
                self._work.clear()
                await self._carry_out()
        finally:
            pods.remove_handler(told)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            if self._timer is not None:
                self._timer.cancel()
            await self._recorder.stop()

    def silence(self, name: str, silent: bool = True) -> None:
        """The node's lease is renewed no more, and its pods stand still; or go on."""
        self._nodes[name].silent = silent

    async def _register(self, wanted: Iterable[_Node]) -> None:
        for count, hollow in enumerate(wanted):
            made = nodes.initial(hollow.config, self._clock, runtime=RUNTIME)
            hollow.node = await self._patiently_create(made)
            lease = nodes.lease(hollow.config, hollow.node, self._clock.timestamp_micro())
            await self._patiently_create(lease)
            if count % WRITES_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _patiently_create(self, obj: Obj) -> Obj:
        gvr = NODES if obj["kind"] == "Node" else LEASES
        while True:
            try:
                return await self._client.create(gvr, obj)
            except ApiError as error:
                if error.code == 409:
                    return await self._client.get(gvr, objects.name(obj), objects.namespace(obj) or None)
                if error.code < 500 and error.code != 404:
                    raise
            except Unreachable:
                pass
            await asyncio.sleep(RETRY_S)

    async def _renew(self) -> None:
        """All leases, one after another."""
        while True:
            await periodic_sleep(RENEW_S)
            patch = {"spec": {"renewTime": self._clock.timestamp_micro()}}
            for count, (name, hollow) in enumerate(self._nodes.items()):
                if hollow.silent:
                    continue
                try:
                    await self._client.patch(LEASES, name, patch, nodes.LEASE_NAMESPACE)
                except (ApiError, Unreachable) as error:
                    _log.debug("Failed to update lease", extra={"node": name, "err": str(error)})
                if count % WRITES_AT_ONCE == 0:
                    await asyncio.sleep(0)

    # -- pods ----------------------------------------------------------------------------------------------------

    def _changed(self, pod: Obj) -> None:
        """Plan the stage that the pod is in front of, unless it is planned already."""
        if pod["spec"].get("nodeName") not in self._nodes:
            return
        key = objects.key(pod)
        self._adopt(key, pod)
        stage = choose(self._stages, pod, self._stream)
        if stage is None or self._planned.get(key) is stage:
            if stage is None:
                self._planned.pop(key, None)
            return
        self._planned[key] = stage
        after_s = stage.after_s(self._stream)
        if after_s <= 0:
            self._ready.append((key, stage))
            self._work.set()
            return
        self._number += 1
        heapq.heappush(self._due, (self._clock.time() + after_s, self._number, key, stage))
        self._arm()

    def _adopt(self, key: str, pod: Obj) -> None:
        """A pod that had its address before this controller was there keeps it."""
        ip = (pod.get("status") or {}).get("podIP")
        if ip and key not in self._ips and not pod["spec"].get("hostNetwork"):
            self._ips[key] = pod["spec"]["nodeName"], ip
            self._found[ip] = None

    def _gone(self, pod: Obj) -> None:
        key = objects.key(pod)
        self._planned.pop(key, None)
        node, ip = self._ips.pop(key, ("", ""))
        if ip:
            self._nodes[node].free.append(ip)

    def _arm(self) -> None:
        when_s = self._due[0][0]
        if self._timer is None or self._timer.when() > when_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(when_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now_s = self._clock.time()
        while self._due and self._due[0][0] <= now_s:
            _, _, key, stage = heapq.heappop(self._due)
            self._ready.append((key, stage))
        if self._due:
            self._arm()
        self._work.set()

    async def _carry_out(self) -> None:
        pods = self._informers.informer(PODS)
        count = 0
        while self._ready:
            key, stage = self._ready.popleft()
            pod = pods.get_key(key)
            if pod is None or self._planned.get(key) is not stage or self._nodes[pod["spec"]["nodeName"]].silent:
                continue
            try:
                await self._apply(key, pod, stage)
            except ApiError as error:
                _log.debug("stage failed", extra={"pod": key, "stage": stage.name, "err": str(error)})
                self._planned.pop(key, None)
            except Unreachable:
                self._ready.appendleft((key, stage))
                await asyncio.sleep(RETRY_S)
            count += 1
            if count % WRITES_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _apply(self, key: str, pod: Obj, stage: Stage) -> None:
        meta = pod["metadata"]
        self.writes += 1
        if stage.event:
            kind: Literal["Normal", "Warning"] = "Warning" if stage.event.get("type") == "Warning" else "Normal"
            self._recorder.event(pod, kind, stage.event["reason"], stage.event["message"])
        if stage.delete:
            await self._client.delete(PODS, meta["name"], meta["namespace"], grace_period_s=0, uid=meta["uid"])
        elif stage.status is not None:
            patch = {"status": stage.status(self._scope(key, pod), pod)}
            await self._client.patch(PODS, meta["name"], patch, meta["namespace"], subresource="status")

    def _scope(self, key: str, pod: Obj) -> Scope:
        hollow = self._nodes[pod["spec"]["nodeName"]]
        if pod["spec"].get("hostNetwork"):
            ip = hollow.config.ip
        elif key in self._ips:
            ip = self._ips[key][1]
        else:
            ip = hollow.address(self._found)
            self._ips[key] = hollow.config.name, ip
        now = self._clock.timestamp()
        return {
            "$now": now,
            "$podIP": ip,
            "$hostIP": hollow.config.ip,
            "$startTime": (pod.get("status") or {}).get("startTime") or now,
        }
