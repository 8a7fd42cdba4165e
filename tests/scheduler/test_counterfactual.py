"""Each change that is named is made, and the scheduler asked again: the pod goes where the answer said."""

from typing import Any

import pytest

from kube_nb.machinery.patch import merge
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.counterfactual import Change, counterfactual
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from tests.scheduler.bench import bench, node, pod
from tests.scheduler.test_scheduler import settled

GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
OLD = {"key": "old", "effect": "PreferNoSchedule"}
IMAGE = {"names": ["nginx:latest"], "sizeBytes": 200 * 1024 * 1024}
ZONE = "topology.kubernetes.io/zone"


def engine(nodes: list[Obj], placed: dict[str, Obj] | None = None, config: Any = None) -> Engine:
    columns = Columns()
    for each in nodes:
        columns.add_node(each)
    handle = Handle(columns)
    found = Engine(handle, Configuration.of(config).profiles_for(handle), percentage_of_nodes_to_score=100)
    for where, obj in (placed or {}).items():
        found.assume(found.pod(obj), where)
    return found


def made(nodes: list[Obj], placed: dict[str, Obj] | None, asked: Obj, change: Change) -> str:
    """Where the pod goes once the change is made, in a cluster of its own."""
    config = None
    if change.target == "pod":
        asked = merge.apply(asked, change.patch)  # type: ignore[assignment]  # objects stay objects
    elif change.target == "node":
        nodes = [merge.apply(each, change.patch) if each["metadata"]["name"] == change.node else each for each in nodes]  # type: ignore[misc]  # as above
    else:
        config = change.patch
    found = engine(nodes, placed, config)
    return found.schedule(found.pod(asked)).node


def affinity(part: str, **terms: Any) -> Obj:
    return {part: {f"{kind}DuringSchedulingIgnoredDuringExecution": rows for kind, rows in terms.items()}}


def wants(key: str, operator: str, *values: str) -> Obj:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


BESIDE_WEB = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "web"}},
}


@pytest.mark.parametrize(
    ("nodes", "placed", "asked", "target", "expected"),
    [
        pytest.param(
            [node("n0", "1"), node("n1", "1500m")],
            {},
            pod("p", "2"),
            "",
            {"request": "request 1500m of cpu in place of 2 (fits n1)", "node size": "give n1 2 of cpu"},
            id="too large for every node",
        ),
        pytest.param(
            [node("n0", taints=[GPU])],
            {},
            pod("p"),
            "",
            {"toleration": "tolerate gpu=yes:NoSchedule (of n0)", "taint": "remove gpu from n0"},
            id="a taint",
        ),
        pytest.param(
            [node("n0")],
            {},
            pod("p", nodeSelector={"disk": "ssd"}),
            "",
            {"selector": "drop disk from the node selector (fits n0)", "label": "label n0 with disk=ssd"},
            id="a selector",
        ),
        pytest.param(
            [node("n0", labels={"cores": "2"})],
            {},
            pod("p", affinity=affinity("nodeAffinity", required={"nodeSelectorTerms": [wants("cores", "Gt", "3")]})),
            "",
            {"affinity": "drop nodeAffinity (fits n0)", "label": "label n0 with cores=4"},
            id="a required label",
        ),
        pytest.param(
            [node("n0", unschedulable=True)], {}, pod("p"), "", {"cordon": "uncordon n0"}, id="a cordoned node"
        ),
        pytest.param(
            [node("n0")],
            {"n0": pod("web", labels={"app": "web"})},
            pod("p", affinity=affinity("podAntiAffinity", required=[BESIDE_WEB])),
            "",
            {"affinity": "drop podAntiAffinity (fits n0)"},
            id="pods that must not meet",
        ),
        pytest.param(
            [node("n0"), node("n1", taints=[GPU])],
            {"n0": pod("web", labels={"app": "web"})},
            pod("p", labels={"app": "web"}, topologySpreadConstraints=[SPREAD]),
            "n0",
            {"spread": "drop the spread constraint on kubernetes.io/hostname (fits n0)"},
            id="a spread that is too uneven",
        ),
        pytest.param(
            [node("n0")],
            {"n0": pod("q", ports=[{"containerPort": 80, "hostPort": 80}])},
            pod("p", ports=[{"containerPort": 80, "hostPort": 80}]),
            "",
            {"port": "ask for no host port (fits n0)"},
            id="a port that is taken",
        ),
        pytest.param(
            [node("n0", "4", images=[IMAGE]), node("n1", "8")],
            {},
            pod("p", "2", "2Gi"),
            "n0",
            {
                "request": "request 750m of cpu in place of 2 (fits n0)",
                "node size": "give n0 5843m of cpu",
                "weight": "weight 3 for ImageLocality in place of 1",
            },
            id="a node that is behind in points",
        ),
        pytest.param(
            [node("n0", taints=[OLD]), node("n1")],
            {},
            pod("p", "1"),
            "n0",
            {"toleration": "tolerate old=:PreferNoSchedule (of n0)", "taint": "remove old from n0"},
            id="a node that is liked less",
        ),
        pytest.param(
            [node("n0", labels={ZONE: "a"}), node("n1", labels={ZONE: "a"})],
            {"n0": pod("q", "2", "8Gi")},
            pod(
                "p",
                "1",
                "1Gi",
                affinity=affinity("nodeAffinity", preferred=[{"weight": 9, "preference": wants(ZONE, "In", "b")}]),
            ),
            "n0",
            {"label": f"label n0 with {ZONE}=b"},
            id="a preferred zone",
        ),
    ],
)
def test_the_change_does_what_it_says(
    nodes: list[Obj], placed: dict[str, Obj], asked: Obj, target: str, expected: dict[str, str]
) -> None:
    found = engine(nodes, placed)
    info = found.pod(asked)
    before, order = found.schedule(info).node, found.columns.names
    assert before == "" if not target else before != target
    changes = counterfactual(found, info, target)
    told = {change.kind: change.text for change in changes}
    assert told.items() >= expected.items(), changes.text
    for change in changes:
        assert made(nodes, placed, asked, change) == change.node, change.text
    assert list(changes.df["kind"]) == list(told)
    assert (found.schedule(info).node, found.columns.names) == (before, order)


def test_where_nothing_single_helps_the_answer_is_empty() -> None:
    found = engine([node("n0", "1", taints=[GPU])])
    changes = counterfactual(found, found.pod(pod("p", "2")))
    assert (list(changes), changes.text) == ([], "no single change would do")
    assert list(changes.df.columns)[:2] == ["kind", "target"]


def test_an_unknown_node_is_named() -> None:
    found = engine([node("n0")])
    with pytest.raises(KeyError, match="no node 'n9'"):
        counterfactual(found, found.pod(pod("p")), "n9")


async def test_the_running_scheduler_moves_the_pod_when_the_change_is_made() -> None:
    async with bench() as cluster:
        await cluster.add(node("n0", "4"), node("n1", "8"), pod("p", "2", "2Gi"))
        await settled()
        assert await cluster.where("p") == "n1"
        changes = {each.kind: each for each in cluster.scheduler.counterfactual("default/p", "n0")}
        assert await cluster.where("p") == "n1"
        await cluster.add({**pod("again", "2", "2Gi"), **_renamed(pod("p", "2", "2Gi"), changes["request"])})
        await settled()
        assert await cluster.where("again") == "n0"


def _renamed(obj: Obj, change: Change) -> Obj:
    patched: Any = merge.apply(obj, change.patch)
    return {**patched, "metadata": {**patched["metadata"], "name": "again"}}
