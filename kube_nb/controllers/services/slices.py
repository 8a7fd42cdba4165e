"""`EndpointSliceController`: a service's endpoints in slices of at most a hundred.

Models pkg/controller/endpointslice and staging/src/k8s.io/endpointslice/reconciler.go. Differs: no topology hints;
an empty slice has ``endpoints: []`` where upstream's storage makes it null; a pod that is not where it says (its node
is unknown) is left out without a retry, the node's arrival brings it in.
"""

from collections.abc import Sequence

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods import state
from kube_nb.controllers.services import packing, ports, selection
from kube_nb.controllers.services.packing import Group
from kube_nb.controllers.services.selection import Selection
from kube_nb.controllers.services.trigger_time import ANNOTATION, TriggerTimes
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "endpoint-slice-controller"
COMPONENT = "endpoint-slice-controller"
MANAGER = "endpointslice-controller.k8s.io"
SERVICE_NAME, MANAGED_BY = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
ZONE = "topology.kubernetes.io/zone"
MAX_RETRIES = 15


def slice_service(slice: Obj) -> tuple[str, ...]:
    """The key of the service whose slice of ours this is."""
    labels = objects.labels(slice)
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return ()
    return (f"{objects.namespace(slice)}/{labels[SERVICE_NAME]}",)


class EndpointSliceController:
    """A key is a service's ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(COMPONENT)
        self._controller = Controller(
            NAME, self.reconcile, workers=context.options.workers, clock=context.clock, max_retries=MAX_RETRIES
        )
        self._selection = Selection(context, self._controller.enqueue)
        self._nodes = context.informer(resources.NODES)
        self._pods = indices.by_node(context.informer(resources.PODS))
        self._slices = context.informer(resources.ENDPOINT_SLICES)
        self._slices.add_index("service", slice_service)
        #: The revision of our last write per slice; an older one in the cache is not looked at.
        self._written: dict[str, int] = {}
        self._slices.add_handler(on_update=self._slice_changed, on_delete=self._slice_gone)
        self._nodes.add_handler(self._node_changed, self._node_updated, self._node_changed)
        self._times = TriggerTimes()

    async def run(self) -> None:
        await self._selection.wait_synced()
        await self._slices.wait_synced()
        await self._nodes.wait_synced()
        await self._controller.run()

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _slice_changed(self, old: Obj, new: Obj) -> None:
        """Somebody else's change is undone; our own is no news."""
        if _revision(new) != self._written.get(objects.uid(new), 0):
            for key in slice_service(old) + slice_service(new):
                self._controller.enqueue(key)

    def _slice_gone(self, slice: Obj) -> None:
        self._written.pop(objects.uid(slice), None)
        for key in slice_service(slice):
            self._controller.enqueue(key)

    def _node_updated(self, old: Obj, new: Obj) -> None:
        if objects.labels(old).get(ZONE) != objects.labels(new).get(ZONE):
            self._node_changed(new)

    def _node_changed(self, node: Obj) -> None:
        for pod in self._pods.by_index(indices.NODE, objects.name(node)):
            for service in indices.selecting(self._selection.services, pod, selection.selects):
                self._controller.enqueue(service)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        service = self._selection.services.get_key(key)
        if service is None:
            self._times.forget(key)
            return  # the garbage collector follows the slices' ownerReferences
        if not selection.selector(service) or objects.is_deleting(service):
            return
        present = [slice for slice in self._slices.by_index("service", key) if not objects.is_deleting(slice)]
        if any(_revision(slice) < self._written.get(objects.uid(slice), 0) for slice in present):
            return  # the cache has not seen our last write: its event brings the key back
        pods = self._selection.pods(service)
        moment = self._times.changed(service, pods)
        for family in selection.families(service):
            mine = [slice for slice in present if slice.get("addressType") == family]
            await self._sync(service, mine, self._groups(service, pods, family), family, moment)
        await self._drop_families(present, selection.families(service))

    def _groups(self, service: Obj, pods: Sequence[Obj], family: str) -> list[Group]:
        """Endpoints by their ports; one empty group if there are none, for a placeholder."""
        groups: dict[tuple[tuple[object, ...], ...], Group] = {}
        for pod in pods:
            endpoint = self._endpoint(service, pod, family)
            if endpoint is not None:
                rows = ports.endpoint_ports(pod, service, keep_empty_name=True)
                group = groups.setdefault(tuple(tuple(row.items()) for row in rows), Group(list(rows), []))
                group.endpoints.append(endpoint)
        found = [group for _, group in sorted(groups.items(), key=lambda item: repr(item[0]))]
        return found or [Group([], [])]

    def _endpoint(self, service: Obj, pod: Obj, family: str) -> Obj | None:
        if not selection.is_candidate(pod, include_terminating=True):
            return None
        ips = [ip for ip in selection.addresses(pod) if selection.family_of(ip) == family]
        node_name = state.spec_of(pod).get("nodeName")
        node = self._nodes.get(None, node_name) if node_name else None
        any_state = bool((service.get("spec") or {}).get("publishNotReadyAddresses"))
        if not ips or (node_name and node is None and not any_state):
            return None
        serving, terminating = state.is_ready(pod), objects.is_deleting(pod)
        ready = any_state or (serving and not terminating)
        endpoint: Obj = {
            "addresses": ips[:1],
            "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        }
        if name := selection.hostname(pod, service):
            endpoint["hostname"] = name
        if node_name:
            endpoint["nodeName"] = node_name
        endpoint["targetRef"] = selection.target(pod)
        if node is not None and (zone := objects.labels(node).get(ZONE)):
            endpoint["zone"] = zone
        return endpoint

    async def _sync(
        self, service: Obj, present: list[Obj], groups: list[Group], family: str, moment: str | None
    ) -> None:
        labels = slice_labels(service)
        plan = packing.plan(present, groups)
        for slice, group in plan.keep:
            wanted = _filled(objects.with_metadata(slice, labels=labels), group)
            if wanted != slice:
                await self._update(service, _stamped(wanted, moment))
        for slice, group in plan.reuse:
            await self._update(service, _stamped(_filled(objects.with_metadata(slice, labels=labels), group), moment))
        for group in plan.create:
            await self._create(service, _stamped(_filled(new_slice(service, labels, family), group), moment))
        for slice in plan.delete:
            await self._delete(slice)

    async def _create(self, service: Obj, slice: Obj) -> None:
        try:
            created = await self._client.create(resources.ENDPOINT_SLICES, slice)
        except ApiError as error:
            if _is_terminating(error):
                return
            self._say(service, "create", error)
            raise
        self._written[objects.uid(created)] = _revision(created)

    async def _update(self, service: Obj, slice: Obj) -> None:
        try:
            updated = await self._client.update(resources.ENDPOINT_SLICES, slice)
        except ApiError as error:
            if not errors.is_conflict(error):
                self._say(service, "update", error)
            raise
        self._written[objects.uid(updated)] = _revision(updated)

    async def _delete(self, slice: Obj) -> None:
        try:
            await self._client.delete(resources.ENDPOINT_SLICES, objects.name(slice), objects.namespace(slice))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise

    async def _drop_families(self, present: list[Obj], families: list[str]) -> None:
        """Slices of an address type that the service no longer has."""
        for slice in present:
            if slice.get("addressType") not in families:
                await self._delete(slice)

    def _say(self, service: Obj, what: str, error: ApiError) -> None:
        message = f"Error updating Endpoint Slices for Service {objects.key(service)}: failed to {what} EndpointSlice"
        message += f" for Service {objects.key(service)}: {error}"
        self._recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message)


