"""Index functions that several controllers share, so that each event costs what it touches.

Making an index twice with the same function changes nothing, so every controller makes those that it reads.
"""

from collections.abc import Callable, Iterable

from kube_nb.client import Informer
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

#: The informers' names of these indices.
CONTROLLER, LABELS, NODE, SELECTOR, OWNERS = "controller", "labels", "node", "selector", "owners"


def orphans_of(namespace: str) -> str:
    """The value of the controller index under which a namespace's objects without a controller are."""
    return f"orphan/{namespace}"


def controller_of(obj: Obj) -> tuple[str, ...]:
    """The controlling owner's uid, or `orphans_of` the namespace."""
    reference = objects.owner(obj)
    return (orphans_of(objects.namespace(obj)) if reference is None else reference["uid"],)


def labels_of(obj: Obj) -> list[str]:
    """``namespace/key=value`` for each label."""
    namespace = objects.namespace(obj)
    return [f"{namespace}/{key}={value}" for key, value in objects.labels(obj).items()]


def node_of(pod: Obj) -> tuple[str, ...]:
    """spec.nodeName, if the pod is bound."""
    name = (pod.get("spec") or {}).get("nodeName")
    return (name,) if name else ()


def by_controller(informer: Informer) -> Informer:
    informer.add_index(CONTROLLER, controller_of)
    return informer


def by_labels(informer: Informer) -> Informer:
    informer.add_index(LABELS, labels_of)
    return informer


def by_node(informer: Informer) -> Informer:
    informer.add_index(NODE, node_of)
    return informer


# -- who selects an object -----------------------------------------------------------------------------------------


def exact_labels(obj: Obj) -> dict[str, str]:
    """The labels that a selector asks for by value: of a Service or a ReplicationController the whole selector,
    of others matchLabels."""
    selector = (obj.get("spec") or {}).get("selector") or {}
    if "matchLabels" in selector or "matchExpressions" in selector:
        found: dict[str, str] = selector.get("matchLabels") or {}
        return found
    return dict(selector)


def selector_of(obj: Obj) -> tuple[str, ...]:
    """One of the pairs that the selector asks for, as in `labels_of`; ``namespace/*`` if it names none."""
    namespace = objects.namespace(obj)
    wanted = exact_labels(obj)
    if not wanted:
        return (f"{namespace}/*",)
    key = min(wanted)
    return (f"{namespace}/{key}={wanted[key]}",)


def by_selector(informer: Informer) -> Informer:
    informer.add_index(SELECTOR, selector_of)
    return informer


def selecting(informer: Informer, obj: Obj, matches: Callable[[Obj, Obj], bool]) -> Iterable[Obj]:
    """The objects of an informer indexed `by_selector` whose selector matches; asks only those that might.

    matches(candidate, obj): the whole selector."""
    for value in (*labels_of(obj), f"{objects.namespace(obj)}/*"):
        for candidate in informer.by_index(SELECTOR, value):
            if matches(candidate, obj):
                yield candidate


def selected(informer: Informer, namespace: str, wanted: dict[str, str]) -> list[Obj]:
    """The objects of an informer indexed `by_labels` that have one of the wanted labels: the fewest candidates."""
    found = [informer.by_index(LABELS, f"{namespace}/{key}={value}") for key, value in wanted.items()]
    return min(found, key=len) if found else informer.list(namespace)
