"""Service, Endpoints and EndpointSlice. Models their rules in core and discovery validation."""

import json
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from kube_nb.api.validation.containers import PROTOCOLS
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.api.validation.pods import is_ip
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_EXTERNAL = ("NodePort", "LoadBalancer")
_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_LONGEST_STICKINESS_S = 86400


def service(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    kind, ports = spec.get("type") or "", items(spec, "ports")
    is_headless = spec.get("clusterIP") == "None"
    if not ports and not is_headless and kind != "ExternalName":
        faults.required("spec.ports")
    if kind == "LoadBalancer":
        _kubelet_port(ports, faults)
    if kind in _EXTERNAL and is_headless:
        faults.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        _external_name(spec, faults)
    _ports(ports, faults)
    faults.labels("spec.selector", spec.get("selector"))
    faults.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    _stickiness(spec, faults)
    _addresses(spec, faults)
    faults.one_of("spec.type", kind, _TYPES)
    _node_ports(ports, kind, faults)
    _repeated_ports(ports, faults)
    _load_balancer(spec, kind, faults)
    _traffic(spec, kind, faults)
    _families(spec, faults)


_KUBELET_PORT = 10250


def _kubelet_port(ports: Sequence[Obj], faults: Faults) -> None:
    for index, port in enumerate(ports):
        if port.get("port") == _KUBELET_PORT:
            detail = f"may not expose port {_KUBELET_PORT} externally since it is used by kubelet"
            faults.invalid(f"spec.ports[{index}]", _KUBELET_PORT, detail)


def _external_name(spec: Obj, faults: Faults) -> None:
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            faults.forbidden(f"spec.{field}", "may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        faults.required("spec.externalName")
    else:
        faults.check("spec.externalName", name, names.is_dns1123_subdomain)


def _ports(ports: Sequence[Obj], faults: Faults) -> None:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"spec.ports[{index}]"
        _port_name(port.get("name") or "", len(ports), here, seen, faults)
        faults.port_number(f"{here}.port", port.get("port", 0))
        faults.one_of(f"{here}.protocol", port.get("protocol"), PROTOCOLS)
        faults.port(f"{here}.targetPort", port.get("targetPort", 0))
        if port.get("appProtocol") is not None:
            faults.check(f"{here}.appProtocol", port["appProtocol"], names.is_qualified_name)


def _node_ports(ports: Sequence[Obj], kind: str, faults: Faults) -> None:
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        here, number = f"spec.ports[{index}].nodePort", port.get("nodePort")
        if not number:
            continue
        if kind == "ClusterIP":
            faults.forbidden(here, "may not be used when `type` is 'ClusterIP'")
        key = (port.get("protocol", ""), number)
        if key in seen:
            faults.duplicate(here, number)
        seen.add(key)


def _repeated_ports(ports: Sequence[Obj], faults: Faults) -> None:
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("port", 0))
        if key in seen:
            faults.duplicate(f"spec.ports[{index}]", _bare_port(*key))
        seen.add(key)


def _bare_port(protocol: str, number: int) -> Obj:
    """A ServicePort with nothing but these two, as Go's internal type prints."""
    bare: Obj = json.loads('{"Name":"","Protocol":"","AppProtocol":null,"Port":0,"TargetPort":0,"NodePort":0}')
    return {**bare, "Protocol": protocol, "Port": number}


def _port_name(name: str, count: int, path: str, seen: set[str], faults: Faults) -> None:
    if not name:
        if count > 1:
            faults.required(f"{path}.name")
        return
    faults.check(f"{path}.name", name, names.is_dns1123_label)
    if name in seen:
        faults.duplicate(f"{path}.name", name)
    seen.add(name)


def _stickiness(spec: Obj, faults: Faults) -> None:
    config, path = spec.get("sessionAffinityConfig"), "spec.sessionAffinityConfig"
    if spec.get("sessionAffinity") == "ClientIP":
        seconds = section(config, "clientIP").get("timeoutSeconds")
        if seconds is None:
            missing = path if config is None else f"{path}.clientIP"
            missing += "" if section(config, "clientIP") == {} else ".timeoutSeconds"
            faults.required(missing, "when session affinity type is ClientIP")
        elif not 0 < seconds <= _LONGEST_STICKINESS_S:
            detail = f"must be greater than 0 and less than {_LONGEST_STICKINESS_S}"
            faults.invalid(f"{path}.clientIP.timeoutSeconds", seconds, detail)
    elif config is not None:
        faults.forbidden(path, "must not be set when session affinity is None")


def _addresses(spec: Obj, faults: Faults) -> None:
    given = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    for index, address in enumerate(given):
        if address != "None" and not is_ip(address):
            faults.invalid(f"spec.clusterIPs[{index}]", address, _IP)
    if given and spec.get("clusterIP") not in (None, given[0]):
        faults.invalid("spec.clusterIPs", given, "first value must match `clusterIP`")
    for index, address in enumerate(spec.get("externalIPs") or ()):
        if not is_ip(address):
            faults.invalid(f"spec.externalIPs[{index}]", address, _IP)
        elif ip_address(address).is_loopback or ip_address(address).is_unspecified:
            kind = "loopback" if ip_address(address).is_loopback else "unspecified"
            ranges = {"loopback": "may not be in the loopback range (127.0.0.0/8, ::1/128)"}
            faults.invalid(f"spec.externalIPs[{index}]", address, ranges.get(kind, "may not be unspecified (0.0.0.0)"))


def _load_balancer(spec: Obj, kind: str, faults: Faults) -> None:
    only = "may only be used when `type` is 'LoadBalancer'"
    ranges = spec.get("loadBalancerSourceRanges") or ()
    if ranges and kind != "LoadBalancer":
        faults.forbidden("spec.LoadBalancerSourceRanges", only)
    for index, each in enumerate(ranges):
        if not is_cidr(each.strip()):
            faults.invalid(
                f"spec.LoadBalancerSourceRanges[{index}]",
                each,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            )
    for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
        if spec.get(field) is not None and kind != "LoadBalancer":
            faults.forbidden(f"spec.{field}", only)


def is_cidr(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _traffic(spec: Obj, kind: str, faults: Faults) -> None:
    external, internal = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    is_external = kind in _EXTERNAL or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if external and not is_external:
        detail = "may only be set for externally-accessible services"
        faults.invalid("spec.externalTrafficPolicy", external, detail)
    elif external not in (None, "Cluster", "Local"):
        faults.unsupported("spec.externalTrafficPolicy", external, ("Cluster", "Local"))
    elif kind in _EXTERNAL and not external:
        faults.required("spec.externalTrafficPolicy")
    if internal not in (None, "Cluster", "Local"):
        faults.unsupported("spec.internalTrafficPolicy", internal, ("Cluster", "Local"))
    elif internal is None and kind in ("ClusterIP", *_EXTERNAL):
        faults.required("spec.internalTrafficPolicy")
    if spec.get("healthCheckNodePort", 0) < 0:
        faults.invalid(
            "spec.healthCheckNodePort", spec["healthCheckNodePort"], "must be between 0 and 65535, inclusive"
        )
    distribution = spec.get("trafficDistribution")
    if distribution not in (None, "PreferClose", "PreferSameZone", "PreferSameNode"):
        supported = ("PreferClose", "PreferSameNode", "PreferSameZone")
        faults.unsupported("spec.trafficDistribution", distribution, supported)


def _families(spec: Obj, faults: Faults) -> None:
    policy = spec.get("ipFamilyPolicy")
    supported = ("SingleStack", "PreferDualStack", "RequireDualStack")
    if policy is not None and policy not in supported:
        faults.invalid("spec.ipFamilyPolicy", policy, "must be one of " + ", ".join(supported))
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        if family not in ("IPv4", "IPv6"):
            faults.unsupported(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))


def service_update(new: Obj, old: Obj, faults: Faults) -> None:
    """The cluster address stays, unless the service becomes or stops being an ExternalName."""
    now, then = section(new, "spec"), section(old, "spec")
    if "ExternalName" in (now.get("type"), then.get("type")):
        return
    address, before = now.get("clusterIP"), then.get("clusterIP")
    if not before or address == before:
        return
    if not address:
        faults.invalid("spec.clusterIPs[0]", [], "primary clusterIP can not be unset")
    else:
        faults.invalid("spec.clusterIPs[0]", now.get("clusterIPs") or [address], "may not change once set")


def endpoints(obj: Obj, faults: Faults, old: Obj | None) -> None:
    for index, subset in enumerate(items(obj, "subsets")):
        here = f"subsets[{index}]"
        ready, others = items(subset, "addresses"), items(subset, "notReadyAddresses")
        if not ready and not others:
            faults.required(here, "must specify `addresses` or `notReadyAddresses`")
        for field, addresses in (("addresses", ready), ("notReadyAddresses", others)):
            for position, address in enumerate(addresses):
                _endpoint_address(address, f"{here}.{field}[{position}]", faults)
        ports = items(subset, "ports")
        for position, port in enumerate(ports):
            where = f"{here}.ports[{position}]"
            if not port.get("name") and len(ports) > 1:
                faults.required(f"{where}.name")
            faults.port_number(f"{where}.port", port.get("port", 0))
            faults.one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)


