"""Services: addresses and ports from shared ranges.

Models pkg/registry/core/service/storage (alloc.go).
"""

from typing import TYPE_CHECKING

from kube_nb.apiserver import allocators, boot
from kube_nb.apiserver.allocators import cluster_ips
from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

NODE_PORT_TYPES = ("NodePort", "LoadBalancer")


class Services(Strategy):
    """A cluster IP for every service but headless and external ones; node ports where the type has them."""

    create_on_update = False
    initial_status = {"loadBalancer": {}}  # noqa: RUF012  # never changed

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        """clusterIPs follows clusterIP, and the one family that there is is named. Models NormalizeClusterIPs."""
        obj = super().prepare_for_create(call, obj)
        spec = obj.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return obj
        changes: Obj = {}
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            changes["clusterIPs"] = [spec["clusterIP"]]
        if not spec.get("ipFamilies"):
            changes["ipFamilies"] = ["IPv6" if call.server.ranges.network.version == 6 else "IPv4"]
        if not spec.get("ipFamilyPolicy"):
            changes["ipFamilyPolicy"] = "SingleStack"
        return {**obj, "spec": {**spec, **changes}} if changes else obj

    async def begin_create(self, call: "Call", obj: Obj) -> Obj:
        obj = _allocate(call, obj)
        await _hold(call, obj, [])
        return obj

    def prepare_for_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        return patch_allocated(super().prepare_for_update(call, new, old), old)

    async def begin_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        if (new.get("spec") or {}) == (old.get("spec") or {}):
            return new
        new = _allocate(call, new)
        await _hold(call, new, cluster_ips(old))
        return new

    async def after_update(self, call: "Call", new: Obj, old: Obj) -> None:
        await _release(call, [address for address in cluster_ips(old) if address not in cluster_ips(new)])

    async def abort(self, call: "Call", obj: Obj, old: Obj | None) -> None:
        await _release(call, [ip for ip in cluster_ips(obj) if not call.server.ranges.is_in_use(ip)])

    async def after_delete(self, call: "Call", obj: Obj) -> None:
        await _release(call, cluster_ips(obj))


async def _hold(call: "Call", service: Obj, held: list[str]) -> None:
    """Make objects of the addresses that are new; 422 if somebody was faster, 500 if that address was any."""
    if not call.server.ranges.has_objects:
        return
    name, key = service["metadata"]["name"], f"{service['metadata']['namespace']}/{service['metadata']['name']}"
    for address in cluster_ips(service):
        if address not in held and not await boot.hold_address(call.server, address, key):
            detail = f"failed to allocate IP {address}: provided IP is already allocated"
            fault = errors.FieldError(errors.INVALID, "spec.clusterIPs", [address], detail)
            raise call.resource.invalid(name, [fault])


async def _release(call: "Call", addresses: list[str]) -> None:
    if call.server.ranges.has_objects:
        for address in addresses:
            await boot.release_address(call.server, address)


