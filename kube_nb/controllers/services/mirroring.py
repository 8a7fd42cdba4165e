"""`EndpointSliceMirroringController`: endpoints that somebody wrote by hand, as slices, which is what proxies read.

Models pkg/controller/endpointslicemirroring.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods.control import is_namespace_terminating
from kube_nb.controllers.services.slices import MANAGED_BY, SERVICE_NAME
from kube_nb.controllers.services.trigger_time import ANNOTATION as TRIGGER_TIME
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "endpoint-slice-mirroring-controller"
MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MAX_PER_SUBSET = 1000
MAX_RETRIES = 15

#: (address type, ports as a tuple of rows): what tells one slice from another.
Key = tuple[str, tuple[tuple[tuple[str, Any], ...], ...]]


def slice_endpoints(slice: Obj) -> tuple[str, ...]:
    """The key of the Endpoints that this slice mirrors."""
    labels = objects.labels(slice)
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return ()
    return (f"{objects.namespace(slice)}/{labels[SERVICE_NAME]}",)


def is_mirrored(endpoints: Obj) -> bool:
    """Not if a label says so, nor if they are a leader election's lock. (Of a selector nothing is asked.)"""
    return objects.labels(endpoints).get(SKIP_MIRROR) != "true" and LEADER not in objects.annotations(endpoints)