def _endpoint_address(address: Obj, path: str, faults: Faults) -> None:
    ip = address.get("ip") or ""
    if not is_ip(ip):
        faults.invalid(f"{path}.ip", ip, _IP)
    else:
        endpoint_ip(f"{path}.ip", ip, faults)
    if address.get("hostname"):
        faults.check(f"{path}.hostname", address["hostname"], names.is_dns1123_label)


def endpoint_ip(path: str, ip: str, faults: Faults) -> None:
    """Addresses that can be no endpoint. Models ValidateEndpointIP."""
    address = ip_address(ip)
    if address.is_unspecified:
        faults.invalid(path, ip, f"may not be unspecified ({ip})")
    elif address.is_loopback:
        faults.invalid(path, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
    elif address.is_link_local:
        faults.invalid(path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    elif address.is_multicast:
        faults.invalid(path, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")


def endpoint_slice(obj: Obj, faults: Faults, old: Obj | None) -> None:
    family = obj.get("addressType") or ""
    supported = ("FQDN", "IPv4", "IPv6")
    faults.one_of("addressType", family, supported)
    found = items(obj, "endpoints")
    if len(found) > 1000:
        faults.too_many("endpoints", len(found), 1000)
    for index, endpoint in enumerate(found):
        _slice_endpoint(endpoint, family, f"endpoints[{index}]", faults)
    _slice_ports(items(obj, "ports"), faults)


def _slice_endpoint(endpoint: Obj, family: str, path: str, faults: Faults) -> None:
    addresses = endpoint.get("addresses") or ()
    if not addresses:
        faults.required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > 100:
        faults.too_many(f"{path}.addresses", len(addresses), 100)
    for index, address in enumerate(addresses):
        here = f"{path}.addresses[{index}]"
        if family == "FQDN":
            faults.check(here, address, names.is_dns1123_subdomain)
        elif not is_ip(address) or f"IPv{ip_address(address).version}" != family:
            faults.invalid(here, address, f"must be a valid {family} address")
        else:
            endpoint_ip(here, address, faults)
    if endpoint.get("nodeName") is not None:
        faults.check(f"{path}.nodeName", endpoint["nodeName"], names.is_dns1123_subdomain)
    if endpoint.get("hostname") is not None:
        faults.check(f"{path}.hostname", endpoint["hostname"], names.is_dns1123_label)


def _slice_ports(ports: Sequence[Obj], faults: Faults) -> None:
    if len(ports) > 20000:
        faults.too_many("ports", len(ports), 20000)
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here, name = f"ports[{index}]", port.get("name") or ""
        if name:
            faults.check(f"{here}.name", name, names.is_dns1123_label)
        if name in seen:
            faults.duplicate(f"{here}.name", name)
        seen.add(name)
        if port.get("port") is not None and not 0 <= port["port"] <= 65535:
            faults.invalid(f"{here}.port", port["port"], "must be between 1 and 65535, inclusive")
        faults.one_of(f"{here}.protocol", port.get("protocol"), PROTOCOLS)


def endpoint_slice_update(new: Obj, old: Obj, faults: Faults) -> None:
    faults.immutable("addressType", new.get("addressType"), old.get("addressType"))
