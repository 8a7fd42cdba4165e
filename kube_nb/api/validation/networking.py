"""Ingress, IngressClass, NetworkPolicy, IPAddress, ServiceCIDR. Models pkg/apis/networking/validation."""

from collections.abc import Sequence
from ipaddress import ip_address as parse_ip
from ipaddress import ip_network

from kube_nb.api.validation import selectors
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.api.validation.pods import is_ip
from kube_nb.api.validation.services import is_cidr
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_BAD_AT_END = ("/..", "/.")
_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def ingress(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    rules, backend = items(spec, "rules"), spec.get("defaultBackend")
    if not rules and backend is None:
        faults.invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    if backend is not None:
        _backend(backend, "spec.defaultBackend", faults)
    for index, rule in enumerate(rules):
        _rule(rule, f"spec.rules[{index}]", faults)
    for index, tls in enumerate(items(spec, "tls")):
        for position, host in enumerate(tls.get("hosts") or ()):
            _host(host, f"spec.tls[{index}].hosts[{position}]", faults)
        if tls.get("secretName"):
            faults.check(f"spec.tls[{index}].secretName", tls["secretName"], names.is_dns1123_subdomain)
    if spec.get("ingressClassName") is not None:
        faults.check("spec.ingressClassName", spec["ingressClassName"], names.is_dns1123_subdomain)


def _host(host: str, path: str, faults: Faults) -> None:
    is_wildcard = "*" in host
    faults.check(path, host, names.is_wildcard_dns1123_subdomain if is_wildcard else names.is_dns1123_subdomain)


def _rule(rule: Obj, path: str, faults: Faults) -> None:
    host = rule.get("host") or ""
    if is_ip(host):
        faults.invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
    elif host:
        _host(host, f"{path}.host", faults)
    http = rule.get("http")
    if http is None:
        return
    paths = items(http, "paths")
    if not paths:
        faults.required(f"{path}.http.paths")
    for index, row in enumerate(paths):
        _http_path(row, f"{path}.http.paths[{index}]", faults)


def _http_path(row: Obj, path: str, faults: Faults) -> None:
    kind, where = row.get("pathType"), row.get("path") or ""
    if kind is None:
        faults.required(f"{path}.pathType", "pathType must be specified")
    elif kind not in _PATH_TYPES:
        faults.unsupported(f"{path}.pathType", kind, _PATH_TYPES)
    elif kind == "ImplementationSpecific":
        if where and not where.startswith("/"):
            faults.invalid(f"{path}.path", where, "must be an absolute path")
    else:
        if not where.startswith("/"):
            faults.invalid(f"{path}.path", where, "must be an absolute path")
        for bad in _BAD_IN_PATH:
            if bad in where:
                faults.invalid(f"{path}.path", where, f"must not contain '{bad}'")
        for bad in _BAD_AT_END:
            if where.endswith(bad):
                faults.invalid(f"{path}.path", where, f"cannot end with '{bad}'")
    _backend(section(row, "backend"), f"{path}.backend", faults)


def _backend(backend: Obj, path: str, faults: Faults) -> None:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        faults.invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        for field in ("kind", "name"):
            if not resource.get(field):
                faults.required(f"{path}.resource.{field}")
    elif service is None:
        faults.required(path, "resource or service backend is required")
    else:
        _service_backend(service, f"{path}.service", faults)


def _service_backend(service: Obj, path: str, faults: Faults) -> None:
    faults.name(f"{path}.name", service.get("name"), names.is_dns1035_label)
    port = section(service, "port")
    name, number = port.get("name"), port.get("number")
    if name and number:
        faults.invalid(path, "", "cannot set both port name & port number")
    elif name:
        faults.check(f"{path}.port.name", name, names.is_port_name)
    elif number:
        faults.port_number(f"{path}.port.number", number)
    else:
        faults.required(path, "port name or number is required")


def ingress_class(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    controller = spec.get("controller") or ""
    if not controller:
        faults.required("spec.controller")
    elif len(controller) > 250:
        faults.too_long("spec.controller", 250)
    elif (
        names.is_qualified_name(controller.replace("/", "-", max(0, controller.count("/") - 1)))
        or "/" not in controller
    ):
        faults.invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
    parameters = spec.get("parameters")
    if parameters is not None:
        for field in ("kind", "name"):
            if not parameters.get(field):
                faults.required(f"spec.parameters.{field}", f"{field} is required")
        if parameters.get("scope") not in ("Cluster", "Namespace"):
            faults.unsupported("spec.parameters.scope", parameters.get("scope") or "", ("Cluster", "Namespace"))


def ingress_class_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec").get("controller"), section(old, "spec").get("controller")
    faults.immutable("spec.controller", now, then)


def network_policy(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    selectors.label_selector(spec.get("podSelector"), "spec.podSelector", faults)
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(items(spec, direction)):
            here = f"spec.{direction}[{index}]"
            _policy_ports(items(rule, "ports"), f"{here}.ports", faults)
            for position, peer in enumerate(items(rule, peers)):
                _peer(peer, f"{here}.{peers}[{position}]", faults)
    types = spec.get("policyTypes") or ()
    if len(types) > 2:
        faults.invalid("spec.policyTypes", list(types), "may not specify more than two policyTypes")
    for index, kind in enumerate(types):
        if kind not in ("Egress", "Ingress"):
            faults.unsupported(f"spec.policyTypes[{index}]", kind, ("Egress", "Ingress"))


def _policy_ports(ports: Sequence[Obj], path: str, faults: Faults) -> None:
    for index, row in enumerate(ports):
        here, port, end = f"{path}[{index}]", row.get("port"), row.get("endPort")
        if row.get("protocol") not in (None, "SCTP", "TCP", "UDP"):
            faults.unsupported(f"{here}.protocol", row["protocol"], ("SCTP", "TCP", "UDP"))
        if port is not None:
            faults.port(f"{here}.port", port)
        if end is None:
            continue
        if port is None:
            faults.required(f"{here}.port", "may not be specified when `endPort` is specified")
        elif isinstance(port, str):
            faults.invalid(f"{here}.endPort", end, "may not be specified when `port` is non-numeric")
        elif end < port:
            faults.invalid(f"{here}.endPort", end, "must be greater than or equal to `port`")
        faults.port_number(f"{here}.endPort", end)


def _peer(peer: Obj, path: str, faults: Faults) -> None:
    given = [field for field in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(field) is not None]
    for field in ("podSelector", "namespaceSelector"):
        selectors.label_selector(peer.get(field), f"{path}.{field}", faults)
    if not given:
        faults.required(path, "must specify a peer")
    elif "ipBlock" in given and len(given) > 1:
        faults.forbidden(path, "may not specify both ipBlock and another peer")
    if "ipBlock" in given:
        _ip_block(peer["ipBlock"], f"{path}.ipBlock", faults)


def _ip_block(block: Obj, path: str, faults: Faults) -> None:
    cidr = block.get("cidr") or ""
    if not cidr:
        faults.required(f"{path}.cidr")
        return
    if not is_cidr(cidr):
        faults.invalid(f"{path}.cidr", cidr, _CIDR)
        return
    for index, excluded in enumerate(block.get("except") or ()):
        here = f"{path}.except[{index}]"
        if not is_cidr(excluded):
            faults.invalid(here, excluded, _CIDR)
        elif not _is_inside(excluded, cidr):
            faults.invalid(here, excluded, "must be a strict subset of `cidr`")


def _is_inside(inner: str, outer: str) -> bool:
    small, large = ip_network(inner, strict=False), ip_network(outer, strict=False)
    if small.version != large.version:
        return False
    return small.prefixlen > large.prefixlen and small.network_address in large


def ip_address(obj: Obj, faults: Faults, old: Obj | None) -> None:
    name = section(obj, "metadata").get("name") or ""
    if not is_ip(name):
        faults.invalid("metadata.name", name, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
    elif str(parse_ip(name)) != name:
        faults.invalid("metadata.name", name, f'must be in canonical form ("{parse_ip(name)}")')
    parent = section(obj, "spec").get("parentRef")
    if parent is None:
        faults.required("spec.parentRef")
        return
    for field in ("resource", "name"):
        if not parent.get(field):
            faults.required(f"spec.parentRef.{field}")


def service_cidr(obj: Obj, faults: Faults, old: Obj | None) -> None:
    cidrs = section(obj, "spec").get("cidrs") or ()
    if not cidrs:
        faults.required("spec.cidrs", "at least one CIDR required")
    if len(cidrs) > 2:
        faults.invalid("spec.cidrs", list(cidrs), "may only hold up to 2 values")
    for index, cidr in enumerate(cidrs):
        if not is_cidr(cidr):
            faults.invalid(f"spec.cidrs[{index}]", cidr, _CIDR)
