"""What of a workload can be packed anew: Borg's recipe for constraints (Verma et al., EuroSys 2015, section 5.1).

Tasks that name a machine are left out; a job of more tasks than half the cell has machines keeps its constraints on
where its tasks stand to others as wishes only, for such a job would hold the cell's size by itself.
"""

from collections.abc import Sequence

from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.node_info import HOSTNAME
from kube_nb.whatif.workload import Task, Workload

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def movable(workload: Workload) -> Workload:
    """Without the tasks that name a machine, and with the wishes of very large jobs."""
    tasks = [task for task in workload.tasks if not names_machine(task.obj["spec"])]
    sizes: dict[str, int] = {}
    for task in tasks:
        sizes[job_of(task)] = sizes.get(job_of(task), 0) + 1
    half = len(workload.nodes) / 2
    return workload.with_tasks([softened(task) if sizes[job_of(task)] > half else task for task in tasks])


def job_of(task: Task) -> str:
    """Its controller, or who shares its spec."""
    owner = objects.owner(task.obj)
    return str(owner["uid"]) if owner is not None else f"spec-{id(task.obj['spec'])}"


def names_machine(spec: Obj) -> bool:
    if spec.get("nodeName") or HOSTNAME in (spec.get("nodeSelector") or {}):
        return True
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    terms = required.get("nodeSelectorTerms") or ()
    return bool(terms) and all(
        term.get("matchFields") or any(each["key"] == HOSTNAME for each in term.get("matchExpressions") or ())
        for term in terms
    )


def softened(task: Task) -> Task:
    """Spreading and (anti-)affinity to pods as wishes; what the machine must have stays a must."""
    spec = dict(task.obj["spec"])
    if rows := spec.get("topologySpreadConstraints"):
        spec["topologySpreadConstraints"] = [{**row, "whenUnsatisfiable": "ScheduleAnyway"} for row in rows]
    affinity = dict(spec.get("affinity") or {})
    for part in ("podAffinity", "podAntiAffinity"):
        if terms := (affinity.get(part) or {}).get(_REQUIRED):
            affinity[part] = {_PREFERRED: [*(affinity[part].get(_PREFERRED) or ()), *_wishes(terms)]}
    if affinity:
        spec["affinity"] = affinity
    return Task({**task.obj, "spec": spec}, task.arrival_s, task.duration_s)


def _wishes(terms: Sequence[Obj]) -> list[Obj]:
    return [{"weight": 100, "podAffinityTerm": term} for term in terms]
