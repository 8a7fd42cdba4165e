"""``kubectl describe node``: state, machine, pods and what they have allocated."""

from collections.abc import Mapping, Sequence

from kube_nb.api.resources import LEASES, PODS
from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import amount, rfc1123
from kube_nb.machinery import quantity
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.quantity import Quantity
from kube_nb.machinery.types import Obj

_ROLE = "node-role.kubernetes.io/"
_STANDARD = ("cpu", "memory", "ephemeral-storage")
_INFO = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
)
Amounts = dict[str, Quantity]


async def node(s: Subject) -> None:
    s.out.line(0, "Name:", s.name)
    s.out.line(0, "Roles:", ",".join(_roles(s.metadata.get("labels") or {})) or "<none>")
    s.labels_and_annotations()
    s.out.line(0, "CreationTimestamp:", rfc1123(s.metadata.get("creationTimestamp")))
    s.out.several("Taints", _taints(s.spec.get("taints") or ()))
    s.out.line(0, "Unschedulable:", bool(s.spec.get("unschedulable")))
    await _lease(s)
    _conditions(s)
    s.out.line(0, "Addresses:")
    for address in s.status.get("addresses") or ():
        s.out.line(1, f"{address['type']}:", address["address"])
    _machine(s)
    await _pods(s)
    await _events(s)


def _roles(labels: Mapping[str, str]) -> list[str]:
    named = [key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE]
    old = labels.get("kubernetes.io/role")
    return sorted(dict.fromkeys(named + ([old] if old else [])))


def _taints(taints: Sequence[Obj]) -> list[str]:
    rows = sorted(taints, key=lambda taint: f"{taint['effect']},{taint['key']}")
    return [f"{taint['key']}{'=' + taint['value'] if taint.get('value') else ''}:{taint['effect']}" for taint in rows]


async def _lease(s: Subject) -> None:
    try:
        lease = await s.client.get(LEASES, s.name, "kube-node-lease")
    except ApiError as error:
        s.out.line(0, "Lease:", f"Failed to get lease: {error.message}")
        return
    spec = lease.get("spec") or {}
    s.out.line(0, "Lease:")
    s.out.line(1, "HolderIdentity:", spec.get("holderIdentity", "<unset>"))
    for title, field in (("AcquireTime:", "acquireTime"), ("RenewTime:", "renewTime")):
        s.out.line(1, title, rfc1123(spec[field]) if spec.get(field) else "<unset>")


def _conditions(s: Subject) -> None:
    rows = s.status.get("conditions")
    if not rows:
        return
    s.out.line(0, "Conditions:")
    s.out.line(1, "Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message")
    s.out.line(1, "----", "------", "-----------------", "------------------", "------", "-------")
    for row in rows:
        moments = [f"{rfc1123(row.get(field))} " for field in ("lastHeartbeatTime", "lastTransitionTime")]
        reason = f"{row.get('reason', '')} "
        s.out.line(1, f"{row['type']} ", f"{row['status']} ", *moments, reason, row.get("message", ""))


def _machine(s: Subject) -> None:
    for title, field in (("Capacity:", "capacity"), ("Allocatable:", "allocatable")):
        amounts = s.status.get(field) or {}
        if amounts:
            s.out.line(0, title)
        for name in sorted(amounts):
            s.out.line(1, f"{name}:", amount(amounts[name]))
    info = s.status.get("nodeInfo") or {}
    s.out.line(0, "System Info:")
    for title, field in _INFO:
        s.out.line(1, f"{title}:", info.get(field, ""))
    if s.spec.get("podCIDR"):
        s.out.line(0, "PodCIDR:", s.spec["podCIDR"])
    if s.spec.get("podCIDRs"):
        s.out.line(0, "PodCIDRs:", ",".join(s.spec["podCIDRs"]))
    if s.spec.get("providerID"):
        s.out.line(0, "ProviderID:", s.spec["providerID"])


