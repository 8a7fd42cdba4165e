"""Ingresses, IngressClasses and NetworkPolicies."""

from collections.abc import Sequence

from kube_nb.api.printers import cells
from kube_nb.api.resources import ENDPOINT_SLICES, SERVICES
from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.services import SERVICE_NAME, endpoints
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.machinery import times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj


async def ingress(s: Subject) -> None:
    s.head(namespaced=False)
    s.out.labels("Labels", s.metadata.get("labels"))
    s.out.line(0, "Namespace:", s.namespace)
    s.out.line(0, "Address:", _address(s.status.get("loadBalancer") or {}))
    s.out.line(0, "Ingress Class:", s.spec.get("ingressClassName", "<none>"))
    default = s.spec.get("defaultBackend")
    backend = await _backend(s, default) if default else "<default>"
    s.out.line(0, "Default backend:", backend)
    _tls(s)
    s.out.line(0, "Rules:")
    s.out.line(1, "Host", "Path", "Backends")
    s.out.line(1, "----", "----", "--------")
    rules = [rule for rule in s.spec.get("rules") or () if rule.get("http")]
    for rule in rules:
        s.out.line(1, rule.get("host") or "*", "")
        for path in rule["http"].get("paths") or ():
            s.out.line(2, "", f"{path.get('path', '')} ", await _backend(s, path["backend"]))
    if not rules:
        s.out.line(1, "*", "*", backend)
    s.out.annotations("Annotations", s.metadata.get("annotations"))
    await events.write(s)


def _address(balancer: Obj) -> str:
    found = [each.get("ip") or each.get("hostname") or "" for each in balancer.get("ingress") or ()]
    return ",".join(sorted(dict.fromkeys(each for each in found if each)))


def _tls(s: Subject) -> None:
    if s.spec.get("tls"):
        s.out.line(0, "TLS:")
    for row in s.spec.get("tls") or ():
        hosts = ",".join(row.get("hosts") or ())
        s.out.line(1, f"{row['secretName']} terminates {hosts}" if row.get("secretName") else f"SNI routes {hosts}")


async def _backend(s: Subject, backend: Obj) -> str:
    """``web:80 (10.244.1.2:80)``, or why its endpoints are not known."""
    if "resource" in backend:
        resource = backend["resource"]
        group = resource.get("apiGroup", "<none>")
        return f"APIGroup: {group}, Kind: {resource['kind']}, Name: {resource['name']}"
    service = backend.get("service")
    if not service:
        return ""
    port = service.get("port") or {}
    shown = f"{service['name']}:{port.get('number') or port.get('name', '')}"
    try:
        selector = f"{SERVICE_NAME}={service['name']}"
        slices = await s.find(ENDPOINT_SLICES, s.namespace, label_selector=selector)
        found = await s.client.get(SERVICES, service["name"], s.namespace)
    except ApiError as error:
        return f"{shown} (<error: {error.message}>)"
    return f"{shown} ({endpoints(slices, _port_name(found, port))})"


def _port_name(service: Obj, wanted: Obj) -> str:
    for port in service["spec"].get("ports") or ():
        if wanted.get("number") == port["port"] or (wanted.get("name") and wanted["name"] == port.get("name")):
            return str(port.get("name", ""))
    return ""


async def ingress_class(s: Subject) -> None:
    s.head(namespaced=False)
    s.labels_and_annotations()
    s.out.line(0, "Controller:", s.spec.get("controller", ""))
    parameters = s.spec.get("parameters")
    if parameters:
        s.out.line(0, "Parameters:")
        for title, field in (("APIGroup:", "apiGroup"), ("Kind:", "kind"), ("Name:", "name")):
            if field in parameters:
                s.out.line(1, title, parameters[field])
    await events.write(s)


# -- network policies --------------------------------------------------------------------------------------------------


async def network_policy(s: Subject) -> None:
    s.head()
    created = times.parse(s.metadata["creationTimestamp"]).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    s.out.line(0, "Created on:", created)
    s.labels_and_annotations()
    s.out.line(0, "Spec:")
    selector = s.spec.get("podSelector") or {}
    everything = "<none> (Allowing the specific traffic to all pods in this namespace)"
    s.out.raw(f"  PodSelector:     {cells.label_selector(selector) if selector else everything}")
    types = s.spec.get("policyTypes") or []
    for type, field, peers in (("Ingress", "ingress", "From"), ("Egress", "egress", "To")):
        if type in types:
            s.out.line(1, f"Allowing {field} traffic:")
            _rules(s, s.spec.get(field) or (), field, peers)
        else:
            s.out.line(1, f"Not affecting {field} traffic")
    s.out.line(1, f"Policy Types: {', '.join(types) or '<none>'}")


def _rules(s: Subject, rules: Sequence[Obj], field: str, peers: str) -> None:
    if not rules:
        s.out.line(2, f"<none> (Selected pods are isolated for {field} connectivity)")
    for number, rule in enumerate(rules):
        _ports(s, rule.get("ports"))
        found = rule.get(peers.lower())
        if not found:
            end = "source" if peers == "From" else "destination"
            s.out.line(2, f"{peers}: <any> (traffic not restricted by {end})")
        for peer in found or ():
            s.out.line(2, f"{peers}:")
            _peer(s, peer)
        if number != len(rules) - 1:
            s.out.line(2, "----------")


def _ports(s: Subject, ports: Sequence[Obj] | None) -> None:
    if not ports:
        s.out.line(2, "To Port: <any> (traffic allowed to all ports)")
    for port in ports or ():
        number, protocol = port.get("port", "<nil>"), port.get("protocol", "TCP")
        if "endPort" in port:
            s.out.line(2, f"To Port Range: {number}-{port['endPort']}/{protocol}")
        else:
            s.out.line(2, f"To Port: {number}/{protocol}")


def _peer(s: Subject, peer: Obj) -> None:
    for title, field in (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")):
        if field in peer:
            s.out.line(3, f"{title}: {cells.label_selector(peer[field])}")
    if "ipBlock" in peer:
        s.out.line(3, "IPBlock:")
        s.out.line(4, f"CIDR: {peer['ipBlock']['cidr']}")
        s.out.line(4, f"Except: {', '.join(peer['ipBlock'].get('except') or ())}")
