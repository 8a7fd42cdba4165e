"""What a controller is given: `Context`; and what can be set: `Options`, with kube-controller-manager's defaults."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kube_nb.client import Client, EventRecorder, Informer, InformerFactory
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj


class Runnable(Protocol):
    """A controller: watches through informers, writes through the client, ends when its task is cancelled."""

    async def run(self) -> None: ...


def _no_ca(request: bytes, usages: Sequence[str], seconds: int) -> bytes:
    raise ValueError("no certificate authority is configured to sign with")


@dataclass(frozen=True)
class Options:
    """Named as the flags of kube-controller-manager.

    root_ca: the PEM text that every namespace gets in its ConfigMap kube-root-ca.crt; "" publishes none.
    sign: makes the certificate (PEM) of a request (PEM) with these usages for so many seconds; ValueError if there is
    no CA to sign with. token: makes the token of an account that a secret holds; None: no secret gets one.
    workers: how many keys each controller reconciles at a time (in the kernel one is as fast as many).
    """

    cluster_cidr: str = "10.244.0.0/16"
    node_cidr_mask_size: int = 24
    root_ca: str = ""
    sign: Callable[[bytes, Sequence[str], int], bytes] = _no_ca
    token: Callable[[Obj, Obj], str] | None = None
    workers: int = 1
    terminated_pod_gc_threshold: int = 12500
    node_monitor_period_s: float = 5.0
    node_monitor_grace_period_s: float = 50.0
    node_startup_grace_period_s: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    large_cluster_size_threshold: int = 50
    unhealthy_zone_threshold: float = 0.55
    discovery_period_s: float = 30.0


@dataclass
class Context:
    """The way to the cluster; one for all controllers of a manager."""

    client: Client
    informers: InformerFactory
    clock: Clock
    options: Options = field(default_factory=Options)

    def informer(self, gvr: GVR) -> Informer:
        """The shared informer of a resource in all namespaces."""
        return self.informers.informer(gvr)

    def recorder(self, component: str) -> EventRecorder:
        """Records events as ``source.component``."""
        return EventRecorder(self.client, component, self.clock)


async def run_all(*parts: Runnable) -> None:
    """Run all of them until cancelled; if one fails, the others end too and its error is raised."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part.run())
