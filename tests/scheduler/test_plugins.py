"""Each plugin on the cases that upstream documents, and on the check vectors of its formulas."""

from typing import Any

import pytest

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.plugins.resource_scores import LeastAllocated, MostAllocated, RequestedToCapacityRatio
from tests.scheduler.bench import node, pod

ZONE = "topology.kubernetes.io/zone"
GI = 2**30


def engine(*nodes: Obj, version: tuple[int, int] = (1, 37), config: Any = None) -> Engine:
    columns = Columns()
    for each in nodes:
        columns.add_node(each)
    handle = Handle(columns, version)
    return Engine(handle, Configuration.of(config).profiles_for(handle))


def scores(found: Engine, obj: Obj, plugin: str) -> dict[str, tuple[int, int]]:
    """{node: (raw, normalized)}."""
    rows = found.schedule(found.pod(obj)).scores()
    return {row["node"]: (row["plugins"][plugin]["raw"], row["plugins"][plugin]["normalized"]) for row in rows}


def refused(found: Engine, obj: Obj) -> dict[str, tuple[str, str]]:
    """{node: (code, reasons)}."""
    attempt = found.schedule(found.pod(obj))
    return {name: (str(status.code), status.message) for name, status in attempt.refused().items()}


@pytest.mark.parametrize(
    ("version", "least", "balanced"),
    [
        pytest.param((1, 35), 97, 99, id="the balance itself, up to 1.35"),
        pytest.param((1, 36), 97, 74, id="how the balance improves, since 1.36"),
    ],
)
def test_resources_score_as_the_check_vectors_say(version: tuple[int, int], least: int, balanced: int) -> None:
    found = engine(node("a"), node("b"), version=version)
    asked = pod("p", "100m", "500Mi")
    assert scores(found, asked, "NodeResourcesFit")["a"] == (least, least)
    assert scores(found, asked, "NodeResourcesBalancedAllocation")["a"] == (balanced, balanced)


@pytest.mark.parametrize(
    ("rows", "least", "most"),
    [
        pytest.param([(0, 4000, 1), (0, 10000, 1)], 100, 0, id="nothing asked for"),
        pytest.param([(3000, 4000, 1), (5000, 10000, 1)], 37, 62, id="different shares"),
        pytest.param([(6000, 4000, 1), (0, 10000, 1)], 50, 50, id="more than there is"),
        pytest.param([(1000, 4000, 3), (5000, 10000, 1)], 68, 31, id="weighted"),
        pytest.param([], 0, 0, id="no resource"),
    ],
)
def test_least_and_most_allocated(rows: Any, least: int, most: int) -> None:
    assert LeastAllocated({}).score(rows) == least
    assert MostAllocated({}).score(rows) == most


@pytest.mark.parametrize(("utilization", "score"), [(0, 0), (20, 50), (40, 100), (70, 65), (100, 30)])
def test_requested_to_capacity_ratio_follows_its_shape(utilization: int, score: int) -> None:
    shape = [{"utilization": 0, "score": 0}, {"utilization": 40, "score": 10}, {"utilization": 100, "score": 3}]
    strategy = RequestedToCapacityRatio({"requestedToCapacityRatio": {"shape": shape}})
    assert strategy.score([(utilization * 40, 4000, 1)]) == score


def test_requested_to_capacity_ratio_leaves_out_resources_that_score_nothing() -> None:
    shape = [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
    strategy = RequestedToCapacityRatio({"requestedToCapacityRatio": {"shape": shape}})
    assert strategy.score([(2000, 4000, 1), (0, 4000, 1)]) == 50


@pytest.mark.parametrize(
    ("cpu", "more", "code", "message"),
    [
        pytest.param("2", {}, "Unschedulable", "Insufficient cpu", id="taken by others"),
        pytest.param("9", {}, "UnschedulableAndUnresolvable", "Insufficient cpu", id="more than the node ever has"),
        pytest.param(
            "2",
            {"example.com/gpu": "1"},
            "UnschedulableAndUnresolvable",
            "Insufficient cpu, Insufficient example.com/gpu",
            id="two resources",
        ),
    ],
)
def test_fit_names_each_short_resource(cpu: str, more: Obj, code: str, message: str) -> None:
    found = engine(node("a"))
    found.assume(found.pod(pod("other", "3")), "a")
    assert refused(found, pod("p", cpu, more=more)) == {"a": (code, message)}


def test_a_full_node_has_too_many_pods() -> None:
    found = engine(node("a", more={"pods": "1"}))
    found.assume(found.pod(pod("other")), "a")
    assert refused(found, pod("p")) == {"a": ("Unschedulable", "Too many pods")}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        pytest.param([("a", "1", ""), ("b", "2", "")], 3000, id="containers add up"),
        pytest.param([("a", "1", ""), ("i", "5", "init")], 5000, id="a large init step counts alone"),
        pytest.param(
            [("a", "1", ""), ("s", "2", "sidecar"), ("i", "2", "init")], 4000, id="sidecars run beside init steps"
        ),
    ],
)
def test_what_a_pod_asks_for(spec: Any, cpu: int) -> None:
    def container(name: str, amount: str, kind: str) -> Obj:
        found: Obj = {"name": name, "image": "i", "resources": {"requests": {"cpu": amount}}}
        return {**found, "restartPolicy": "Always"} if kind == "sidecar" else found

    whole: Obj = {"containers": [], "initContainers": []}
    for name, amount, kind in spec:
        whole["initContainers" if kind else "containers"].append(container(name, amount, kind))
    found = engine(node("a"))
    assert found.pod({"metadata": {"name": "p"}, "spec": whole}).requests == {"cpu": cpu}
    with_overhead = {**whole, "overhead": {"cpu": "500m"}}
    assert found.pod({"metadata": {"name": "p"}, "spec": with_overhead}).requests == {"cpu": cpu + 500}


