"""Placing pods anew with other weights: the state, its faces, and the sliders."""

import json

import pytest

from kube_nb.views import placement
from kube_nb.views.placement import OWN_WEIGHTS, Placement
from kube_nb.whatif import Task, Workload
from tests.scheduler.bench import node, pod

SPREAD = {"NodeResourcesFit": 10, "NodeResourcesBalancedAllocation": 0}
#: Cares for even use of cpu and memory only, so the small pods crowd where they make up for the big one.
BALANCED = {"NodeResourcesFit": 0, "NodeResourcesBalancedAllocation": 10, "PodTopologySpread": 0}


def workload(count: int = 4) -> Workload:
    nodes = [node(f"node-{number}", "4", "8Gi") for number in (1, 2)]
    tasks = [Task(pod("big", "2", "512Mi")), *(Task(pod(f"small-{n}", "100m", "1Gi")) for n in range(count))]
    return Workload("two nodes", nodes, tasks)


def where(state: Placement) -> dict[str, list[str]]:
    return {each["name"]: [one["name"] for one in each["pods"]] for each in state["nodes"]}


def test_with_its_own_weights_nothing_has_moved() -> None:
    view = placement.show(workload())
    assert view.state["weights"] == OWN_WEIGHTS
    assert view.state["moved"] == {}
    assert "5 pods, placed with the scheduler's own weights" in view.text


def test_other_weights_move_pods_and_the_view_names_them() -> None:
    state = placement.show(workload(), BALANCED).state
    own = where(placement.show(workload()).state)
    now = where(state)
    assert now != own
    for name, (was, is_) in state["moved"].items():
        assert name in own[was]
        assert name in now[is_]
    drawn = {one["name"]: one["moved"] for each in state["nodes"] for one in each["pods"]}
    assert {name for name, moved in drawn.items() if moved} == set(state["moved"])
    text = placement.text(state)
    assert "NodeResourcesBalancedAllocation 10 in place of 1" in text
    assert all(name in text for name in state["moved"])


def test_pods_that_stay_count_and_never_move() -> None:
    staying = [pod("rock", "3", "6Gi", nodeName="node-1")]
    state = placement.show(workload(), SPREAD, staying).state
    assert where(state)["node-1"][0] == "rock"
    assert "big" in where(state)["node-2"]
    assert not next(one for one in state["nodes"][0]["pods"] if one["name"] == "rock")["moved"]


def test_a_pod_without_a_place_is_said() -> None:
    huge = workload().with_tasks([Task(pod("huge", "64", "1Gi"))])
    view = placement.show(huge)
    assert view.state["pending"] == ["huge"]
    assert "without a place: huge" in view.text


def test_the_state_is_plain_json_and_its_picture_escapes_names() -> None:
    view = placement.show(workload())
    assert json.loads(json.dumps(view.state)) == view.state
    hostile = workload().with_nodes([node("<b>&", "4", "8Gi")])
    assert "<b>" not in placement.render(placement.show(hostile).state)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"NoSuch": 1}, '"NoSuch" is no plugin that scores'),
        ({"ImageLocality": 11}, "between 0 and 10, not 11"),
        ({"ImageLocality": -1}, "between 0 and 10, not -1"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        placement.show(workload(), weights)


def test_a_slider_redraws_the_placement_and_the_button_takes_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kube_nb.views.shown._in_a_notebook", lambda: True)
    view = placement.show(workload())
    *sliders, button, pane = view.widget.children
    before = pane.value
    for slider in sliders:
        slider.value = BALANCED.get(slider.description, slider.value)
    assert view.state["moved"]
    assert pane.value != before
    button.click()
    assert view.state["moved"] == {}
    assert pane.value == before
