"""Services, Endpoints and EndpointSlices."""

from collections.abc import Iterator, Sequence

from kube_nb.api.printers import cells
from kube_nb.api.resources import ENDPOINT_SLICES
from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import joined
from kube_nb.machinery.types import Obj

SERVICE_NAME = "kubernetes.io/service-name"
#: More endpoints than these are only counted.
_MOST = 3


async def service(s: Subject) -> None:
    selector = f"{SERVICE_NAME}={s.name}"
    slices = await s.find_or_none(ENDPOINT_SLICES, s.namespace, label_selector=selector) or []
    s.head()
    s.labels_and_annotations()
    s.out.line(0, "Selector:", cells.label_map(s.spec.get("selector")))
    s.out.line(0, "Type:", s.spec.get("type", ""))
    _addresses(s)
    for port in s.spec.get("ports") or ():
        _port(s, port, slices)
    s.out.line(0, "Session Affinity:", s.spec.get("sessionAffinity", ""))
    _traffic(s)
    await events.write(s)


def _addresses(s: Subject) -> None:
    spec = s.spec
    if spec.get("ipFamilyPolicy"):
        s.out.line(0, "IP Family Policy:", spec["ipFamilyPolicy"])
    s.out.line(0, "IP Families:", joined(spec.get("ipFamilies")))
    s.out.line(0, "IP:", spec.get("clusterIP", ""))
    s.out.line(0, "IPs:", joined(spec.get("clusterIPs")))
    if spec.get("externalIPs"):
        s.out.line(0, "External IPs:", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        s.out.line(0, "Desired LoadBalancer IP:", spec["loadBalancerIP"])
    if spec.get("externalName"):
        s.out.line(0, "External Name:", spec["externalName"])
    ingress = (s.status.get("loadBalancer") or {}).get("ingress")
    if ingress:
        s.out.line(0, "LoadBalancer Ingress:", ", ".join(_ingress(each) for each in ingress))


def _ingress(each: Obj) -> str:
    if not each.get("ip"):
        return str(each.get("hostname", ""))
    return f"{each['ip']} ({each['ipMode']})" if each.get("ipMode") else str(each["ip"])


def _port(s: Subject, port: Obj, slices: Sequence[Obj]) -> None:
    name, protocol = port.get("name") or "<unset>", port.get("protocol", "")
    s.out.line(0, "Port:", name, f"{port['port']}/{protocol}")
    s.out.line(0, "TargetPort:", f"{port.get('targetPort', 0)}/{protocol}")
    if port.get("nodePort"):
        s.out.line(0, "NodePort:", name, f"{port['nodePort']}/{protocol}")
    s.out.line(0, "Endpoints:", endpoints(slices, port.get("name", "")))


def endpoints(slices: Sequence[Obj], port_name: str) -> str:
    """``10.244.1.2:80,10.244.2.2:80``: up to three ready ones, and how many more there are."""
    if not slices:
        return "<none>"
    found = list(_ready(slices, port_name))
    text = ",".join(found[:_MOST])
    return f"{text} + {len(found) - _MOST} more..." if len(found) > _MOST else text


def _ready(slices: Sequence[Obj], port_name: str) -> Iterator[str]:
    for each in slices:
        addresses = [
            endpoint["addresses"][0]
            for endpoint in each.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready") is not False
        ]
        if not each.get("ports"):
            yield from addresses
        for port in each.get("ports") or ():
            if (port.get("name") or "") == port_name:
                for address in addresses:
                    yield f"[{address}]:{port['port']}" if ":" in address else f"{address}:{port['port']}"


def _traffic(s: Subject) -> None:
    rows = (
        ("External Traffic Policy:", "externalTrafficPolicy"),
        ("Internal Traffic Policy:", "internalTrafficPolicy"),
        ("HealthCheck NodePort:", "healthCheckNodePort"),
        ("LoadBalancer Source Ranges:", "loadBalancerSourceRanges"),
        ("Traffic Distribution:", "trafficDistribution"),
    )
    for title, field in rows:
        value = s.spec.get(field)
        if value:
            s.out.line(0, title, ",".join(value) if isinstance(value, list) else value)


async def endpoints_object(s: Subject) -> None:
    s.head()
    s.labels_and_annotations()
    s.out.line(0, "Subsets:")
    for subset in s.obj.get("subsets") or ():
        for title, field in (("Addresses:", "addresses"), ("NotReadyAddresses:", "notReadyAddresses")):
            s.out.line(1, title, joined(each["ip"] for each in subset.get(field) or ()))
        _port_table(s, subset.get("ports"), level=2)
        s.out.blank()
    await events.write(s)


def _port_table(s: Subject, ports: Sequence[Obj] | None, level: int) -> None:
    if not ports:
        return
    s.out.line(level - 1, "Ports:")
    s.out.line(level, "Name", "Port", "Protocol")
    s.out.line(level, "----", "----", "--------")
    for port in ports:
        number = port.get("port")
        s.out.line(
            level, port.get("name") or "<unset>", "<unset>" if number is None else number, port.get("protocol", "")
        )


async def endpoint_slice(s: Subject) -> None:
    s.head()
    s.labels_and_annotations()
    s.out.line(0, "AddressType:", s.obj.get("addressType", ""))
    _port_table(s, s.obj.get("ports"), level=1)
    if not s.obj.get("ports"):
        s.out.line(0, "Ports: <unset>")
    found = s.obj.get("endpoints")
    s.out.line(0, "Endpoints:" if found else "Endpoints: <none>")
    for endpoint in found or ():
        _endpoint(s, endpoint)
    await events.write(s)


def _endpoint(s: Subject, endpoint: Obj) -> None:
    s.out.line(1, "- Addresses:", joined(endpoint.get("addresses"), ", "))
    s.out.line(2, "Conditions:")
    ready = (endpoint.get("conditions") or {}).get("ready")
    s.out.line(3, "Ready:", "<unset>" if ready is None else ready)
    s.out.line(2, "Hostname:", endpoint.get("hostname", "<unset>"))
    target = endpoint.get("targetRef")
    if target:
        s.out.line(2, "TargetRef:", f"{target.get('kind', '')}/{target.get('name', '')}")
    s.out.line(2, "NodeName:", endpoint.get("nodeName", "<unset>"))
    s.out.line(2, "Zone:", endpoint.get("zone", "<unset>"))