class EndpointSliceMirroringController:
    """A key is the ``namespace/name`` of Endpoints, which is their service's, too."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(NAME)
        self._endpoints = context.informer(resources.ENDPOINTS)
        self._services = context.informer(resources.SERVICES)
        self._slices = context.informer(resources.ENDPOINT_SLICES)
        self._slices.add_index("mirrored", slice_endpoints)
        #: Slices that we made and the cache has not shown yet: uid -> key.
        self._made: dict[str, str] = {}
        self._controller = Controller(
            NAME, self.reconcile, workers=context.options.workers, clock=context.clock, max_retries=MAX_RETRIES
        )
        self._endpoints.add_handler(self._endpoints_changed, self._endpoints_changed, self._endpoints_changed)
        self._services.add_handler(self._service_came_or_went, self._service_changed, self._service_came_or_went)
        self._slices.add_handler(self._slice_seen, self._slice_seen, self._slice_seen)

    async def run(self) -> None:
        for informer in (self._endpoints, self._services, self._slices):
            await informer.wait_synced()
        await self._controller.run()

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _endpoints_changed(self, *states: Obj) -> None:
        if any(is_mirrored(endpoints) for endpoints in states):
            self._controller.enqueue(states[-1])

    def _service_came_or_went(self, service: Obj) -> None:
        if not _selector(service):
            self._controller.enqueue(service)

    def _service_changed(self, old: Obj, new: Obj) -> None:
        if bool(_selector(old)) != bool(_selector(new)):
            self._controller.enqueue(new)

    def _slice_seen(self, *states: Obj) -> None:
        self._made.pop(objects.uid(states[-1]), None)
        for key in dict.fromkeys(key for slice in states for key in slice_endpoints(slice)):
            self._controller.enqueue(key)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        endpoints, service = self._endpoints.get_key(key), self._services.get_key(key)
        present = [slice for slice in self._slices.by_index("mirrored", key) if not objects.is_deleting(slice)]
        if endpoints is None or not is_mirrored(endpoints) or service is None or _selector(service):
            for slice in present:
                await self._delete(slice)
        elif key not in self._made.values():  # else the cache is behind our own write, whose event brings the key back
            await self._sync(endpoints, present)

    async def _sync(self, endpoints: Obj, present: list[Obj]) -> None:
        wanted = self._wanted(endpoints)
        by_key: dict[Key, list[Obj]] = {}
        for slice in present:
            by_key.setdefault(_key_of(slice["addressType"], slice.get("ports") or []), []).append(slice)
        spare = [slice for key, slices in by_key.items() for slice in slices[1 if key in wanted else 0 :]]
        for key, rows in wanted.items():
            found = by_key.get(key)
            slice = _slice(endpoints, key, rows)
            if found:
                await self._update(found[0], slice)
            elif spare:
                await self._update(spare.pop(0), slice)
            elif not objects.is_deleting(endpoints):
                await self._create(endpoints, slice)
        for slice in spare:
            await self._delete(slice)

    def _wanted(self, endpoints: Obj) -> dict[Key, list[Obj]]:
        """The rows of each slice; addresses that are none and those past the limit are left out, and told."""
        wanted: dict[Key, dict[str, Obj]] = {}
        invalid = skipped = 0
        for subset in endpoints.get("subsets") or ():
            ports = [_port(port) for port in subset.get("ports") or ()]
            addresses = [(row, True) for row in subset.get("addresses") or ()]
            addresses += [(row, False) for row in subset.get("notReadyAddresses") or ()]
            added = 0
            for address, ready in addresses:
                if added >= MAX_PER_SUBSET:
                    break
                if (ip := _ip(address["ip"])) is None:
                    invalid += 1
                    continue
                rows = wanted.setdefault(_key_of(f"IPv{ip.version}", ports), {})
                rows[str(ip)] = _endpoint(str(ip), address, ready)
                added += 1
            skipped += len(addresses) - added
        self._tell(endpoints, invalid, skipped)
        return {key: list(rows.values()) for key, rows in wanted.items()}

    def _tell(self, endpoints: Obj, invalid: int, skipped: int) -> None:
        if invalid:
            text = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
            self._recorder.event(endpoints, "Warning", "InvalidIPAddress", text)
        if skipped > invalid:
            text = f"A max of {MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. "
            text += f"{skipped} addresses were skipped"
            self._recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", text)

    async def _create(self, endpoints: Obj, slice: Obj) -> None:
        name, namespace = objects.name(endpoints), objects.namespace(endpoints)
        made = objects.with_metadata(slice, generateName=f"{name}-", namespace=namespace)
        try:
            created = await self._client.create(resources.ENDPOINT_SLICES, made)
        except ApiError as error:
            if is_namespace_terminating(error):
                return
            raise
        self._made[objects.uid(created)] = objects.key(endpoints)

    async def _update(self, present: Obj, slice: Obj) -> None:
        given = slice["metadata"]
        wanted = objects.with_metadata(
            {**present, **slice, "metadata": present["metadata"]},
            labels=given["labels"],
            annotations=given.get("annotations"),
            ownerReferences=given["ownerReferences"],
        )
        if wanted != {**present, "endpoints": present.get("endpoints") or [], "ports": present.get("ports") or []}:
            await self._client.update(resources.ENDPOINT_SLICES, wanted)

    async def _delete(self, slice: Obj) -> None:
        try:
            await self._client.delete(resources.ENDPOINT_SLICES, objects.name(slice), objects.namespace(slice))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


def _selector(service: Obj) -> Mapping[str, str] | None:
    return (service.get("spec") or {}).get("selector")


def _key_of(family: str, ports: list[Obj]) -> Key:
    return family, tuple(sorted(tuple(sorted(port.items())) for port in ports))


def _port(port: Obj) -> Obj:
    row: Obj = {"name": port.get("name") or "", "port": port["port"], "protocol": port.get("protocol", "TCP")}
    if app_protocol := port.get("appProtocol"):
        row["appProtocol"] = app_protocol
    return row


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _endpoint(ip: str, address: Obj, ready: bool) -> Obj:
    row: Obj = {"addresses": [ip], "conditions": {"ready": ready}}
    return {**row, **{field: address[field] for field in ("hostname", "nodeName", "targetRef") if address.get(field)}}


def _slice(endpoints: Obj, key: Key, rows: list[Obj]) -> Obj:
    """The slice without its name. Models newEndpointSlice."""
    family, ports = key
    ours = (TRIGGER_TIME, LAST_APPLIED)
    annotations = {name: value for name, value in objects.annotations(endpoints).items() if name not in ours}
    owner = {"apiVersion": "v1", "kind": "Endpoints", "metadata": endpoints["metadata"]}
    metadata: Obj = {
        "labels": {**objects.labels(endpoints), SERVICE_NAME: objects.name(endpoints), MANAGED_BY: MANAGER},
        "ownerReferences": [objects.owner_reference(owner)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family,
        "endpoints": rows,
        "ports": [dict(port) for port in ports],
    }
