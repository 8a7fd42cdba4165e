"""The views that are pages: each state from plain objects, and what its faces say."""

import json
from typing import Any

import pytest

from kube_nb.kubectl import Result
from kube_nb.machinery import labels
from kube_nb.views import applied, edit, endpoints, match, page, why
from tests.views import objects

# -- match -------------------------------------------------------------------------------------------------------------


def matched(selector: str) -> match.Match:
    pods = [
        objects.pod("other", labels={"app": "db"}),
        objects.pod("near", labels={"app": "web", "env": "dev"}),
        objects.pod("hit", labels={"app": "web", "env": "prod"}),
    ]
    return match.match(labels.parse(selector), pods)


def test_matches_come_first_then_what_misses_by_one() -> None:
    state = matched("app=web,env in (prod, qa)")
    assert [pod["pod"] for pod in state["pods"]] == ["hit", "near", "other"]
    assert [pod["meets"] for pod in state["pods"]] == [[True, True], [True, False], [False, False]]
    text = page.text(match.blocks(state))
    assert "app=web,env in (prod,qa) matches 1 of 3 pods" in text
    assert "1 pod would match but for one requirement." in text
    assert "✗ no env label" in text
    assert "misses by one" in text


def test_with_a_single_requirement_nothing_nearly_matches() -> None:
    assert "misses by one" not in page.text(match.blocks(matched("app=web")))


def test_an_empty_selector_matches_everything() -> None:
    assert "(everything) matches 3 of 3 pods" in page.text(match.blocks(matched("")))


# -- endpoints ---------------------------------------------------------------------------------------------------------


def reached() -> endpoints.Endpoints:
    carried = objects.pod("carried", labels={"app": "web"})
    unready = objects.pod("unready", ready=False, ip="10.0.0.2", labels={"app": "web"})
    starting = objects.pod("starting", ip="", ready=False, labels={"app": "web"})
    ends = [objects.endpoint(carried), objects.endpoint(unready, ready=False)]
    found = [objects.service("web", {"app": "web"}), objects.slice_("web-s", "web", *ends), carried, unready, starting]
    return endpoints.endpoints("web", found)


def test_each_pod_behind_a_service_is_ready_or_says_why_not() -> None:
    state = reached()
    found = {backend["pod"]: (backend["ready"], backend["address"], backend["why"]) for backend in state["backends"]}
    assert found == {
        "carried": (True, "10.0.0.1:80", ""),
        "unready": (False, "10.0.0.2:80", "not ready: not yet"),
        "starting": (False, "", "it has no address yet"),
    }
    assert "traffic goes to 1 of 3 pods" in page.text(endpoints.blocks(state))


def test_a_selector_without_pods_is_told() -> None:
    state = endpoints.endpoints("web", [objects.service("web", {"app": "nix"})])
    assert "no pod carries these labels" in page.text(endpoints.blocks(state))


def test_a_service_that_is_gone_is_told() -> None:
    assert page.text(endpoints.blocks(endpoints.endpoints("web", []))) == "service web is gone"


# -- why ---------------------------------------------------------------------------------------------------------------


def score(node: str, total: int) -> dict[str, Any]:
    plugin = {"raw": 3, "normalized": total, "weight": 1, "weighted": total}
    return {"node": node, "total": total, "rank": 1, "plugins": {"NodeResourcesFit": plugin}}


def attempt(**given: Any) -> dict[str, Any]:
    empty = {"scores": [], "refused": [], "message": "", "fault": "", "warnings": [], "preemption": None, "tied": 1}
    empty |= {"nominatedNode": "", "tieRule": "random"}
    return {"node": "", "allNodes": 3, **empty, **given}


REFUSED = {"node": "node-3", "refusedBy": "TaintToleration", "code": "Unschedulable", "reasons": ["had a taint"]}


