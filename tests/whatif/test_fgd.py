import random

import numpy as np
import pytest

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.whatif.fgd import FragmentationGradient, TypicalPod, typical_pods
from kube_nb.whatif.fill import place
from kube_nb.whatif.gpu import MODEL, RESOURCE, WHOLE, asked
from kube_nb.whatif.policy import POLICIES
from kube_nb.whatif.workload import Task, Workload


def node(name: str, gpus: int, cpu: int = 64, model: str = "T4") -> Obj:
    allocatable = {"cpu": str(cpu), "memory": "256Gi", "pods": "1000", RESOURCE: str(gpus * WHOLE)}
    meta = {"name": name, "labels": {MODEL: model}}
    return {"kind": "Node", "metadata": meta, "spec": {}, "status": {"allocatable": allocatable}}


def task(name: str, milli: int, cpu: int = 1000) -> Task:
    asks = {"cpu": f"{cpu}m", "memory": "1Gi", **({RESOURCE: str(milli)} if milli else {})}
    spec = {"containers": [{"name": "t", "image": "t", "resources": {"requests": asks}}]}
    return Task({"metadata": {"name": name, "namespace": "x"}, "spec": spec})


def plain_amount(left: list[int], cpu_left: float, model: str, typical: list[TypicalPod]) -> float:
    """F as the paper writes it."""
    total = 0.0
    for each in typical:
        fitting = sum(gpu >= each.milli for gpu in left)
        able = each.number > 0 and (not each.models or model in each.models)
        if able and cpu_left >= each.cpu_milli and fitting >= each.number:
            total += each.share * sum(gpu for gpu in left if gpu < each.milli)
        else:
            total += each.share * sum(left)
    return total


def plain_score(plugin: FragmentationGradient, pod: PodInfo, row: int, typical: list[TypicalPod]) -> int:
    devices = plugin.devices
    left, cpu = devices.left[row].tolist(), float(plugin.cpu_left(np.array([row]))[0])
    info = plugin.columns.nodes[row]
    model = info.labels.get(MODEL, "")
    before = plain_amount(left, cpu, model, typical)
    number, milli = asked(pod)
    afters = []
    if number and milli < WHOLE:
        for gpu, has in enumerate(left):
            if has >= milli:
                afters.append([*left[:gpu], has - milli, *left[gpu + 1 :]])
    else:
        taken = list(left)
        for gpu in devices.whole(row, number):
            taken[gpu] = 0
        afters.append(taken)
    cpu -= pod.requests.get("cpu", 0)
    gains = [before - plain_amount(after, cpu, model, typical) for after in afters]
    return max(int(100 / (1 + np.exp(-gain / 1000))) for gain in gains)


@pytest.mark.parametrize("seed", range(5))
def test_the_columns_give_the_papers_formula(seed: int) -> None:
    draw = random.Random(seed)
    nodes = [
        node(f"n{i}", draw.choice((1, 2, 4, 8)), draw.choice((8, 64)), draw.choice(("T4", "G2"))) for i in range(8)
    ]
    tasks = [task(f"t{i}", draw.choice((0, 200, 460, 500, 1000, 2000)), draw.choice((500, 4000))) for i in range(40)]
    workload = Workload("w", nodes, tasks)
    engine: Engine = POLICIES["fgd"].build(workload, 0)
    (plugin,) = engine.profiles["default-scheduler"].points["score"]
    shapes = [(engine.pod(each.obj).requests["cpu"], *asked(engine.pod(each.obj)), ()) for each in tasks]
    typical = typical_pods(shapes)
    for each in tasks:
        pod = engine.pod(each.obj)
        plugin.fragmentation.sync()
        rows = np.array([row for row in range(len(nodes)) if plugin.devices.fits(pod, np.array([row]))[0]])
        if len(rows):
            found = plugin.score_columns(CycleState(), pod, engine.columns, rows)
            assert found.tolist() == [plain_score(plugin, pod, int(row), typical) for row in rows]
        place(engine, pod)


def test_typical_pods_cover_most_and_are_renormalized() -> None:
    shapes = [(1000, 1, 500, ())] * 90 + [(2000, 1, 1000, ())] * 6 + [(1, 0, 0, ())] * 4
    found = typical_pods(shapes)
    assert [(each.cpu_milli, round(each.share, 4)) for each in found] == [(1000, 0.9375), (2000, 0.0625)]
