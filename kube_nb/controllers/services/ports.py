"""What a service's target port is in a pod. Models pkg/api/v1/pod.FindPort."""

from kube_nb.controllers.pods import state
from kube_nb.machinery.types import Obj


def number_in(pod: Obj, port: Obj) -> int | None:
    """port: a row of a service's spec.ports. None if the pod has no port of that name."""
    wanted = port.get("targetPort") or port["port"]
    if isinstance(wanted, int):
        return wanted
    spec = state.spec_of(pod)
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for row in container.get("ports") or ():
            if row.get("name") == wanted and row.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(row["containerPort"])
    return None


def endpoint_ports(pod: Obj, service: Obj, *, keep_empty_name: bool) -> tuple[Obj, ...]:
    """The ports that the pod has of those that the service offers, as an endpoint names them.

    keep_empty_name: whether an unnamed port shows ``name: ""`` (slices) or no name (Endpoints)."""
    found = []
    for port in (service.get("spec") or {}).get("ports") or ():
        number = number_in(pod, port)
        if number is not None:
            found.append(_row(port, number, keep_empty_name))
    return tuple(found)


def _row(port: Obj, number: int, keep_empty_name: bool) -> Obj:
    row: Obj = {}
    if keep_empty_name or port.get("name"):
        row["name"] = port.get("name") or ""
    row |= {"port": number, "protocol": port.get("protocol", "TCP")}
    if app_protocol := port.get("appProtocol"):
        row["appProtocol"] = app_protocol
    return row
