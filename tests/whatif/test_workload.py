import pytest
import yaml

from kube_nb import Cluster
from kube_nb.whatif import Policy, Workload, fill, openb
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


NODE = "kind: Node\nmetadata: {name: n}\nstatus: {allocatable: {cpu: %s}}\n"
POD = "kind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, resources: {requests: {cpu: %s}}}]}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [\n", "neither YAML nor JSON"),
        ("kind: Pod\nmetadata: {name: x}\nspec: {}\n", "no nodes"),
        (NODE % "-1", r"items\[0\], node n: allocatable.cpu: -1 is negative"),
        (f"{NODE % 1}---\n{POD % 'much'}", r"items\[1\], pod p: requests.cpu: "),
        ("just a line\nand another", "no object"),
    ],
)
def test_a_faulty_dump_is_refused(text: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message):
        Workload.dump(text)


def test_a_dump_keeps_what_plugins_look_at_and_who_belongs_to_a_node() -> None:
    def pod(name: str, node: str = "", **meta: object) -> dict[str, object]:
        spec = {"containers": [{"name": "c", "image": "i"}], **({"nodeName": node} if node else {})}
        return {"kind": "Pod", "metadata": {"name": name, "namespace": "d", **meta}, "spec": spec}

    nodes = [
        {"kind": "Node", "metadata": {"name": f"n{number}"}, "status": {"allocatable": {"cpu": "4", "pods": "9"}}}
        for number in range(2)
    ]
    daemon = pod("agent", "n0", ownerReferences=[{"kind": "DaemonSet", "name": "agent", "controller": True}])
    mirror = pod("static", "n0", annotations={"kubernetes.io/config.mirror": "x"})
    service = {"kind": "Service", "metadata": {"name": "s", "namespace": "d"}, "spec": {"selector": {"app": "web"}}}
    space = {"kind": "Namespace", "metadata": {"name": "d", "labels": {"team": "t"}}}
    moving = pod("web", "n1", labels={"app": "web"})
    workload = Workload.of_objects([*nodes, daemon, mirror, service, space, moving], "dump")
    assert [task.name for task in workload.tasks] == ["web"]
    engine = Policy("kube-default").build(workload, 0)
    assert list(engine.columns.node("n0").pods) == ["d/agent", "d/static"]  # type: ignore[union-attr]  # it is there
    assert engine.columns.namespaces == {"d": {"team": "t"}}
    assert engine.handle.lister.services_with("d", {"app": "web"}) == [service]
    assert engine.handle.lister.get("services", "d", "s") == service


def test_a_running_cluster_becomes_a_workload() -> None:
    with Cluster(nodes=2, seed=1) as cluster:
        cluster.kubectl("create deployment web --image=nginx --replicas=3")
        workload = Workload.cluster(cluster)
    assert sorted(task.name.split("-")[0] for task in workload.tasks) == ["coredns", "coredns", "web", "web", "web"]
    assert len(workload.staying) == 4 + 3
    run = fill(workload, "kube-default")
    assert run.pending == []


@pytest.mark.parametrize("kind", ["borg", "web", "batch"])
def test_a_generated_mix_depends_on_the_seed_alone(kind: str) -> None:
    one, same = (Workload.generate(kind, machines=20, seed=5) for _ in range(2))
    assert one == same
    assert Workload.generate(kind, machines=20, seed=6) != one
