"""`Workload`: machines and the tasks for them, from a trace, a dump, a cluster, or generated."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests

if TYPE_CHECKING:
    from random import Random


class WorkloadError(BadArgument):
    """What is wrong with a workload's source, and where."""


@dataclass(frozen=True, slots=True)
class Task:
    """One pod to place. arrival_s and duration_s: in virtual time, None: it stays. pinned: bound to a machine."""

    obj: Obj
    arrival_s: float = 0.0
    duration_s: float | None = None

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def priority(self) -> int:
        return int(self.obj["spec"].get("priority") or 0)

    def renamed(self, name: str) -> "Task":
        return replace(self, obj={**self.obj, "metadata": {**self.obj["metadata"], "name": name}})


@dataclass(frozen=True, repr=False)
class Workload:
    """nodes: Node objects in the order in which they are looked at; tasks: in order of arrival.

    staying: pods that are on their nodes and are not placed anew. objects: what else plugins look at, such as Services
    and PersistentVolumeClaims. namespaces: {name: labels}.
    """

    name: str
    nodes: Sequence[Obj]
    tasks: Sequence[Task]
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    staying: Sequence[Obj] = ()
    objects: Sequence[Obj] = ()

    def __repr__(self) -> str:
        return f"<Workload {self.name!r}: {len(self.nodes)} nodes, {len(self.tasks)} tasks>"

    def with_nodes(self, nodes: Sequence[Obj]) -> "Workload":
        return replace(self, nodes=nodes)

    def with_tasks(self, tasks: Sequence[Task], name: str = "") -> "Workload":
        return replace(self, tasks=tasks, name=name or self.name)

    def total(self, resource: str) -> int:
        """What all nodes have of it."""
        return sum(requests.amounts(node["status"]["allocatable"]).get(resource, 0) for node in self.nodes)

    def asked(self, resource: str) -> int:
        """What all tasks ask for of it."""
        sums: dict[int, int] = {}
        total = 0
        for task in self.tasks:
            spec = task.obj["spec"]
            if id(spec) not in sums:
                sums[id(spec)] = requests.pod_requests(spec).get(resource, 0)
            total += sums[id(spec)]
        return total

    def check_sizes(self) -> None:
        """WorkloadError names the first task that asks for more than any node has."""
        most: dict[str, int] = {}
        for node in self.nodes:
            for name, amount in requests.amounts(node["status"]["allocatable"]).items():
                most[name] = max(most.get(name, 0), amount)
        seen: set[int] = set()
        for place, task in enumerate(self.tasks):
            spec = task.obj["spec"]
            if id(spec) in seen:
                continue
            seen.add(id(spec))
            for name, amount in requests.pod_requests(spec).items():
                if amount > most.get(name, 0):
                    unit = " milli" if name == requests.CPU else ""
                    raise WorkloadError(
                        f"{self.name}, task {place} ({task.name!r}): asks for {amount}{unit} of {name}, "
                        f"no node has more than {most.get(name, 0)}"
                    )

    def inflated(self, stream: "Random", resource: str, ratio: float) -> "Workload":
        """Shuffled, then random copies appended until the next would ask for more than ratio times the capacity.

        The openb paper's experiment. Copies are named ``<name>-copy-<number>``.
        """
        tasks = list(self.tasks)
        stream.shuffle(tasks)
        limit, asked = ratio * self.total(resource), self.asked(resource)
        amounts = [requests.pod_requests(task.obj["spec"]).get(resource, 0) for task in tasks]
        originals = len(tasks)
        if not any(amounts):
            return self.with_tasks(tasks)
        while True:
            number = stream.randrange(originals)
            asked += amounts[number]
            if asked > limit:
                return self.with_tasks(tasks)
            tasks.append(tasks[number].renamed(f"{tasks[number].name}-copy-{len(tasks)}"))

    # -- sources ---------------------------------------------------------------------------------------------------

    @classmethod
    def openb(cls, name: str = "default", nodes: str = "gpu") -> "Workload":
        """The trace of Alibaba's GPU cluster; see `openb`. name: one of `openb.WORKLOADS`; nodes: gpu or all."""
        from kube_nb.whatif import openb  # here: it builds workloads itself

        return openb.load(name, nodes)

    @classmethod
    def generate(cls, kind: str = "borg", *, machines: int = 1000, tasks: int = 0, seed: int = 0) -> "Workload":
        """A mix after documented distributions; see `generate`. kind: one of `generate.MIXES`."""
        from kube_nb.whatif import generate  # here: as above

        return generate.workload(kind, machines=machines, tasks=tasks, seed=seed)

    @classmethod
    def dump(cls, source: "str | Path | Obj", name: str = "dump") -> "Workload":
        """From ``kubectl get nodes,pods,services,... -A -o yaml`` (or json): text, a file's path, or the List itself.

        Pods lose their nodes: they are to be placed anew. Those that belong to one node (of a DaemonSet, of the
        kubelet's own manifests) stay, finished ones are left out.
        """
        return cls.of_objects(_items(source), name)

    @classmethod
    def cluster(cls, cluster: Any, name: str = "cluster") -> "Workload":
        """From a running cluster: anything whose ``get("pods -A")`` gives objects, as the facade's does."""
        kinds = "namespaces,services,replicasets,statefulsets,persistentvolumeclaims,persistentvolumes,storageclasses"
        found = [cluster.get(f"{each} -A") for each in ("nodes", "pods", *kinds.split(","), "poddisruptionbudgets")]
        return cls.of_objects([obj for objs in found for obj in objs], name)

    @classmethod
    def of_objects(cls, objs: Iterable[Obj], name: str) -> "Workload":
        """WorkloadError names the object whose amounts cannot be read."""
        nodes, tasks, staying, others = [], [], [], []
        namespaces: dict[str, Mapping[str, str]] = {}
        for place, obj in enumerate(objs):
            if not isinstance(obj, dict) or "metadata" not in obj:
                raise WorkloadError(f"items[{place}]: no object with metadata")
            match obj.get("kind"):
                case "Node":
                    nodes.append(_checked_node(place, obj))
                case "Pod":
                    _checked_pod(place, obj)
                    if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                        continue
                    if _belongs_to_node(obj):
                        staying.append(obj)
                    else:
                        tasks.append(Task(_unplaced(obj)))
                case "Namespace":
                    namespaces[obj["metadata"]["name"]] = obj["metadata"].get("labels") or {}
                case _:
                    others.append(obj)
        if not nodes:
            raise WorkloadError(f"{name}: no nodes in it")
        return cls(name, nodes, tasks, namespaces, staying, others)


