import pytest
import yaml

from kube_nb.whatif import Workload, openb
from kube_nb.whatif.gpu import RESOURCE
from kube_nb.whatif.workload import WorkloadError

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,12000,16384,1,1000,\np1,1000,1024,1,460,V100M16|P100\n"


def test_the_trace_has_the_papers_capacity() -> None:
    workload = Workload.openb()
    assert (len(workload.nodes), len(workload.tasks)) == (1213, 8152)
    assert workload.total(RESOURCE) == 6_212_000
    assert workload.total("cpu") == 107_018_000
    assert round(workload.asked(RESOURCE) / 1000, 1) == 6086.8


def test_other_files_of_the_trace_are_read() -> None:
    workload = openb.from_csv(NODES, PODS)
    assert [task.name for task in workload.tasks] == ["p0", "p1"]
    terms = workload.tasks[1].obj["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert terms["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == ["V100M16", "P100"]


@pytest.mark.parametrize(
    ("nodes", "pods", "message"),
    [
        pytest.param(NODES.replace(",gpu,", ",gpus,"), PODS, "nodes: missing columns: gpu", id="missing column"),
        pytest.param(NODES, PODS.replace("12000", "-1"), "pods, line 2, column cpu_milli: -1", id="negative size"),
        pytest.param(NODES, PODS.replace("12000", "many"), "pods, line 2, column cpu_milli: 'many'", id="no number"),
        pytest.param(NODES.replace(",2,", ",9,"), PODS, "nodes, line 2, column gpu: 9", id="too many GPUs"),
    ],
)
def test_a_faulty_trace_is_refused_with_the_place(nodes: str, pods: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        openb.from_csv(nodes, pods)


def test_a_dump_becomes_a_workload_without_its_placements() -> None:
    node = {"kind": "Node", "metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    pod = {"kind": "Pod", "metadata": {"name": "p", "namespace": "d"}, "spec": spec, "status": {"phase": "Running"}}
    done = {**pod, "metadata": {"name": "q"}, "status": {"phase": "Succeeded"}}
    workload = Workload.dump(yaml.safe_dump({"kind": "List", "items": [node, pod, done]}))
    assert [task.name for task in workload.tasks] == ["p"]
    assert "nodeName" not in workload.tasks[0].obj["spec"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [\n", "neither YAML nor JSON"), ("kind: Pod\nmetadata: {name: x}\nspec: {}\n", "no nodes")],
)
def test_a_faulty_dump_is_refused(text: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        Workload.dump(text)


@pytest.mark.parametrize("kind", ["borg", "web", "batch"])
def test_a_generated_mix_depends_on_the_seed_alone(kind: str) -> None:
    one, same = (Workload.generate(kind, machines=20, seed=5) for _ in range(2))
    assert one == same
    assert Workload.generate(kind, machines=20, seed=6) != one
