"""Services and the pods that they select, each found from the other through indices."""

from collections.abc import Callable

from kube_nb.api import resources
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


class Selection:
    """Keeps `changed` (a function of a service's key) told of every service whose endpoints may have changed."""

    def __init__(self, context: Context, changed: Callable[[str], object]) -> None:
        self._changed = changed
        self.services = indices.by_selector(context.informer(resources.SERVICES))
        self._pods = indices.by_labels(context.informer(resources.PODS))
        self.services.add_handler(self._service, lambda old, new: self._service(new), self._service)
        self._pods.add_handler(self._tell, self._pod_changed, self._tell)

    async def wait_synced(self) -> None:
        await self.services.wait_synced()
        await self._pods.wait_synced()

    def pods(self, service: Obj) -> list[Obj]:
        """By name, so that what is made of them does not depend on who came first."""
        wanted = selector(service)
        found = indices.selected(self._pods, objects.namespace(service), wanted)
        if len(wanted) > 1:
            found = [pod for pod in found if _has(pod, wanted)]
        return sorted(found, key=objects.name)

    def _service(self, service: Obj) -> None:
        self._changed(objects.key(service))

    def _tell(self, pod: Obj) -> None:
        for service in indices.selecting(self.services, pod, selects):
            self._changed(objects.key(service))

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        same_labels = objects.labels(old) == objects.labels(new)
        if not same_labels:
            self._tell(old)
        if not same_labels or is_relevant(old, new):
            self._tell(new)


def selector(service: Obj) -> dict[str, str]:
    """Empty for a service whose endpoints somebody else keeps."""
    return (service.get("spec") or {}).get("selector") or {}


def selects(service: Obj, pod: Obj) -> bool:
    wanted = selector(service)
    return bool(wanted) and _has(pod, wanted)


def _has(pod: Obj, wanted: dict[str, str]) -> bool:
    labels = objects.labels(pod)
    return all(labels.get(key) == value for key, value in wanted.items())


def is_relevant(old: Obj, new: Obj) -> bool:
    """Whether a change of a pod can change an endpoint. Models podEndpointsChanged."""
    return _seen(old) != _seen(new)


def _seen(pod: Obj) -> tuple[object, ...]:
    status, spec = state.status_of(pod), state.spec_of(pod)
    return (
        objects.is_deleting(pod),
        state.is_ready(pod),
        state.is_terminal(pod),
        status.get("podIPs") or status.get("podIP"),
        spec.get("nodeName"),
        spec.get("hostname"),
        spec.get("subdomain"),
    )


# -- what a pod contributes ----------------------------------------------------------------------------------------


def addresses(pod: Obj) -> list[str]:
    """The pod's addresses, the first one first."""
    status = state.status_of(pod)
    found = [row["ip"] for row in status.get("podIPs") or () if row.get("ip")]
    return found or ([status["podIP"]] if status.get("podIP") else [])


def is_candidate(pod: Obj, *, include_terminating: bool) -> bool:
    """Whether the pod can be an endpoint at all. Models ShouldPodBeInEndpoints."""
    if state.is_terminal(pod) or not addresses(pod):
        return False
    return include_terminating or not objects.is_deleting(pod)


def hostname(pod: Obj, service: Obj) -> str:
    """The pod's name below a headless service; "" if it asks for none there. Models ShouldSetHostname."""
    spec = state.spec_of(pod)
    same = spec.get("subdomain") == objects.name(service) and objects.namespace(pod) == objects.namespace(service)
    return str(spec.get("hostname") or "") if same else ""


def target(pod: Obj) -> Obj:
    return {
        "kind": "Pod",
        "namespace": objects.namespace(pod),
        "name": objects.name(pod),
        "uid": objects.uid(pod),
    }


def is_headless(service: Obj) -> bool:
    return (service.get("spec") or {}).get("clusterIP") == "None"


def family_of(address: str) -> str:
    """IPv4 or IPv6."""
    return "IPv6" if ":" in address else "IPv4"


def families(service: Obj) -> list[str]:
    spec = service.get("spec") or {}
    found = spec.get("ipFamilies")
    if found:
        return list(found)
    ip = spec.get("clusterIP") or ""
    return [family_of(ip)] if ip and ip != "None" else ["IPv4"]