def patch_allocated(new: Obj, old: Obj) -> Obj:
    """What was allocated and what the client leaves out stays. Models patchAllocatedValues."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    kind, was = spec.get("type", "ClusterIP"), before.get("type", "ClusterIP")
    changes: Obj = {}
    if kind != "ExternalName" and was != "ExternalName" and not spec.get("clusterIP") and before.get("clusterIP"):
        changes["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs"):
            changes["clusterIPs"] = before.get("clusterIPs", [before["clusterIP"]])
    if kind in NODE_PORT_TYPES and was in NODE_PORT_TYPES:
        ports = _ports_kept(spec.get("ports") or [], before.get("ports") or [])
        if ports is not None:
            changes["ports"] = ports
    if kind == "ExternalName":
        spec = {field: value for field, value in spec.items() if not _is_carried_over(field, value, before)}
        changes = {}
    elif kind == "ClusterIP" and was in NODE_PORT_TYPES:
        changes["ports"] = [_without_node_port(port, before.get("ports") or []) for port in spec.get("ports") or []]
    return {**new, "spec": {**spec, **changes}} if changes or spec is not new.get("spec") else new


def _is_carried_over(field: str, value: object, before: Obj) -> bool:
    """What only a cluster IP needs and the client did not set anew. Models dropTypeDependentFields."""
    return field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy") and before.get(field) == value


def _without_node_port(port: Obj, before: list[Obj]) -> Obj:
    """A node port that only was carried over goes when the type no longer has any."""
    if port.get("nodePort") and any(
        _same(port, other) and other.get("nodePort") == port["nodePort"] for other in before
    ):
        return {field: value for field, value in port.items() if field != "nodePort"}
    return port


def _same(port: Obj, other: Obj) -> bool:
    def key(row: Obj) -> tuple[object, object]:
        return row.get("port"), row.get("protocol", "TCP")

    return key(port) == key(other)


def _ports_kept(ports: list[Obj], before: list[Obj]) -> list[Obj] | None:
    kept = []
    for port in ports:
        known = next((other for other in before if _same(port, other) and other.get("nodePort")), None)
        kept.append({**port, "nodePort": known["nodePort"]} if known and not port.get("nodePort") else port)
    return kept if kept != ports else None


def _allocate(call: "Call", obj: Obj) -> Obj:
    """The service with what it lacks of addresses and ports; 422 if what it asks for is taken or out of range."""
    spec = obj.get("spec") or {}
    name, kind = obj["metadata"]["name"], spec.get("type", "ClusterIP")
    owner = f"{obj['metadata']['namespace']}/{name}"
    ranges = call.server.ranges
    faults: list[errors.FieldError] = []
    if kind != "ExternalName" and spec.get("clusterIP") != "None":
        spec = _with_address(ranges, spec, owner, faults)
    if kind in NODE_PORT_TYPES and spec.get("allocateLoadBalancerNodePorts") is not False:
        spec = _with_node_ports(ranges, spec, owner, faults)
    if faults:
        raise call.resource.invalid(name, faults)
    return {**obj, "spec": spec} if spec is not obj.get("spec") else obj


def _with_address(ranges: allocators.Ranges, spec: Obj, owner: str, faults: list[errors.FieldError]) -> Obj:
    wanted = spec.get("clusterIP") or ""
    try:
        address = ranges.take_address(wanted, owner)
    except allocators.Refused as error:
        detail = f"failed to allocate IP {wanted}: {error}" if wanted else f"failed to allocate a serviceIP: {error}"
        if not wanted:
            raise errors.internal_error(detail) from None
        faults.append(errors.FieldError(errors.INVALID, "spec.clusterIPs", [wanted], detail))
        return spec
    if address == wanted and spec.get("clusterIPs"):
        return spec
    return {**spec, "clusterIP": address, "clusterIPs": [address]}


def _with_node_ports(ranges: allocators.Ranges, spec: Obj, owner: str, faults: list[errors.FieldError]) -> Obj:
    ports: list[Obj] = []
    taken: dict[int, int] = {}
    for number, port in enumerate(spec.get("ports") or []):
        wanted = int(port.get("nodePort") or 0)
        try:
            node_port = taken.get(wanted) or _other_port(ranges, wanted, owner, taken)
        except allocators.Refused as error:
            faults.append(errors.FieldError(errors.INVALID, f"spec.ports[{number}].nodePort", wanted, str(error)))
            continue
        taken[node_port] = node_port
        ports.append(port if node_port == wanted else {**port, "nodePort": node_port})
    return {**spec, "ports": ports} if not faults else spec


def _other_port(ranges: allocators.Ranges, wanted: int, owner: str, taken: dict[int, int]) -> int:
    """A port that none of this service's other ports has been given just now."""
    while True:
        port = ranges.take_port(wanted, owner)
        if wanted or port not in taken:
            return port
