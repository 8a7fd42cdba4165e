"""componentstatuses: how the control plane is, as long deprecated as it is loved.

Models pkg/registry/core/componentstatus. Differs: the scheduler and the controller manager are asked by their leases,
not by their ports.
"""

import orjson

from kube_nb.apiserver import reading, rendering
from kube_nb.apiserver.cacher import Entry
from kube_nb.apiserver.call import Call
from kube_nb.machinery import times
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

_LEADERS = {"controller-manager": "kube-controller-manager", "scheduler": "kube-scheduler"}


async def list_(call: Call) -> Response:
    rows = [_status(call, name) for name in ("controller-manager", "scheduler", "etcd-0")]
    entries = tuple(Entry(row["metadata"]["name"], row, b"", 0) for row in rows)
    page = reading.Page(entries, call.server.storage.revision)
    response = rendering.many(call, page)
    response.raw = response.raw or orjson.dumps(response.obj)  # there are no stored bytes to join
    return response


async def get(call: Call) -> Response:
    if call.info.name not in (*_LEADERS, "etcd-0"):
        raise call.not_found()
    return rendering.one(call, _status(call, call.info.name))


def _status(call: Call, name: str) -> Obj:
    fault = "" if name == "etcd-0" else _silence(call, _LEADERS[name])
    row: Obj = {"type": "Healthy", "status": "False" if fault else "True", "message": fault or "ok"}
    metadata = {"name": name, "creationTimestamp": None}
    return {"apiVersion": "v1", "kind": "ComponentStatus", "metadata": metadata, "conditions": [row]}


def _silence(call: Call, lease_name: str) -> str:
    """What is wrong with a component that renews no lease, "" if it does."""
    entry = call.server.cacher("leases", "coordination.k8s.io").get(f"kube-system/{lease_name}")
    spec = (entry.obj.get("spec") or {}) if entry is not None else {}
    renewed = spec.get("renewTime")
    if not renewed or not spec.get("holderIdentity"):
        return f"{lease_name} holds no lease"
    silent_s = times.seconds_since(renewed, call.server.clock.now())
    return (
        f"{lease_name} has been silent for {silent_s:.0f} s" if silent_s > spec.get("leaseDurationSeconds", 15) else ""
    )
