"""`NodeTtlController`: tells kubelets how long they may cache what they read, by the size of the cluster.

Models pkg/controller/ttl/ttl_controller.go.
"""

from typing import NamedTuple

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "ttl-controller"
ANNOTATION = "node.alpha.kubernetes.io/ttl"


class Step(NamedTuple):
    """The cluster stays at this step while it has from `least` to `most` nodes; the steps overlap on purpose."""

    least: int
    most: float
    ttl_s: int


_STEPS = (
    Step(0, 100, 0),
    Step(90, 500, 15),
    Step(450, 1000, 30),
    Step(900, 2000, 60),
    Step(1800, float("inf"), 300),
)


class NodeTtlController:
    """A key is a node."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._step = 0
        self._nodes = context.informer(resources.NODES)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._nodes.add_handler(self._node_added, lambda old, new: self._controller.enqueue(new), self._node_gone)

    async def run(self) -> None:
        await self._nodes.wait_synced()
        await self._controller.run()

    def _node_added(self, node: Obj) -> None:
        self._controller.enqueue(node)
        self._resized()

    def _node_gone(self, node: Obj) -> None:
        self._resized()

    def _resized(self) -> None:
        """Look at all nodes only when the step changes."""
        before, size = self._step, len(self._nodes)
        while size > _STEPS[self._step].most:
            self._step += 1
        while size < _STEPS[self._step].least:
            self._step -= 1
        if self._step != before:
            for node in self._nodes.list():
                self._controller.enqueue(node)

    async def reconcile(self, key: str) -> None:
        node, ttl = self._nodes.get_key(key), str(_STEPS[self._step].ttl_s)
        if node is None or objects.annotations(node).get(ANNOTATION) == ttl:
            return
        try:
            await self._client.patch(resources.NODES, key, {"metadata": {"annotations": {ANNOTATION: ttl}}})
        except ApiError as error:
            if not errors.is_not_found(error):
                raise
