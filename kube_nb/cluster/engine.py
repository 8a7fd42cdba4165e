"""`Engine`: a cluster as it lives on its loop. Everything here runs on that loop; `Cluster` is its face for threads.

What the wiring holds for longer than any pod lives: the store's data, the virtual network, the image registry, the
nodes' kubelets. The control plane itself runs in pods (`components`).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kube_nb import etcdctl, kubectl
from kube_nb.apiserver import ApiServer
from kube_nb.client import Client, InformerFactory, InKernelTransport
from kube_nb.cluster import manifests
from kube_nb.cluster.components import Components, EtcdDoor
from kube_nb.cluster.pki import Authority
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import Handler, User
from kube_nb.machinery.loop import ClusterLoop

ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
CONTROL_PLANE_NODE = "control-plane"


@dataclass(frozen=True, slots=True)
class Options:
    """What a cluster is made of; see `Cluster`."""

    nodes: int = 3
    hollow: int = 0
    version: str | None = None
    plugins: tuple[Any, ...] = ()
