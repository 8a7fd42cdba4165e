"""Each plugin on the cases that upstream documents, and on the check vectors of its formulas."""

import math
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


def test_a_tainted_empty_zone_holds_others_back_unless_taints_are_honoured() -> None:
    nodes = [
        node("n0", labels={ZONE: "a"}),
        node("n1", labels={ZONE: "b"}, taints=[{"key": "x", "effect": "NoSchedule"}]),
    ]
    for policy, fits in (("Ignore", False), ("Honor", True)):
        found = engine(*nodes)
        found.assume(found.pod(pod("web", labels={"app": "web"})), "n0")
        asked = pod("p", labels={"app": "web"}, topologySpreadConstraints=[spread(1, nodeTaintsPolicy=policy)])
        assert ("n0" not in refused(found, asked)) is fits


@pytest.mark.parametrize(("policy", "fits"), [("Honor", True), ("Ignore", False)])
def test_nodes_outside_the_affinity_count_only_if_it_is_ignored(policy: str, fits: bool) -> None:
    found = engine(node("n0", labels={ZONE: "a", "disk": "ssd"}), node("n1", labels={ZONE: "b"}))
    found.assume(found.pod(pod("web", labels={"app": "web"})), "n0")
    constraint = spread(1, nodeAffinityPolicy=policy)
    asked = pod("p", labels={"app": "web"}, nodeSelector={"disk": "ssd"}, topologySpreadConstraints=[constraint])
    assert ("n0" not in refused(found, asked)) is fits


def test_match_label_keys_spread_each_revision_by_itself() -> None:
    found = zoned("a", "b")
    found.assume(found.pod(pod("old", labels={"app": "web", "rev": "1"})), "n0")
    fresh = {"app": "web", "rev": "2"}
    plain = pod("p", labels=fresh, topologySpreadConstraints=[spread(1)])
    assert set(refused(found, plain)) == {"n0"}
    keyed = pod("q", labels=fresh, topologySpreadConstraints=[spread(1, matchLabelKeys=["rev", "absent"])])
    assert refused(found, keyed) == {}


def test_an_empty_selector_counts_nobody_and_pods_of_others_do_not_count() -> None:
    found = zoned("a", "b")
    found.assume(found.pod(pod("web", labels={"app": "web"})), "n0")
    everything = {**spread(1), "labelSelector": {}}
    assert refused(found, pod("p", labels={"app": "web"}, topologySpreadConstraints=[everything])) == {}
    elsewhere = pod("q", namespace="other", labels={"app": "web"}, topologySpreadConstraints=[spread(1)])
    assert refused(found, elsewhere) == {}


def test_a_pod_on_its_way_out_does_not_count() -> None:
    found = zoned("a", "b")
    leaving = pod("web", labels={"app": "web"})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found.assume(found.pod(leaving), "n0")
    assert refused(found, pod("p", labels={"app": "web"}, topologySpreadConstraints=[spread(1)])) == {}