@pytest.mark.parametrize(
    ("attempts", "node", "sentence"),
    [
        pytest.param(
            [attempt(node="node-2", scores=[score("node-2", 90), score("node-1", 80)], refused=[REFUSED])],
            "node-2",
            "web → node-2: won with 90 points ahead of node-1 with 80; 1 of 3 nodes refused",
            id="won",
        ),
        pytest.param(
            [attempt(node="node-2", scores=[score("node-2", 90), score("node-1", 90)], tied=2)],
            "node-2",
            "web → node-2: won with 90 points, drawn by lot among 2 nodes with as many",
            id="drawn by lot",
        ),
        pytest.param(
            [attempt(node="node-2", scores=[score("node-2", 90), score("node-1", 90)], tied=2, tieRule="heap")],
            "node-2",
            "web → node-2: won with 90 points, taken by the tie rule 'heap' out of 2 nodes with as many",
            id="by a rule",
        ),
        pytest.param(
            [attempt(nominatedNode="node-1", preemption={"victims": ["default/low"]})],
            "",
            "web waits for room on node-1: default/low has to go",
            id="preempts",
        ),
        pytest.param(
            [attempt(node="node-2", refused=[REFUSED])],
            "node-2",
            "web → node-2: the only node that could take it; 1 of 3 nodes refused",
            id="the only one",
        ),
        pytest.param(
            [attempt(node="node-2", fault="the licence is taken", message="the licence is taken")],
            "",
            "web was to go to node-2, but was not bound: the licence is taken",
            id="chosen, not bound",
        ),
        pytest.param(
            [attempt(message="0/3 nodes are available: 3 had a taint.", refused=[REFUSED])],
            "",
            "web fits nowhere: 0/3 nodes are available: 3 had a taint.",
            id="nowhere",
        ),
        pytest.param(
            [attempt(fault='running Filter plugin "Bad": boom', message='running Filter plugin "Bad": boom')],
            "",
            'web got no node, because a plugin failed: running Filter plugin "Bad": boom',
            id="a plugin failed",
        ),
        pytest.param(
            [], "node-1", "web is on node-1 without the scheduler: its spec named the node from the start", id="given"
        ),
        pytest.param([], "", "web: the scheduler has not looked at it yet (does kube-scheduler run?)", id="not yet"),
    ],
)
def test_a_decision_is_a_sentence(attempts: list[Any], node: str, sentence: str) -> None:
    pod = objects.pod("web", node=node)
    assert why.sentence(why.decision("web", pod, attempts)) == sentence


def test_a_decisions_table_has_a_row_per_node_and_a_column_per_plugin() -> None:
    last = attempt(node="node-2", scores=[score("node-2", 90), score("node-1", 80)], refused=[REFUSED])
    text = page.text(why.blocks(why.decision("web", objects.pod("web"), [attempt(), last])))
    assert "attempt 2; the last one is shown" in text
    assert "NODE     NodeResourcesFit ×1   TOTAL   VERDICT" in text
    assert "node-2                90 (3)      90   ✓ chosen" in text
    assert "✗ TaintToleration: had a taint" in text


def test_nodes_are_sorted_as_asked_and_points_have_their_heat() -> None:
    last = attempt(node="b", scores=[{**score("b", 90), "rank": 1}, {**score("a", 45), "rank": 2}], refused=[REFUSED])
    state = why.decision("web", objects.pod("web"), [last])
    assert why.orders(state) == ["rank", "node", "NodeResourcesFit"]
    rows = {order: _rows(why.blocks({**state, "order": order})) for order in why.orders(state)}
    assert [row[0]["text"] for row in rows["rank"]] == ["b", "a", "node-3"]
    assert [row[0]["text"] for row in rows["node"]] == ["a", "b", "node-3"]
    assert [row[1].get("heat") for row in rows["NodeResourcesFit"]] == [1.0, 0.5, None]
    assert [(row["node"], row.get("rank"), row.get("refused_by")) for row in why.frame(state)] == [
        ("b", 1, None),
        ("a", 2, None),
        ("node-3", None, "TaintToleration"),
    ]


def _rows(blocks: list[page.Block]) -> list[list[page.Cell]]:
    return next(block["rows"] for block in blocks if "rows" in block)


PREEMPTION = {
    "node": "n2",
    "victims": ["default/low"],
    "candidates": [
        {"node": "n1", "victims": [{"pod": "default/high", "priority": 50}], "pdbViolations": 1},
        {"node": "n2", "victims": [{"pod": "default/low", "priority": 10}], "pdbViolations": 0},
    ],
    "steps": [
        {"criterion": "fewest violated budgets", "nodes": ["n2"]},
        {"criterion": "least important first victim", "nodes": ["n2"]},
    ],
    "refused": {},
    "message": "",
}


