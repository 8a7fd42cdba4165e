"""`EndpointsController`: one Endpoints object per service with a selector.

Models pkg/controller/endpoint/endpoints_controller.go. Differs: subsets stand in the order of their ports, upstream
orders them by a hash.
"""

from collections.abc import Sequence

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods import state
from kube_nb.controllers.services import ports, selection
from kube_nb.controllers.services.selection import Selection
from kube_nb.controllers.services.trigger_time import ANNOTATION, TriggerTimes
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "endpoint-controller"
MAX_RETRIES = 15
#: More endpoints than this are cut off, which the annotation `OVER_CAPACITY` tells.
CAPACITY = 1000
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
HEADLESS = "service.kubernetes.io/headless"
#: On Endpoints that are no service's: old leader elections used them as locks.
LEADER = "control-plane.alpha.kubernetes.io/leader"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"


class EndpointsController:
    """A key is a service's ``namespace/name``, which is its Endpoints' too."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(NAME)
        self._controller = Controller(
            NAME, self.reconcile, workers=context.options.workers, clock=context.clock, max_retries=MAX_RETRIES
        )
        self._selection = Selection(context, self._controller.enqueue)
        self._endpoints = context.informer(resources.ENDPOINTS)
        self._endpoints.add_handler(on_delete=self._controller.enqueue)
        self._times = TriggerTimes()

    async def run(self) -> None:
        await self._selection.wait_synced()
        await self._endpoints.wait_synced()
        for endpoints in self._endpoints.list():  # those whose service went while nobody looked
            self._controller.enqueue(endpoints)
        await self._controller.run()

    async def reconcile(self, key: str) -> None:
        service = self._selection.services.get_key(key)
        if service is None:
            await self._remove(key)
        elif selection.selector(service):
            await self._sync(service)

    async def _remove(self, key: str) -> None:
        self._times.forget(key)
        present = self._endpoints.get_key(key)
        if present is None or LEADER in objects.annotations(present):
            return
        try:
            await self._client.delete(resources.ENDPOINTS, objects.name(present), objects.namespace(present))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise

    async def _sync(self, service: Obj) -> None:
        pods = self._selection.pods(service)
        subsets, cut = truncated(subsets_of(service, pods))
        moment = self._times.changed(service, pods)
        present = self._endpoints.get_key(objects.key(service))
        wanted = _wanted(service, present, subsets, moment, cut)
        if present is None:
            await self._create(service, wanted)
        elif not _same(present, wanted):
            await self._update(service, wanted)

    async def _create(self, service: Obj, wanted: Obj) -> None:
        try:
            await self._client.create(resources.ENDPOINTS, wanted)
        except ApiError as error:
            if error.code == 403:  # the namespace is going away, or creation is not allowed: nothing more to try
                self._say(service, "create", error)
                return
            raise

    async def _update(self, service: Obj, wanted: Obj) -> None:
        try:
            await self._client.update(resources.ENDPOINTS, wanted)
        except ApiError as error:
            if not errors.is_conflict(error):
                self._say(service, "update", error)
            raise

    def _say(self, service: Obj, what: str, error: ApiError) -> None:
        name = f"{objects.namespace(service)}/{objects.name(service)}"
        message = f"Failed to {what} endpoint {name}: {error}"
        self._recorder.event(service, "Warning", f"FailedTo{what.capitalize()}Endpoint", message)


def _wanted(service: Obj, present: Obj | None, subsets: list[Obj], moment: str | None, cut: bool) -> Obj:
    labels = {**objects.labels(service)}
    labels.pop(HEADLESS, None)
    if selection.is_headless(service):
        labels[HEADLESS] = ""
    labels[MANAGED_BY] = NAME
    annotations = dict(objects.annotations(present)) if present is not None else {}
    annotations.pop(OVER_CAPACITY, None)
    if cut:
        annotations[OVER_CAPACITY] = "truncated"
    if moment is not None:
        annotations[ANNOTATION] = moment
    metadata: Obj = {"name": objects.name(service), "namespace": objects.namespace(service)}
    base: Obj = present or {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    wanted = objects.with_metadata(base, labels=labels, annotations=annotations or None)
    if subsets:
        return {**wanted, "subsets": subsets}
    return {key: value for key, value in wanted.items() if key != "subsets"}


def _same(present: Obj, wanted: Obj) -> bool:
    """Whether there is nothing to write; a new trigger time alone is not worth a write."""
    if (present.get("subsets") or []) != (wanted.get("subsets") or []):
        return False
    if objects.labels(present) != objects.labels(wanted):
        return False
    return (OVER_CAPACITY in objects.annotations(present)) == (OVER_CAPACITY in objects.annotations(wanted))


def subsets_of(service: Obj, pods: Sequence[Obj]) -> list[Obj]:
    """One subset per different set of ports, its addresses sorted.

    ::
        two pods on port 80, one ready -> [{"addresses": [{"ip": ...}], "notReadyAddresses": [...], "ports": [...]}]
    """
    any_state = bool((service.get("spec") or {}).get("publishNotReadyAddresses"))
    family = selection.families(service)[0]
    subsets: dict[tuple[tuple[object, ...], ...], Obj] = {}
    for pod in pods:
        if not selection.is_candidate(pod, include_terminating=any_state):
            continue
        ip = next((each for each in selection.addresses(pod) if selection.family_of(each) == family), None)
        found = ports.endpoint_ports(pod, service, keep_empty_name=False)
        has_ports = bool((service.get("spec") or {}).get("ports"))
        if ip is None or (has_ports and not found):
            continue
        subset = subsets.setdefault(tuple(tuple(row.items()) for row in found), {"ports": list(found)})
        field = "addresses" if any_state or state.is_ready(pod) else "notReadyAddresses"
        subset.setdefault(field, []).append(_address(ip, pod, service))
    return [_ordered(subset) for _, subset in sorted(subsets.items(), key=lambda item: repr(item[0]))]


def _address(ip: str, pod: Obj, service: Obj) -> Obj:
    address: Obj = {"ip": ip}
    if name := selection.hostname(pod, service):
        address["hostname"] = name
    if node := state.spec_of(pod).get("nodeName"):
        address["nodeName"] = node
    address["targetRef"] = selection.target(pod)
    return address


def _ordered(subset: Obj) -> Obj:
    ordered: Obj = {}
    for field in ("addresses", "notReadyAddresses"):
        if rows := subset.get(field):
            ordered[field] = sorted(rows, key=lambda row: (row["ip"], row["targetRef"]["uid"]))
    if subset["ports"]:
        ordered["ports"] = subset["ports"]
    return ordered


def truncated(subsets: list[Obj]) -> tuple[list[Obj], bool]:
    """(at most `CAPACITY` addresses, ready ones before others, whether some were cut off)."""
    sizes = [len(subset.get(field, ())) for subset in subsets for field in ("addresses", "notReadyAddresses")]
    if sum(sizes) <= CAPACITY:
        return subsets, False
    room = CAPACITY
    kept = [{**subset} for subset in subsets]
    for field in ("addresses", "notReadyAddresses"):
        for subset in kept:
            rows = subset.pop(field, [])[:room]
            room -= len(rows)
            if rows:
                subset[field] = rows
    return [subset for subset in kept if "addresses" in subset or "notReadyAddresses" in subset], True
