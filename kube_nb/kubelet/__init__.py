"""The node agent: makes the pods bound to its node run in a container runtime, and says how they are.

Data flow: pods come from the API (one informer per node) and from a manifest folder (`staticpods`); each has a
`worker`, a small state machine with one task, woken by changes of its pod, of its containers and of its probes, and by
its own deadlines. A worker looks at what there is (`record`), decides by plain functions what to do (`actions`), does
it (`starting`), and says what it sees (`status`, written by `statuses`: one patch per change, none without). Beside the
workers: `node` (registration, heartbeat, lease), `endpoint` (logs, exec, attach, port-forward), `hollow` (thousands of
nodes whose pods only walk through stages given as data).

Guarantees: a pod is started at most once per uid; a container is never restarted before its back-off has passed; a pod
is removed from the API only after its last container has ended; nothing else than the API, the runtime and the clock
is touched, so that any `cri.runtime.Runtime` will do.

Read `worker` first, then `actions` and `status`.
"""

from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.kubelet import Kubelet

__all__ = ["Kubelet", "NodeConfig"]