def test_preemption_shows_candidates_victims_and_the_steps_of_the_choice() -> None:
    last = attempt(nominatedNode="n2", preemption=PREEMPTION, refused=[REFUSED])
    text = page.text(why.blocks(why.decision("web", objects.pod("web"), [last])))
    assert "preemption: on n2, default/low has to go" in text
    assert "n1          default/high (50)" in text
    assert "lost by: fewest violated budgets" in text
    assert "   1   fewest violated budgets" in text or "1      fewest violated budgets" in text
    gone = attempt(preemption={**PREEMPTION, "node": "", "message": "preemption: 0/3 nodes are available"})
    text = page.text(why.blocks(why.decision("web", objects.pod("web"), [gone])))
    assert "preemption does not help: 0/3 nodes are available" in text


def test_of_thousands_of_nodes_the_reasons_are_counted() -> None:
    refused = [{**REFUSED, "node": f"node-{number}"} for number in range(1000)]
    text = page.text(why.blocks(why.decision("web", None, [attempt(refused=refused, allNodes=1000)])))
    assert "1000 × had a taint" in text
    assert len(text.splitlines()) < 40


# -- applied -----------------------------------------------------------------------------------------------------------


def test_what_a_manifest_did_is_told_per_object() -> None:
    def stored(name: str, version: str, value: str) -> Any:
        found = objects.obj("ConfigMap", name, data={"a": value})
        return {**found, "metadata": {**found["metadata"], "resourceVersion": version}}

    now = [stored("new", "3", "x"), stored("changed", "4", "y"), stored("same", "1", "x")]
    before = {applied.key(each): each for each in (stored("changed", "1", "x"), stored("same", "1", "x"))}
    text = "".join(f"configmap/{each['metadata']['name']} serverside-applied\n" for each in now)
    state = applied.applied(Result(text, "Warning: old\nerror: no\n", 1, now), before, ["Warning: upgraded"], None)
    assert applied.text(state).splitlines() == [
        "Warning: upgraded",
        "Warning: old",
        "configmap/new created",
        "configmap/changed configured",
        "configmap/same unchanged",
    ]


def test_an_object_opens_for_editing_without_what_the_server_filled_in() -> None:
    pod = objects.pod("web")
    pod["metadata"] |= {"resourceVersion": "7", "managedFields": [{}], "creationTimestamp": "now"}
    text = edit.text([pod])
    assert "name: web" in text
    assert all(word not in text for word in ("uid", "resourceVersion", "managedFields", "status", "creationTimestamp"))


# -- every text is text ------------------------------------------------------------------------------------------------


def evil_states() -> dict[str, list[page.Block]]:
    evil = objects.EVIL
    pod = objects.pod(evil, ready=False, node=evil, ip=evil, labels={"app": evil})
    refused = {"node": evil, "refusedBy": evil, "code": evil, "reasons": [evil]}
    decided = attempt(node=evil, scores=[score(evil, 1)], refused=[refused], message=evil, warnings=[evil])
    made = applied.applied(Result(f"{evil} serverside-applied\n", f"Warning: {evil}\n", 0, [pod]), {}, [evil], None)
    found = [objects.service(evil, {"app": evil}), objects.slice_(evil, evil, objects.endpoint(pod)), pod]
    return {
        "match": match.blocks(match.match(labels.from_map({"app": evil}), [pod])),
        "endpoints": endpoints.blocks(endpoints.endpoints(evil, found)),
        "why": why.blocks(why.decision(evil, pod, [decided])),
        "applied": applied.blocks(made),
    }


@pytest.mark.parametrize("name", ["match", "endpoints", "why", "applied"])
def test_names_labels_and_messages_are_shown_as_text_never_as_markup(name: str) -> None:
    blocks = evil_states()[name]
    html = page.html(blocks)
    assert "<img" not in html
    assert "&lt;img" in html
    assert json.loads(json.dumps(blocks)) == blocks
    assert objects.EVIL in page.text(blocks)


def test_long_texts_of_a_wrapped_column_take_several_lines_of_text() -> None:
    block = page.table(
        ["A", "B"], [[page.cell("x"), page.cell("word " * 40)], [page.cell("y"), page.cell("short")]], wrapped=[1]
    )
    lines = page.text([block]).splitlines()
    assert max(map(len, lines)) <= 4 + 90
    assert [line[:1] for line in lines] == ["A", "x", " ", " ", "y"]
