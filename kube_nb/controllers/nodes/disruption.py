"""The condition by which a pod says that it was not its own fault: DisruptionTarget."""

from kube_nb.api import resources
from kube_nb.client import Client
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

DISRUPTION_TARGET = "DisruptionTarget"


async def mark(client: Client, pod: Obj, reason: str, message: str, now: str, *, phase: str = "") -> None:
    """Set the condition, and the phase if one is given. Raises what the server refuses."""
    row = {"type": DISRUPTION_TARGET, "status": "True", "reason": reason, "message": message}
    status = state.status_of(pod)
    rows = objects.set_condition(status.get("conditions"), row, now)
    change: Obj = {"conditions": rows}
    if phase:
        change["phase"] = phase
    if all(status.get(field) == value for field, value in change.items()):
        return
    patch = {"metadata": {"uid": objects.uid(pod)}, "status": {**change, "conditions": [_row(rows)]}}
    name, namespace = objects.name(pod), objects.namespace(pod)
    await client.patch(resources.PODS, name, patch, namespace, type="strategic", subresource="status")


def _row(rows: list[Obj]) -> Obj:
    found = objects.find_condition(rows, DISRUPTION_TARGET)
    assert found is not None
    return found
