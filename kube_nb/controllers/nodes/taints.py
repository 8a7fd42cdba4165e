"""Taints that follow from a node's conditions, and who tolerates them."""

from collections.abc import Iterable, Sequence

from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "NoExecute"

#: condition type -> {status: taint key}
_OF_CONDITION = {
    "Ready": {"False": NOT_READY, "Unknown": UNREACHABLE},
    "MemoryPressure": {"True": "node.kubernetes.io/memory-pressure"},
    "DiskPressure": {"True": "node.kubernetes.io/disk-pressure"},
    "NetworkUnavailable": {"True": "node.kubernetes.io/network-unavailable"},
    "PIDPressure": {"True": "node.kubernetes.io/pid-pressure"},
}
_MANAGED = [key for keys in _OF_CONDITION.values() for key in keys.values()] + [UNSCHEDULABLE]


def of(node: Obj) -> Sequence[Obj]:
    return (node.get("spec") or {}).get("taints") or ()


def no_schedule_of_conditions(node: Obj) -> list[str]:
    """Keys of the NoSchedule taints that the node's conditions and spec.unschedulable ask for."""
    keys = []
    for row in (node.get("status") or {}).get("conditions") or ():
        key = _OF_CONDITION.get(row["type"], {}).get(row["status"])
        if key is not None:
            keys.append(key)
    if (node.get("spec") or {}).get("unschedulable"):
        keys.append(UNSCHEDULABLE)
    return keys


def with_no_schedule(node: Obj, now: str) -> list[Obj]:
    """The node's taints with exactly those managed NoSchedule taints that `no_schedule_of_conditions` gives."""
    wanted = dict.fromkeys(no_schedule_of_conditions(node))
    kept = [row for row in of(node) if not _is_managed(row) or row["key"] in wanted]
    present = [row["key"] for row in kept if row["effect"] == NO_SCHEDULE]
    return kept + [_taint(key, NO_SCHEDULE, now) for key in wanted if key not in present]


def _is_managed(taint: Obj) -> bool:
    return taint["effect"] == NO_SCHEDULE and taint["key"] in _MANAGED


def _taint(key: str, effect: str, now: str) -> Obj:
    return {"key": key, "effect": effect, "timeAdded": now}


def has(node: Obj, key: str, effect: str) -> bool:
    return any(row["key"] == key and row["effect"] == effect for row in of(node))


def swapped(node: Obj, add: Iterable[str], remove: Iterable[str], now: str) -> list[Obj]:
    """The node's taints with these NoExecute keys added and those removed."""
    gone = list(remove)
    kept = [row for row in of(node) if row["effect"] != NO_EXECUTE or row["key"] not in gone]
    missing = [key for key in add if not has(node, key, NO_EXECUTE)]
    return kept + [_taint(key, NO_EXECUTE, now) for key in missing]


def no_execute(node: Obj) -> list[Obj]:
    return [row for row in of(node) if row["effect"] == NO_EXECUTE]


# -- tolerations ---------------------------------------------------------------------------------------------------


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Models v1.Toleration.ToleratesTaint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and (toleration.get("value") or "") == (taint.get("value") or "")


def tolerated_s(pod: Obj, present: Sequence[Obj]) -> float | None:
    """For how long a pod stays in spite of these taints; 0: not at all, None: for good.

    The shortest tolerationSeconds of the tolerations used counts."""
    limits: list[float] = []
    tolerations = (pod.get("spec") or {}).get("tolerations") or ()
    for taint in present:
        used = next((each for each in tolerations if tolerates(each, taint)), None)
        if used is None:
            return 0.0
        if used.get("tolerationSeconds") is not None:
            limits.append(max(0.0, float(used["tolerationSeconds"])))
    return min(limits, default=None)


def patch(node: Obj, rows: list[Obj]) -> Obj:
    """A merge patch that gives the node these taints, guarded by its revision."""
    return {"metadata": {"resourceVersion": objects.resource_version(node)}, "spec": {"taints": rows or None}}