def _checked_node(place: int, node: Obj) -> Obj:
    status = node.get("status") or {}
    _check_amounts(f"items[{place}], node {node['metadata'].get('name')}: allocatable", status.get("allocatable"))
    return {**node, "status": {**status, "allocatable": status.get("allocatable") or status.get("capacity") or {}}}


def _checked_pod(place: int, pod: Obj) -> None:
    for container in (pod.get("spec") or {}).get("containers") or ():
        asked = (container.get("resources") or {}).get("requests")
        _check_amounts(f"items[{place}], pod {pod['metadata'].get('name')}: requests", asked)


def _check_amounts(where: str, found: Any) -> None:
    for name, text in (found or {}).items():
        try:
            (amount,) = requests.amounts({name: text}).values()
        except ValueError as error:
            raise WorkloadError(f"{where}.{name}: {error}") from None
        if amount < 0:
            raise WorkloadError(f"{where}.{name}: {text} is negative")


def _belongs_to_node(pod: Obj) -> bool:
    if not (pod.get("spec") or {}).get("nodeName"):
        return False
    owners = pod["metadata"].get("ownerReferences") or ()
    mirror = "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {})
    return mirror or any(owner["kind"] == "DaemonSet" for owner in owners)


def _unplaced(pod: Obj) -> Obj:
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    return {"metadata": pod["metadata"], "spec": spec}


def _items(source: "str | Path | Obj") -> Sequence[Obj]:
    if isinstance(source, Path) or (isinstance(source, str) and "\n" not in source):
        source = Path(source).read_text()
    if isinstance(source, str):
        try:
            data = (
                json.loads(source) if source.lstrip().startswith("{") else list(yaml.load_all(source, yaml.CSafeLoader))
            )
        except (yaml.YAMLError, ValueError) as error:
            raise WorkloadError(f"neither YAML nor JSON: {error}") from None
    else:
        data = source
    found: list[Obj] = []
    for document in data if isinstance(data, list) else [data]:
        if document is not None:
            found += document.get("items", [document]) if isinstance(document, dict) else [document]
    return found
