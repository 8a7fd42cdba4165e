"""Which nodes a pod's spec asks for. Models component-helpers scheduling/corev1/nodeaffinity."""

from functools import lru_cache

from kube_nb.machinery import labels, objects
from kube_nb.machinery.labels import Requirement
from kube_nb.machinery.types import Obj

_OPERATORS = {
    "In": labels.IN,
    "NotIn": labels.NOT_IN,
    "Exists": labels.EXISTS,
    "DoesNotExist": labels.DOES_NOT_EXIST,
    "Gt": labels.GREATER_THAN,
    "Lt": labels.LESS_THAN,
}


def matches(spec: Obj, node: Obj) -> bool:
    """Whether nodeSelector and the required node affinity of a pod's spec accept the node."""
    present = objects.labels(node)
    if any(present.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = required_terms(spec)
    return required is None or any(_term(term, node) for term in required)


def required_terms(spec: Obj) -> list[Obj] | None:
    """The terms of which one must match; None if the spec has no such affinity."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else list(required.get("nodeSelectorTerms") or ())


def _term(term: Obj, node: Obj) -> bool:
    """All of its expressions and fields; an empty term matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    named = {"metadata.name": objects.name(node)}
    return all(_row(row).matches(objects.labels(node)) for row in expressions) and all(
        _row(row).matches(named) for row in fields
    )


def _row(row: Obj) -> Requirement:
    return _requirement(row["key"], row["operator"], tuple(row.get("values") or ()))


@lru_cache(maxsize=4096)
def _requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    return Requirement(key, _OPERATORS[operator], values)