def test_a_wish_to_be_spread_scores_the_emptier_zone_higher() -> None:
    found = zoned("a", "b", "")
    for number, name in enumerate(("n0", "n0", "n1")):
        found.assume(found.pod(pod(f"web-{number}", labels={"app": "web"})), name)
    asked = pod("p", labels={"app": "web"}, topologySpreadConstraints=[spread(1, when="ScheduleAnyway")])
    two_zones = math.log(2 + 2)
    raw = {"n0": math.floor(2 * two_zones + 0.5), "n1": math.floor(two_zones + 0.5), "n2": 0}
    high, low = raw["n0"], raw["n1"]
    final = {"n0": 100 * low // high, "n1": 100 * high // high, "n2": 0}
    assert scores(found, asked, "PodTopologySpread") == {name: (raw[name], final[name]) for name in raw}


def term(app: str = "web", **more: Any) -> Obj:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": ZONE, **more}


@pytest.mark.parametrize(
    ("more", "refuses"),
    [
        pytest.param({}, False, id="only its own namespace, if it names none"),
        pytest.param({"namespaces": ["other"]}, True, id="a namespace by name"),
        pytest.param({"namespaceSelector": {}}, True, id="all namespaces"),
        pytest.param({"namespaceSelector": {"matchLabels": {"team": "o"}}}, True, id="a namespace by its labels"),
        pytest.param({"namespaceSelector": {"matchLabels": {"team": "x"}}}, False, id="no such namespace"),
        pytest.param(
            {"namespaceSelector": {"matchLabels": {"team": "x"}}, "namespaces": ["other"]},
            True,
            id="both: either will do",
        ),
        pytest.param({"namespaces": ["other"], "matchLabelKeys": ["rev"]}, False, id="of the same revision"),
        pytest.param({"namespaces": ["other"], "mismatchLabelKeys": ["rev"]}, True, id="of another revision"),
    ],
)
def test_a_term_speaks_of_the_pods_that_its_selectors_name(more: Obj, refuses: bool) -> None:
    found = zoned("a", "b")
    found.columns.namespaces.update({"default": {"team": "d"}, "other": {"team": "o"}})
    found.assume(found.pod(pod("web", namespace="other", labels={"app": "web", "rev": "1"})), "n0")
    anti_affinity = {"requiredDuringSchedulingIgnoredDuringExecution": [term(**more)]}
    asked = pod("p", labels={"rev": "2"}, affinity={"podAntiAffinity": anti_affinity})
    assert set(refused(found, asked)) == ({"n0"} if refuses else set())
    carrier = found.pod(pod("carrier", labels={"rev": "2"}, affinity={"podAntiAffinity": anti_affinity}))
    alone = zoned("a", "b")
    alone.columns.namespaces.update(found.columns.namespaces)
    alone.assume(alone.pod(carrier.obj), "n1")
    newcomer = pod("n", namespace="other", labels={"app": "web", "rev": "1"})
    assert set(refused(alone, newcomer)) == ({"n1"} if refuses else set())


def test_required_affinity_of_others_draws_with_the_hard_weight() -> None:
    found = zoned("a", "b")
    friend = pod("friend", labels={"app": "db"}, affinity={"podAffinity": anti(ZONE)})
    found.assume(found.pod(friend), "n1")
    assert scores(found, pod("p", labels={"app": "web"}), "InterPodAffinity") == {"n0": (0, 0), "n1": (1, 100)}
    args = [{"name": "InterPodAffinity", "args": {"hardPodAffinityWeight": 7}}]
    heavy = engine(*(each.obj for each in found.columns.nodes), config={"profiles": [{"pluginConfig": args}]})
    heavy.assume(heavy.pod(friend), "n1")
    assert scores(heavy, pod("p", labels={"app": "web"}), "InterPodAffinity") == {"n0": (0, 0), "n1": (7, 100)}


@pytest.mark.parametrize(
    ("ignored", "fits"),
    [
        pytest.param({"ignoredResources": ["example.com/gpu"]}, True, id="a resource by name"),
        pytest.param({"ignoredResourceGroups": ["example.com"]}, True, id="all of a group"),
        pytest.param({"ignoredResources": ["example.com/x"]}, False, id="another resource"),
        pytest.param({"ignoredResources": ["cpu"], "ignoredResourceGroups": ["cpu"]}, False, id="cpu is never ignored"),
    ],
)
def test_ignored_resources_are_not_looked_at(ignored: Obj, fits: bool) -> None:
    args = [{"name": "NodeResourcesFit", "args": ignored}]
    found = engine(node("a"), config={"profiles": [{"pluginConfig": args}]})
    cpu = "9" if "cpu" in ignored.get("ignoredResources", ()) else "1"
    assert (refused(found, pod("p", cpu, more={"example.com/gpu": "1"})) == {}) is fits


@pytest.mark.parametrize(
    ("profile", "whole", "looked_at"),
    [
        pytest.param({}, {}, 230, id="adaptive: 50 - 500/125 per cent"),
        pytest.param({}, {"percentageOfNodesToScore": 30}, 150, id="of the whole configuration"),
        pytest.param({"percentageOfNodesToScore": 60}, {"percentageOfNodesToScore": 30}, 300, id="of the profile"),
        pytest.param({"percentageOfNodesToScore": 1}, {}, 100, id="never fewer than 100"),
        pytest.param({"percentageOfNodesToScore": 100}, {}, 500, id="all"),
        pytest.param({"percentageOfNodesToScore": 0}, {"percentageOfNodesToScore": 30}, 230, id="0 is adaptive"),
        pytest.param(
            {"plugins": {"score": {"disabled": [{"name": "*"}]}}}, {}, 1, id="one, if nothing is to be scored"
        ),
    ],
)
def test_how_many_nodes_are_looked_at(profile: Obj, whole: Obj, looked_at: int) -> None:
    found = engine(*(node(f"n{i}") for i in range(500)), config={**whole, "profiles": [profile]})
    found.percentage_of_nodes_to_score = whole.get("percentageOfNodesToScore")
    assert found.schedule(found.pod(pod("p", "1"))).processed == looked_at


def test_a_pod_that_names_its_node_fits_there_only() -> None:
    found = engine(node("a"), node("b"))
    asked = pod("p", nodeName="b")
    reason = ("UnschedulableAndUnresolvable", "node(s) didn't match the requested node name")
    assert refused(found, asked) == {"a": reason}


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}, {"a"}),
        ({"key": "disk", "operator": "NotIn", "values": ["ssd"]}, {"b", "c"}),
        ({"key": "disk", "operator": "Exists"}, {"a", "b"}),
        ({"key": "disk", "operator": "DoesNotExist"}, {"c"}),
        ({"key": "cores", "operator": "Gt", "values": ["4"]}, {"a"}),
        ({"key": "cores", "operator": "Lt", "values": ["8"]}, {"b"}),
    ],
)
def test_required_node_affinity(expression: Obj, fits: set[str]) -> None:
    found = engine(
        node("a", labels={"disk": "ssd", "cores": "8"}), node("b", labels={"disk": "hdd", "cores": "4"}), node("c")
    )
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    asked = pod("p", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})
    turned_away = refused(found, asked)
    assert {"a", "b", "c"} - set(turned_away) == fits
    reason = ("UnschedulableAndUnresolvable", "node(s) didn't match Pod's node affinity/selector")
    assert set(turned_away.values()) <= {reason}


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    found = engine(node("a", labels={"x": "1"}), node("b", labels={"y": "1"}), node("c"))
    rows = [{"matchExpressions": [{"key": key, "operator": "Exists"}]} for key in ("x", "y")]
    terms = {"nodeSelectorTerms": [*rows, {}]}
    asked = pod("p", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}})
    assert set(refused(found, asked)) == {"c"}


def test_a_pod_that_asks_for_a_dozen_resources_is_told_which_are_short() -> None:
    names = [f"example.com/r{number:02d}" for number in range(12)]
    found = engine(node("a", more=dict.fromkeys(names, "2")), node("b", more=dict.fromkeys(names[:-1], "2")))
    found.assume(found.pod(pod("first", more={names[3]: "2"})), "a")
    asked = pod("p", more=dict.fromkeys(names, "1"))
    assert refused(found, asked) == {
        "a": ("Unschedulable", f"Insufficient {names[3]}"),
        "b": ("UnschedulableAndUnresolvable", f"Insufficient {names[-1]}"),
    }