@pytest.mark.parametrize(
    ("toleration", "tolerates"),
    [
        pytest.param({"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, True, id="equal"),
        pytest.param({"key": "gpu", "operator": "Exists"}, True, id="exists, any effect"),
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": "gpu", "value": "no"}, False, id="another value"),
        pytest.param({"key": "gpu", "value": "yes", "effect": "NoExecute"}, False, id="another effect"),
    ],
)
def test_tolerations(toleration: Obj, tolerates: bool) -> None:
    found = engine(node("a", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]))
    reason = ("UnschedulableAndUnresolvable", "node(s) had untolerated taint(s)")
    assert refused(found, pod("p", tolerations=[toleration])) == ({} if tolerates else {"a": reason})


def test_before_1_35_the_taint_was_named() -> None:
    found = engine(node("a", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]), version=(1, 34))
    assert refused(found, pod("p"))["a"][1] == "node(s) had untolerated taint {gpu: yes}"


def test_taints_to_avoid_cost_points() -> None:
    avoided = [{"key": key, "effect": "PreferNoSchedule"} for key in ("x", "y")]
    found = engine(node("a"), node("b", taints=avoided[:1]), node("c", taints=avoided))
    assert scores(found, pod("p"), "TaintToleration") == {"a": (0, 100), "b": (1, 50), "c": (2, 0)}


def test_cordoned_nodes_are_refused() -> None:
    found = engine(node("a", unschedulable=True))
    assert refused(found, pod("p")) == {"a": ("UnschedulableAndUnresolvable", "node(s) were unschedulable")}
    tolerant = [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]
    assert refused(found, pod("p", tolerations=tolerant)) == {}


def test_preferred_node_affinity_adds_weights() -> None:
    found = engine(node("a", labels={"disk": "ssd"}), node("b", labels={"disk": "ssd", "x": "y"}), node("c"))
    terms = [
        {"weight": weight, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}
        for key, weight in (("disk", 30), ("x", 10))
    ]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
    assert scores(found, pod("p", affinity=affinity), "NodeAffinity") == {"a": (30, 75), "b": (40, 100), "c": (0, 0)}


def test_added_affinity_is_everybodys() -> None:
    terms = [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]
    added = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    args = [{"name": "NodeAffinity", "args": {"addedAffinity": added}}]
    found = engine(node("a"), node("b", labels={"disk": "x"}), config={"profiles": [{"pluginConfig": args}]})
    assert refused(found, pod("p"))["a"][1] == "node(s) didn't match scheduler-enforced node affinity"


def test_a_pod_for_named_nodes_looks_at_those_only() -> None:
    found = engine(*(node(f"n{i}") for i in range(3)))
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n1", "n9"]}]
    terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    attempt = found.schedule(found.pod(pod("p", affinity=affinity)))
    assert (attempt.node, attempt.processed) == ("n1", 1)
    attempt = found.schedule(found.pod(pod("q", "9", affinity=affinity)))
    assert attempt.message == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    )


