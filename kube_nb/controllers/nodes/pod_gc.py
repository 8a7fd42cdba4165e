"""`PodGarbageCollector`: removes pods that nobody will ever finish or look at.

Every 20 s: finished pods beyond the threshold (the oldest first), pods bound to nodes that are gone, deleted pods that
were never scheduled, and deleted pods of nodes that are out of service. Models pkg/controller/podgc/gc_controller.go.
"""

import logging

from kube_nb.api import resources
from kube_nb.client import errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.nodes import disruption, health, taints
from kube_nb.controllers.pods import state
from kube_nb.machinery import cause, clock, objects
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)
NAME = "pod-garbage-collector-controller"
PERIOD_S = 20.0
#: A node that is missing is believed to be gone after so long.
QUARANTINE_S = 40.0


class PodGarbageCollector:
    """Runs by the clock, not by keys."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._threshold = context.options.terminated_pod_gc_threshold
        self._nodes = context.informer(resources.NODES)
        self._pods = indices.by_node(context.informer(resources.PODS))
        self._missing_since: dict[str, float] = {}
        self._deleted_unbound: dict[str, None] = {}
        self._terminal: dict[str, None] = {}
        self._pods.add_handler(self._seen, lambda old, new: self._seen(new), self._gone)

    async def run(self) -> None:
        await self._nodes.wait_synced()
        await self._pods.wait_synced()
        cause.current.set(Cause(NAME))
        while True:
            try:
                await self.collect()
            except (ApiError, errors.Unreachable) as error:
                _log.debug("a round of the pod collector failed", extra={"error": str(error)})
            await clock.periodic_sleep(PERIOD_S)

    def _seen(self, pod: Obj) -> None:
        """Keep the few pods that matter at hand, so that a round does not walk all."""
        key = objects.key(pod)
        unbound = objects.is_deleting(pod) and not state.spec_of(pod).get("nodeName")
        for kept, wanted in ((self._deleted_unbound, unbound), (self._terminal, state.is_terminal(pod))):
            if wanted:
                kept[key] = None
            else:
                kept.pop(key, None)

    def _gone(self, pod: Obj) -> None:
        for kept in (self._deleted_unbound, self._terminal):
            kept.pop(objects.key(pod), None)

    async def collect(self) -> None:
        """One round."""
        await self._collect_terminated()
        await self._collect_out_of_service()
        await self._collect_orphaned()
        for key in list(self._deleted_unbound):
            if (pod := self._pods.get_key(key)) is not None:
                await self._remove(pod)

    async def _collect_terminated(self) -> None:
        surplus = len(self._terminal) - self._threshold
        if self._threshold <= 0 or surplus <= 0:
            return
        found = [pod for key in self._terminal if (pod := self._pods.get_key(key)) is not None]
        found.sort(key=lambda pod: (objects.creation_timestamp(pod), objects.key(pod)))
        for pod in found[:surplus]:
            await self._remove(pod)

    async def _collect_out_of_service(self) -> None:
        for node in self._nodes.list():
            marked = any(row["key"] == taints.OUT_OF_SERVICE for row in taints.of(node))
            if marked and health.ready_status(node) != "True":
                for pod in self._pods.by_index(indices.NODE, objects.name(node)):
                    if objects.is_deleting(pod):
                        await self._remove(pod)

    async def _collect_orphaned(self) -> None:
        now_s = self._clock.time()
        missing = [name for name in self._pods.index_values(indices.NODE) if self._nodes.get(None, name) is None]
        self._missing_since = {name: self._missing_since.get(name, now_s) for name in missing}
        for name in sorted(missing):
            if now_s - self._missing_since[name] >= QUARANTINE_S and await self._is_gone(name):
                for pod in self._pods.by_index(indices.NODE, name):
                    await self._remove(pod, "PodGC: node no longer exists")

    async def _is_gone(self, name: str) -> bool:
        try:
            await self._client.get(resources.NODES, name)
        except ApiError as error:
            return errors.is_not_found(error)
        return False

    async def _remove(self, pod: Obj, message: str = "") -> None:
        """Force the deletion; a pod that has not finished fails first, so that its owner counts it right."""
        name, namespace = objects.name(pod), objects.namespace(pod)
        try:
            if not state.is_terminal(pod):
                await self._fail(pod, message)
            await self._client.delete(resources.PODS, name, namespace, grace_period_s=0)
        except ApiError as error:
            if not errors.is_not_found(error) and not errors.is_conflict(error):
                raise

    async def _fail(self, pod: Obj, message: str) -> None:
        if message:
            stamp = self._clock.timestamp()
            await disruption.mark(self._client, pod, "DeletionByPodGC", message, stamp, phase=state.FAILED)
        else:
            patch = {"metadata": {"uid": objects.uid(pod)}, "status": {"phase": state.FAILED}}
            name, namespace = objects.name(pod), objects.namespace(pod)
            await self._client.patch(resources.PODS, name, patch, namespace, type="strategic", subresource="status")