def _revision(obj: Obj) -> int:
    text = objects.resource_version(obj)
    return int(text) if text.isdecimal() else 0


def _is_terminating(error: ApiError) -> bool:
    causes = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def slice_labels(service: Obj) -> dict[str, str]:
    """The service's own, and who it is for and from."""
    reserved = (HEADLESS, SERVICE_NAME, MANAGED_BY)
    labels = {key: value for key, value in objects.labels(service).items() if key not in reserved}
    if selection.is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: objects.name(service), MANAGED_BY: MANAGER}


def new_slice(service: Obj, labels: dict[str, str], family: str) -> Obj:
    name = objects.name(service)
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{name}-",
            "namespace": objects.namespace(service),
            "labels": labels,
            "ownerReferences": [objects.owner_reference(service)],
        },
        "addressType": family,
    }


def _filled(slice: Obj, group: Group) -> Obj:
    """The slice with these endpoints and ports."""
    if (slice.get("endpoints") or []) == group.endpoints and (slice.get("ports") or []) == group.ports:
        return {**slice}
    return {**slice, "endpoints": group.endpoints, "ports": group.ports}


def _stamped(slice: Obj, moment: str | None) -> Obj:
    """The slice with the annotation that tells when its change happened."""
    present = {key: value for key, value in objects.annotations(slice).items() if key != ANNOTATION}
    if moment is not None:
        present[ANNOTATION] = moment
    return objects.with_metadata(slice, annotations=present or None)