@pytest.mark.parametrize(
    ("port", "free"),
    [
        pytest.param({"hostPort": 80}, False, id="the same port"),
        pytest.param({"hostPort": 80, "hostIP": "10.0.0.1"}, False, id="all addresses against one"),
        pytest.param({"hostPort": 80, "protocol": "UDP"}, True, id="another protocol"),
        pytest.param({"hostPort": 81}, True, id="another port"),
    ],
)
def test_host_ports(port: Obj, free: bool) -> None:
    found = engine(node("a"))
    found.assume(found.pod(pod("other", ports=[{"hostPort": 80, "containerPort": 80}])), "a")
    reason = ("Unschedulable", "node(s) didn't have free ports for the requested pod ports")
    assert refused(found, pod("p", ports=[{"containerPort": 80, **port}])) == ({} if free else {"a": reason})


def test_images_that_are_there_score_by_size_and_spread() -> None:
    image = {"names": ["nginx:latest"], "sizeBytes": 500 * 1024 * 1024}
    found = engine(node("a", images=[image]), node("b"))
    expected = 100 * (250 * 2**20 - 23 * 2**20) // (1000 * 2**20 - 23 * 2**20)
    assert scores(found, pod("p"), "ImageLocality") == {"a": (expected, expected), "b": (0, 0)}


def spread(skew: int, key: str = ZONE, when: str = "DoNotSchedule", **more: Any) -> Obj:
    selector = {"matchLabels": {"app": "web"}}
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": selector, **more}


def zoned(*zones: str) -> Engine:
    return engine(*(node(f"n{i}", labels={ZONE: zone} if zone else {}) for i, zone in enumerate(zones)))


@pytest.mark.parametrize(
    ("placed", "more", "fits"),
    [
        pytest.param([], {}, {"n0", "n1"}, id="empty zones"),
        pytest.param(["n0"], {}, {"n1"}, id="one ahead"),
        pytest.param(["n0", "n1"], {}, {"n0", "n1"}, id="level"),
        pytest.param([], {"minDomains": 3}, {"n0", "n1"}, id="too few domains count as one with none"),
        pytest.param(["n0", "n1"], {"minDomains": 3}, set(), id="too few domains, each taken"),
    ],
)
def test_pods_are_spread_over_zones(placed: list[str], more: Obj, fits: set[str]) -> None:
    found = zoned("a", "b", "")
    for number, name in enumerate(placed):
        found.assume(found.pod(pod(f"web-{number}", labels={"app": "web"})), name)
    attempt = found.schedule(found.pod(pod("p", labels={"app": "web"}, topologySpreadConstraints=[spread(1, **more)])))
    assert {row["node"] for row in attempt.scores()} == fits
    missing = attempt.refused()["n2"]
    assert missing.message == "node(s) didn't match pod topology spread constraints (missing required label)"


def anti(key: str = "kubernetes.io/hostname", app: str = "web") -> Obj:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def test_anti_affinity_holds_both_ways() -> None:
    found = zoned("a", "b")
    found.assume(found.pod(pod("first", labels={"app": "web"}, affinity={"podAntiAffinity": anti(ZONE)})), "n0")
    again = pod("p", labels={"app": "web"}, affinity={"podAntiAffinity": anti(ZONE)})
    assert refused(found, again) == {"n0": ("Unschedulable", "node(s) didn't match pod anti-affinity rules")}
    plain = pod("q", labels={"app": "web"})
    assert refused(found, plain) == {
        "n0": ("Unschedulable", "node(s) didn't satisfy existing pods anti-affinity rules")
    }


def test_the_first_of_a_group_needs_nobody() -> None:
    found = zoned("a", "b", "")
    together = pod("p", labels={"app": "web"}, affinity={"podAffinity": anti(ZONE)})
    reason = ("UnschedulableAndUnresolvable", "node(s) didn't match pod affinity rules")
    assert refused(found, together) == {"n2": reason}
    found.assume(found.pod(pod("first", labels={"app": "web"})), "n1")
    assert refused(found, together) == {"n0": reason, "n2": reason}
    stranger = pod("q", labels={"app": "db"}, affinity={"podAffinity": anti(ZONE, "none")})
    assert set(refused(found, stranger)) == {"n0", "n1", "n2"}


def test_a_preferred_neighbour_scores_for_both() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": ZONE}
    prefers = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "podAffinityTerm": term}]}
    found = zoned("a", "b")
    found.assume(found.pod(pod("db", labels={"app": "db"})), "n1")
    asked = pod("p", labels={"app": "web"}, affinity={"podAffinity": prefers})
    assert scores(found, asked, "InterPodAffinity") == {"n0": (0, 0), "n1": (7, 100)}
    found.assume(found.pod(asked), "n0")
    assert scores(found, pod("db-2", labels={"app": "db"}), "InterPodAffinity") == {"n0": (7, 100), "n1": (0, 0)}
