"""When a node last gave a sign of life, and what its conditions must say when it has not for too long.

Models tryUpdateNodeHealth of pkg/controller/nodelifecycle/node_lifecycle_controller.go.
"""

from dataclasses import dataclass

from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

READY = "Ready"
_CONDITIONS = (READY, "MemoryPressure", "DiskPressure", "PIDPressure")


@dataclass
class Sign:
    """The last sign of life. seen_s: when it was noticed, in cluster seconds. since_s: since when Ready is as it is."""

    seen_s: float
    since_s: float
    ready: Obj | None
    renewed: str | None


def conditions(node: Obj) -> list[Obj]:
    return (node.get("status") or {}).get("conditions") or []


def ready_status(node: Obj) -> str:
    """True, False or Unknown; Unknown if the node has not said."""
    row = objects.find_condition(conditions(node), READY)
    return "Unknown" if row is None else str(row["status"])


def renew_time(lease: Obj | None) -> str | None:
    return None if lease is None else (lease.get("spec") or {}).get("renewTime")


def noticed(before: Sign | None, node: Obj, lease: Obj | None, now_s: float) -> Sign:
    """What is known after a look at the node and its lease.

    A changed heartbeat of the Ready condition or a changed lease is a sign of life *now*, whatever time it bears: the
    clocks of node and controller need not agree."""
    row = objects.find_condition(conditions(node), READY)
    renewed = renew_time(lease)
    if before is None:
        return Sign(now_s, now_s, row, renewed)
    if (row is None) != (before.ready is None):
        before = Sign(now_s, now_s, row, before.renewed)
    elif row is not None and before.ready is not None and _differ(row, before.ready, "lastHeartbeatTime"):
        turned = _differ(row, before.ready, "lastTransitionTime")
        before = Sign(now_s, now_s if turned else before.since_s, row, before.renewed)
    if renewed is not None and (before.renewed is None or renewed > before.renewed):
        return Sign(now_s, before.since_s, before.ready, renewed)
    return before


def _differ(one: Obj, other: Obj, field: str) -> bool:
    return bool(one.get(field) != other.get(field))


def silenced(node: Obj, now: str) -> list[Obj]:
    """The conditions of a node that has been silent for too long: all Unknown."""
    rows = list(conditions(node))
    for type in _CONDITIONS:
        present = objects.find_condition(rows, type)
        if present is None:
            rows.append(
                {
                    "type": type,
                    "status": "Unknown",
                    "lastHeartbeatTime": objects.creation_timestamp(node),
                    "lastTransitionTime": now,
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                }
            )
        elif present["status"] != "Unknown":
            rows[rows.index(present)] = {
                **present,
                "status": "Unknown",
                "lastTransitionTime": now,
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }
    return rows