async def _pods(s: Subject) -> None:
    selector = f"spec.nodeName={s.name},status.phase!=Failed,status.phase!=Succeeded"
    try:
        pods = await s.find(PODS, None, field_selector=selector)
    except ApiError as error:
        if error.code != 403:
            raise
        s.out.line(0, "Pods:", "not authorized")
        return
    allocatable = s.status.get("allocatable") or s.status.get("capacity") or {}
    have = {name: quantity.parse(text) for name, text in allocatable.items()}
    _pod_rows(s, pods, have)
    _totals(s, [pod_amounts(pod) for pod in pods], have)


def _pod_rows(s: Subject, pods: Sequence[Obj], have: Amounts) -> None:
    s.out.line(0, "Non-terminated Pods:", f"({len(pods)} in total)")
    titles = ("CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
    s.out.line(1, "Namespace", "Name", "", *titles)
    s.out.line(1, "---------", "----", "", *("-" * len(title) for title in titles))
    for pod in pods:
        requests, limits = pod_amounts(pod)
        shares = [_share(amounts, have, name) for name in ("cpu", "memory") for amounts in (requests, limits)]
        metadata = pod["metadata"]
        age = s.age(metadata.get("creationTimestamp"))
        s.out.line(1, metadata["namespace"], metadata["name"], "", *shares, age)


def _share(amounts: Amounts, have: Amounts, name: str) -> str:
    """``250m (12%)`` of what the node has."""
    wanted, whole = amounts.get(name, quantity.ZERO), have.get(name, quantity.ZERO)
    if name == "cpu":
        part, all_of_it = wanted.milli_value(), whole.milli_value()
    else:
        part, all_of_it = wanted.value(), whole.value()
    return f"{wanted} ({int(part / all_of_it * 100) if all_of_it else 0}%)"


def _totals(s: Subject, found: Sequence[tuple[Amounts, Amounts]], have: Amounts) -> None:
    requests = _sum([each for each, _ in found])
    limits = _sum([each for _, each in found])
    s.out.line(0, "Allocated resources:")
    s.out.line(0, "  (Total limits may be over 100 percent, i.e., overcommitted.)")
    s.out.line(1, "Resource", "Requests", "Limits")
    s.out.line(1, "--------", "--------", "------")
    huge = sorted(name for name in have if name.startswith("hugepages-"))
    for name in (*_STANDARD, *huge):
        s.out.line(1, name, _share(requests, have, name), _share(limits, have, name))
    for name in sorted(name for name in have if name not in (*_STANDARD, *huge, "pods")):
        s.out.line(1, name, str(requests.get(name, quantity.ZERO)), str(limits.get(name, quantity.ZERO)))


def _sum(amounts: Sequence[Amounts]) -> Amounts:
    total: Amounts = {}
    for each in amounts:
        for name, value in each.items():
            total[name] = total[name] + value if name in total else value
    return total


def pod_amounts(pod: Obj) -> tuple[Amounts, Amounts]:
    """A pod's requests and limits: all containers together, or the largest init container, plus the overhead.

    Models kubectl pkg/util/resource, PodRequestsAndLimits.
    """
    spec = pod["spec"]
    overhead = _amounts(spec.get("overhead"))
    requests, limits = _field(spec, "requests"), _field(spec, "limits")
    return _sum([requests, overhead]), _sum([limits, {name: overhead[name] for name in overhead if name in limits}])


def _field(spec: Obj, field: str) -> Amounts:
    total = _sum([_amounts((each.get("resources") or {}).get(field)) for each in spec.get("containers") or ()])
    sidecars: Amounts = {}
    peak: Amounts = {}
    for each in spec.get("initContainers") or ():
        wanted = _amounts((each.get("resources") or {}).get(field))
        if each.get("restartPolicy") == "Always":
            sidecars = _sum([sidecars, wanted])
            wanted = sidecars
        else:
            wanted = _sum([wanted, sidecars])
        peak = _larger(peak, wanted)
    return _larger(_sum([total, sidecars]), peak)


def _larger(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(each[name] for each in (one, other) if name in each) for name in [*one, *other]}


def _amounts(texts: Obj | None) -> Amounts:
    return {name: quantity.parse(text) for name, text in (texts or {}).items()}


async def _events(s: Subject) -> None:
    """Controllers put the node's uid into their events, kubelets its name."""
    if s.show_events:
        events.table(s, await events.search(s) + await events.search(s, uid=s.name))
