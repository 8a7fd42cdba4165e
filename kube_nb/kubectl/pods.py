"""Which pod and which container a command means: by name, or the first of a workload's or a service's."""

from collections.abc import Mapping

from kube_nb.api.resources import PODS
from kube_nb.kubectl.command import Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import labels, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def of(inv: Invocation, arg: str) -> list[Obj]:
    """The pods of ``NAME``, ``pod/NAME`` or ``TYPE/NAME``, best first. Models polymorphichelpers' podsForObject."""
    kind, slash, name = arg.partition("/")
    if not slash:
        return [await _get(inv, PODS, kind)]
    mapping = await inv.session.mapper.resource(kind)
    obj = await _get(inv, mapping.gvr, name)
    if mapping.gvr == PODS:
        return [obj]
    selector = _selector(obj)
    if selector is None:
        raise KubectlError(f"error: cannot get the logs from {mapping.gvr.group_resource}: selector not found")
    listed = await inv.session.client.list(PODS, inv.namespace, label_selector=str(selector))
    found = sorted(listed.get("items") or [], key=_rank)
    if not found:
        raise KubectlError("error: timed out waiting for the condition")
    return found


async def _get(inv: Invocation, gvr: GVR, name: str) -> Obj:
    try:
        return await inv.session.client.get(gvr, name, inv.namespace)
    except ApiError as error:
        if error.code != 404 or inv.verb != "logs":
            raise
        what = f'{gvr.group_resource} "{name}" not found in namespace "{inv.namespace}"'
        raise KubectlError(f"error: error from server (NotFound): {what}") from None


def _selector(obj: Obj) -> labels.Selector | None:
    selector = (obj.get("spec") or {}).get("selector")
    if not selector:
        return None
    if isinstance(selector, Mapping) and ("matchLabels" in selector or "matchExpressions" in selector):
        return labels.from_label_selector(dict(selector))
    return labels.from_map(dict(selector))


def _rank(pod: Obj) -> tuple[bool, bool, bool, str]:
    """Assigned, running and ready pods first, the oldest of them first. Models podutils.ActivePods."""
    running = (pod.get("status") or {}).get("phase") == "Running"
    ready = objects.is_condition_true(pod, "Ready")
    return (not pod["spec"].get("nodeName"), not running, not ready, objects.creation_timestamp(pod))


def container_names(pod: Obj) -> list[str]:
    """Init containers first, then the others, then the ephemeral ones."""
    fields = ("initContainers", "containers", "ephemeralContainers")
    return [container["name"] for field in fields for container in pod["spec"].get(field) or []]


def default_container(inv: Invocation, pod: Obj) -> str:
    """The annotated container, else the first; tells of the choice when there is one."""
    names = [container["name"] for container in pod["spec"]["containers"]]
    chosen = objects.annotations(pod).get(DEFAULT_CONTAINER, "")
    if chosen in names:
        return chosen
    if len(names) > 1:
        shown = ", ".join([*names, *(f"{each['name']} (init)" for each in pod["spec"].get("initContainers") or [])])
        inv.err(f'Defaulted container "{names[0]}" out of: {shown}')
    return str(names[0])
