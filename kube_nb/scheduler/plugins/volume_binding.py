"""Claims that are bound must be reachable from the node; those that wait for their first pod are bound with it.

Filter finds for every unbound claim a volume that is there, or a class that would provision one on this node; Reserve
keeps the choice; PreBind writes it (``claimRef`` of the volume, or the claim's selected-node annotation) and waits
until the claims are bound. Where a CSI driver says so, a volume is made only where a CSIStorageCapacity has room for
it. Models plugins/volumebinding/{volume_binding,binder}.go.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kube_nb.api import resources
from kube_nb.machinery import labels, objects, quantity
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import (
    CSI_DRIVER,
    CSI_STORAGE_CAPACITY,
    NODE,
    PV,
    PVC,
    STORAGE_CLASS,
    Action,
    ClusterEvent,
    Registration,
)
from kube_nb.scheduler.framework.interface import Bools, CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.framework.status import SKIP, Status, error, unresolvable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.node_selection import Term
from kube_nb.scheduler.plugins.volumes import Claim, claims, class_of
from kube_nb.scheduler.pod_info import PodInfo

REASON_NODE = "node(s) didn't match PersistentVolume's node affinity"
REASON_BIND = "node(s) didn't find available persistent volumes to bind"
REASON_GONE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
REASON_SPACE = "node(s) did not have enough free storage"
REASON_IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
#: The bits of a filter's code, in the order in which upstream names them.
_REASONS = ((1, REASON_NODE), (2, REASON_BIND), (4, REASON_SPACE), (8, REASON_GONE))
_NODE, _BIND, _SPACE, _GONE = (bit for bit, _ in _REASONS)
SELECTED_NODE = "volume.kubernetes.io/selected-node"

#: How often a waiting PreBind looks, in seconds.
_LOOK_S = 1.0
_KEY = "VolumeBinding"


@dataclass
class _Prepared:
    """bound: with their volumes; waiting: claims that are bound with the pod; chosen: {node: the choice for each}."""

    bound: list[Claim]
    waiting: list[Claim]
    chosen: dict[str, "Choice"] = field(default_factory=dict)


@dataclass
class Choice:
    """volumes: {claim: volume} that are there; provision: claims whose class makes one."""

    volumes: dict[str, Obj] = field(default_factory=dict)
    provision: list[str] = field(default_factory=list)


class VolumeBinding:
    """args: ``bindTimeoutSeconds``."""

    name = "VolumeBinding"
    scope = Scope.CLUSTER
    applies_by_shape = True

    def __init__(self, args: Mapping[str, Any], handle: Handle) -> None:
        self._timeout_s = float(args.get("bindTimeoutSeconds") or 600)
        self._handle = handle
        self._assumed: dict[str, str] = {}

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        return bool(pod.shape.volumes)

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        lister = self._handle.lister
        prepared = _Prepared([], [])
        found = claims(pod, lister)
        if not found:
            return SKIP
        for claim in found:
            if claim.obj is None:
                if claim.ephemeral:
                    return unresolvable(
                        f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{claim.name}"'
                    )
                return unresolvable(f'persistentvolumeclaim "{claim.name}" not found')
            if objects.is_deleting(claim.obj):
                return unresolvable(f'persistentvolumeclaim "{claim.name}" is being deleted')
            if (claim.obj.get("status") or {}).get("phase") == "Lost":
                return unresolvable(
                    f'persistentvolumeclaim "{claim.name}" bound to non-existent persistentvolume "{claim.volume_name}"'
                )
            if claim.volume_name:
                prepared.bound.append(claim)
                continue
            kind = class_of(claim, lister)
            if kind is None or kind.get("volumeBindingMode") != "WaitForFirstConsumer":
                return unresolvable(REASON_IMMEDIATE)
            prepared.waiting.append(claim)
        state[_KEY] = prepared
        return None

    # -- filter ----------------------------------------------------------------------------------------------------

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        prepared: _Prepared = state[_KEY]
        code = 0
        for claim in prepared.bound:
            if claim.volume is None or not _reaches(claim.volume, node):
                code = _GONE if claim.volume is None else _NODE
                break
        code |= self._unbound(prepared, pod, node)
        return self.status_of(code) if code else None

    def _unbound(self, prepared: _Prepared, pod: PodInfo, node: NodeInfo) -> int:
        """Choose for the claims that wait, and keep it; or the bit of what is missing."""
        if not prepared.waiting:
            return 0
        choice = self._choose(pod, node, prepared.waiting)
        if isinstance(choice, int):
            return choice
        prepared.chosen[node.name] = choice
        return 0

    def status_of(self, code: int) -> Status:
        return unresolvable(*(reason for bit, reason in _REASONS if code & bit))

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        prepared: _Prepared = state[_KEY]
        codes = np.zeros(len(columns.nodes), dtype=np.int64)
        for claim in prepared.bound:
            if claim.volume is None:
                codes[codes == 0] = _GONE
            else:
                codes[(codes == 0) & ~_reaching(claim.volume, columns)] = _NODE
        found: Ints = codes[rows]
        if prepared.waiting:
            for place, row in enumerate(rows.tolist()):
                found[place] |= self._unbound(prepared, pod, columns.nodes[row])
        return found

    def _choose(self, pod: PodInfo, node: NodeInfo, waiting: Sequence[Claim]) -> Choice | int:
        """The smallest volume that does for each claim, largest claims last as upstream; else provisioning. The bit of
        what is missing, if so."""
        choice = Choice()
        taken = {name for name, key in self._assumed.items() if not key.startswith(f"{pod.key}/")}
        for claim in sorted(waiting, key=_size):
            volume = self._smallest(claim, node, taken)
            if volume is not None:
                taken.add(volume["metadata"]["name"])
                choice.volumes[claim.name] = volume
            else:
                choice.provision.append(claim.name)
        by_name = {claim.name: claim for claim in waiting}
        for name in choice.provision:
            kind = self._provisioning_class(by_name[name], node)
            if kind is None:
                return _BIND
            if not self._has_room(by_name[name], kind, node):
                return _SPACE
        return choice

    def _smallest(self, claim: Claim, node: NodeInfo, taken: set[str]) -> Obj | None:
        assert claim.obj is not None
        wanted = claim.obj["spec"]
        selector = labels.from_label_selector(wanted["selector"]) if wanted.get("selector") else labels.EVERYTHING
        fitting = []
        for volume in self._handle.lister.list("persistentvolumes"):
            spec = volume.get("spec") or {}
            reference = spec.get("claimRef")
            mine = reference and (reference.get("namespace"), reference.get("name")) == (
                claim.obj["metadata"]["namespace"],
                claim.name,
            )
            if volume["metadata"]["name"] in taken or (reference and not mine):
                continue
            if not mine and (volume.get("status") or {}).get("phase", "Available") != "Available":
                continue
            if (spec.get("storageClassName") or "") != claim.class_name:
                continue
            if (spec.get("volumeMode") or "Filesystem") != (wanted.get("volumeMode") or "Filesystem"):
                continue
            if not set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ()):
                continue
            capacity = quantity.value((spec.get("capacity") or {}).get("storage", 0))
            if capacity < _size(claim) or not selector.matches(objects.labels(volume)) or not _reaches(volume, node):
                continue
            fitting.append((not mine, capacity, volume["metadata"]["name"], volume))
        return min(fitting, key=lambda row: row[:3])[3] if fitting else None

    def _provisioning_class(self, claim: Claim, node: NodeInfo) -> Obj | None:
        """The class, if it would make the claim's volume for this node."""
        assert claim.obj is not None
        selected = objects.annotations(claim.obj).get(SELECTED_NODE)
        if selected and selected != node.name:
            return None
        kind = class_of(claim, self._handle.lister) or {}
        if kind.get("provisioner") in (None, "", NO_PROVISIONER):
            return None
        topologies = kind.get("allowedTopologies") or ()
        reached = not topologies or any(
            all(node.labels.get(each["key"]) in each["values"] for each in row.get("matchLabelExpressions") or ())
            for row in topologies
        )
        return kind if reached else None

    def _has_room(self, claim: Claim, kind: Obj, node: NodeInfo) -> bool:
        """Whether some capacity that the node reaches is enough; drivers that do not tell always have room."""
        lister = self._handle.lister
        driver = lister.get("csidrivers", None, kind["provisioner"])
        wanted = _size(claim)
        if driver is None or not (driver.get("spec") or {}).get("storageCapacity") or not wanted:
            return True
        for each in lister.list("csistoragecapacities"):
            most = each.get("maximumVolumeSize") or each.get("capacity")
            if each.get("storageClassName") != kind["metadata"]["name"] or not most or quantity.value(most) < wanted:
                continue
            selector = each.get("nodeTopology")
            if selector is not None and labels.from_label_selector(selector).matches(node.labels):
                return True
        return False

    # -- reserve and bind ------------------------------------------------------------------------------------------

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        prepared: _Prepared | None = state.get(_KEY)
        if prepared is not None and node_name in prepared.chosen:
            for claim, volume in prepared.chosen[node_name].volumes.items():
                self._assumed[volume["metadata"]["name"]] = f"{pod.key}/{claim}"
        return None

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        mine = f"{pod.key}/"
        self._assumed = {name: key for name, key in self._assumed.items() if not key.startswith(mine)}

    async def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        prepared: _Prepared | None = state.get(_KEY)
        choice = prepared.chosen.get(node_name) if prepared is not None else None
        if choice is None or self._handle.client is None:
            return None
        await self._write(pod, node_name, choice)
        waited_s = 0.0
        names = [*choice.volumes, *choice.provision]
        while not all(self._is_bound(pod, name) for name in names):
            if waited_s >= self._timeout_s:
                return error("binding volumes: timed out waiting for the condition")
            await asyncio.sleep(_LOOK_S)
            waited_s += _LOOK_S
        self.unreserve(state, pod, node_name)
        return None

    async def _write(self, pod: PodInfo, node_name: str, choice: Choice) -> None:
        client, lister = self._handle.client, self._handle.lister
        for name, volume in choice.volumes.items():
            claim = lister.get("persistentvolumeclaims", pod.namespace, name)
            if claim is None:
                continue
            reference = {
                "kind": "PersistentVolumeClaim",
                "apiVersion": "v1",
                "namespace": pod.namespace,
                "name": name,
                "uid": objects.uid(claim),
                "resourceVersion": objects.resource_version(claim),
            }
            await client.patch(
                resources.PERSISTENT_VOLUMES, volume["metadata"]["name"], {"spec": {"claimRef": reference}}
            )
        for name in choice.provision:
            annotation = {"metadata": {"annotations": {SELECTED_NODE: node_name}}}
            await client.patch(resources.PERSISTENT_VOLUME_CLAIMS, name, annotation, pod.namespace)

    def _is_bound(self, pod: PodInfo, name: str) -> bool:
        claim = self._handle.lister.get("persistentvolumeclaims", pod.namespace, name)
        return claim is not None and Claim(name, False, claim, None).fully_bound

    def events_to_register(self) -> Iterable[Registration]:
        yield Registration(ClusterEvent(STORAGE_CLASS, Action.ADD | Action.UPDATE))
        yield Registration(ClusterEvent(PVC, Action.ADD | Action.UPDATE))
        yield Registration(ClusterEvent(PV, Action.ADD | Action.UPDATE))
        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_LABEL | Action.UPDATE_NODE_TAINT))
        yield Registration(ClusterEvent(CSI_DRIVER, Action.UPDATE))
        yield Registration(ClusterEvent(CSI_STORAGE_CAPACITY, Action.ADD | Action.UPDATE))


def _size(claim: Claim) -> int:
    requests = (((claim.obj or {}).get("spec") or {}).get("resources") or {}).get("requests") or {}
    return quantity.value(requests.get("storage", 0))


def _terms(volume: Obj) -> list[Term] | None:
    required = (((volume.get("spec") or {}).get("nodeAffinity")) or {}).get("required")
    return None if required is None else [Term(row) for row in required.get("nodeSelectorTerms") or ()]


def _reaches(volume: Obj, node: NodeInfo) -> bool:
    terms = _terms(volume)
    return terms is None or any(term.matches(node) for term in terms)


def _reaching(volume: Obj, columns: Columns) -> Bools:
    terms = _terms(volume)
    if terms is None:
        return np.ones(len(columns.nodes), dtype=np.bool_)
    found = np.zeros(len(columns.nodes), dtype=np.bool_)
    for term in terms:
        found |= term.matching(columns)
    return found
