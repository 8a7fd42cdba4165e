"""Whether a toleration tolerates a taint. Models component-helpers scheduling/corev1 and api/core/v1/toleration.go.

Differs: the alpha operators Lt and Gt are not known.
"""

from collections.abc import Iterable, Sequence

from kube_nb.machinery.types import Obj

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "PreferNoSchedule", "NoExecute"

#: The taints that keep a pod away.
KEEPS_AWAY = (NO_SCHEDULE, NO_EXECUTE)


def tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return (toleration.get("value") or "") == (taint.get("value") or "")
    return bool(operator == "Exists")


def tolerated(tolerations: Iterable[Obj], taint: Obj) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def first_untolerated(taints: Sequence[Obj], tolerations: Iterable[Obj], effects: Sequence[str]) -> Obj | None:
    """The first taint of these effects that no toleration tolerates."""
    for taint in taints:
        if taint.get("effect") in effects and not tolerated(tolerations, taint):
            return taint
    return None
