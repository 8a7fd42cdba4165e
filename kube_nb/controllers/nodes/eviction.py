"""`TaintEvictionController`: deletes pods that do not tolerate a NoExecute taint of their node, when their time is up.

Models pkg/controller/tainteviction/taint_eviction.go.
"""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.nodes import disruption, taints
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "taint-eviction-controller"
_MESSAGE = "Taint manager: deleting due to NoExecute taint"


class TaintEvictionController:
    """A key is a pod's ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._nodes = context.informer(resources.NODES)
        self._pods = indices.by_node(context.informer(resources.PODS))
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        #: Pods that wait for their eviction: since when (cluster seconds), and the uid that it is meant for.
        self._since: dict[str, tuple[float, str]] = {}
        self._nodes.add_handler(self._node_seen, self._node_changed)
        self._pods.add_handler(self._pod_seen, self._pod_changed, self._pod_gone)

    async def run(self) -> None:
        await self._nodes.wait_synced()
        await self._pods.wait_synced()
        await self._controller.run()

    def _node_seen(self, node: Obj) -> None:
        if taints.no_execute(node):
            self._enqueue_pods(node)

    def _node_changed(self, old: Obj, new: Obj) -> None:
        if taints.no_execute(old) != taints.no_execute(new):
            self._enqueue_pods(new)

    def _enqueue_pods(self, node: Obj) -> None:
        for pod in self._pods.by_index(indices.NODE, objects.name(node)):
            self._controller.enqueue(pod)

    def _pod_seen(self, pod: Obj) -> None:
        name = state.spec_of(pod).get("nodeName")
        node = self._nodes.get(None, name) if name else None
        if node is not None and taints.no_execute(node):
            self._controller.enqueue(pod)

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        before, now = state.spec_of(old), state.spec_of(new)
        moved = before.get("nodeName") != now.get("nodeName")
        if moved or before.get("tolerations") != now.get("tolerations"):
            self._pod_seen(new)

    def _pod_gone(self, pod: Obj) -> None:
        self._since.pop(objects.key(pod), None)

    async def reconcile(self, key: str) -> float | None:
        pod = self._pods.get_key(key)
        node = None if pod is None else self._nodes.get(None, state.spec_of(pod).get("nodeName") or "")
        if pod is None or node is None or objects.is_deleting(pod):
            self._since.pop(key, None)
            return None
        limit_s = taints.tolerated_s(pod, taints.no_execute(node))
        if limit_s is None:
            self._cancel(key, pod)
            return None
        since_s, uid = self._since.setdefault(key, (self._clock.time(), objects.uid(pod)))
        if uid != objects.uid(pod):
            since_s, _ = self._since[key] = (self._clock.time(), objects.uid(pod))
        left_s = since_s + limit_s - self._clock.time()
        if left_s > 0:
            return left_s
        await self._evict(pod)
        self._since.pop(key, None)
        return None

    def _cancel(self, key: str, pod: Obj) -> None:
        if self._since.pop(key, None) is not None:
            self._recorder.event(pod, "Normal", "TaintManagerEviction", f"Cancelling deletion of Pod {key}")

    async def _evict(self, pod: Obj) -> None:
        key = objects.key(pod)
        self._recorder.event(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {key}")
        try:
            await disruption.mark(self._client, pod, "DeletionByTaintManager", _MESSAGE, self._clock.timestamp())
            await self._client.delete(resources.PODS, objects.name(pod), objects.namespace(pod))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise
