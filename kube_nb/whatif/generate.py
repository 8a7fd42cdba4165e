"""Generated mixes, seeded; the distributions are written down here and nowhere else.

"borg": machines of three sizes (1 : 2 : 4, 50/35/15 % of them, 4 GiB per core); jobs of geometric size (mean 8
tasks); a task asks for cpu log-normal (median 0.4 core, sigma 1.0, from 0.05 to 16) and for memory log-normal around
3.2 GiB per core (sigma 0.7, from 64 MiB to 64 GiB); 43 % of the jobs are production (priority 200, they stay), the
others (priority 100, 15 % of them 25) have tasks half as large, which makes about 60 % of the cpu production's; their
durations are log-normal (median 300 s). After the proportions of Verma et al., EuroSys 2015.
"web": many equal replicas of few services (20 shapes). "batch": borg's others only.
"""

import math
import random
from collections.abc import Mapping

from kube_nb.machinery.types import Obj
from kube_nb.whatif.workload import Task, Workload, WorkloadError

MIXES = ("borg", "web", "batch")

PROD, BATCH, BEST_EFFORT = 200, 100, 25

_SIZES = ((16, 0.5), (32, 0.35), (64, 0.15))
_MIB = 1024 * 1024


def workload(kind: str, *, machines: int = 1000, tasks: int = 0, seed: int = 0, load: float = 0.7) -> Workload:
    """tasks: how many; 0: until their cpu is `load` of the machines'."""
    if kind not in MIXES:
        raise WorkloadError(f"no mix {kind!r}, there are {', '.join(MIXES)}")
    if machines <= 0 or tasks < 0 or not load > 0:
        raise WorkloadError("machines and load must be positive, tasks not negative")
    draw = random.Random(f"{seed}/{kind}/{machines}")
    nodes = [_machine(draw, number) for number in range(machines)]
    capacity = sum(int(node["status"]["allocatable"]["cpu"]) * 1000 for node in nodes)
    made: list[Task] = []
    asked = 0.0
    job = 0
    while (len(made) < tasks) if tasks else (asked < load * capacity):
        group = _job(draw, kind, job, capacity * load, asked)
        job += 1
        for task in group:
            made.append(task)
            asked += _cpu(task)
            if tasks and len(made) >= tasks:
                break
    clock = 0.0
    arrived = []
    for task in made:
        arrived.append(Task(task.obj, clock, task.duration_s))
        clock += draw.expovariate(1.0)
    return Workload(f"{kind}-{machines}", nodes, arrived)


def _cpu(task: Task) -> int:
    return int(task.obj["spec"]["containers"][0]["resources"]["requests"]["cpu"].removesuffix("m"))


def _machine(draw: random.Random, number: int) -> Obj:
    (cores,) = draw.choices([size for size, _ in _SIZES], [share for _, share in _SIZES])
    allocatable = {"cpu": str(cores), "memory": f"{4 * cores}Gi", "pods": "1000"}
    return {"kind": "Node", "metadata": {"name": f"m{number:05d}"}, "spec": {}, "status": {"allocatable": allocatable}}


def _geometric(draw: random.Random, mean: float) -> int:
    return 1 + int(math.log(1 - draw.random()) / math.log(1 - 1 / mean))


def _clipped(draw: random.Random, median: float, sigma: float, low: float, high: float) -> float:
    return min(high, max(low, median * math.exp(draw.gauss(0, sigma))))


def _job(draw: random.Random, kind: str, number: int, budget: float, asked: float) -> list[Task]:
    prod = kind == "web" or (kind == "borg" and draw.random() < 0.43)
    size = _geometric(draw, 200 if kind == "web" else 8)
    scale = 1.0 if prod else 0.5
    cores = _clipped(draw, 0.4 * scale, 1.0, 0.05, 16)
    memory = _clipped(draw, 3.2 * 1024 * cores, 0.7, 64, 64 * 1024)
    if kind == "web":
        number %= 20
        shape = random.Random(f"web/{number}")
        cores, memory = shape.choice((0.1, 0.25, 0.5, 1, 2)), shape.choice((256, 512, 1024, 4096))
    priority = PROD if prod else (BEST_EFFORT if draw.random() < 0.15 else BATCH)
    lasts = None if prod else _clipped(draw, 300, 1.2, 10, 86400)
    milli, mib = max(1, round(cores * 1000)), round(memory)
    spec = _spec(milli, mib, priority)
    return [_task(f"{kind}-{number}-{draw.getrandbits(32):08x}-{each}", spec, priority, lasts) for each in range(size)]


def _spec(milli: int, mib: int, priority: int) -> Obj:
    asked = {"cpu": f"{milli}m", "memory": f"{mib}Mi"}
    container = {"name": "task", "image": "task", "resources": {"requests": asked}}
    return {"containers": [container], "priority": priority}


def _task(name: str, spec: Obj, priority: int, lasts: float | None) -> Task:
    labels: Mapping[str, str] = {"band": str(priority)}
    return Task({"metadata": {"name": name, "namespace": "cell", "labels": labels}, "spec": spec}, 0.0, lasts)
