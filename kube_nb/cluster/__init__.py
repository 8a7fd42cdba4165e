"""The wiring: store, apiserver, components in pods, nodes, time, and the `Cluster` facade over all of it.

`cluster.Cluster` is what a notebook or a script holds; it hands every call to the loop through a `driver`; `options`
are what it is made of, `asynctwin` is its face for cells that await. On that loop lives an `engine.Engine`: it holds
what outlives pods (the store's data, the network, the nodes) and starts kubelets (`nodes`), which start the control
plane from `manifests` as static pods; `components` are the programs in them, `scheduling` what the scheduler is made
of. `forking` makes a second cluster out of a moment of the first; `found` is what a cluster takes up from a store that
was filled before, `past` shows what was, `timeline` what happened, `members` who keeps the store, and `chronicle` knows
when each revision was made. `serving` opens a door for real clients, `pki` and `kubeconfig` make their credentials,
`cli` is ``kube-nb``.
"""

from kube_nb.cluster.cluster import STREAM_LIMIT_S, Cluster, scheduler_plugin
from kube_nb.etcd.errors import EtcdError

__all__ = ["STREAM_LIMIT_S", "Cluster", "EtcdError", "scheduler_plugin"]
