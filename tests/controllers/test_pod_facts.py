from typing import Any

from kube_nb.client.informer import Informer
from kube_nb.controllers.pods.facts import PodFacts
from kube_nb.machinery.types import Obj


def pod(name: str, version: int, **status: Any) -> Obj:
    meta = {"namespace": "default", "name": name, "resourceVersion": str(version), "labels": {"app": "web"}}
    return {"metadata": meta, "status": status}


async def test_facts_follow_a_pods_states_and_share_the_labels_of_pods_alike() -> None:
    pods = Informer("pods")
    pods.replace([pod("a", 1), pod("b", 2)])
    facts = PodFacts(pods)
    before = facts.of(pods.list())
    assert [each.ready for each in before] == [False, False]
    assert before[0].labels is before[1].labels
    pods.replace([pod("a", 3, conditions=[{"type": "Ready", "status": "True"}]), pod("b", 4, phase="Failed")])
    after = facts.of(pods.list())
    assert [(each.ready, each.active) for each in after] == [(True, True), (False, False)]


async def test_past_states_do_not_pile_up() -> None:
    pods = Informer("pods")
    facts = PodFacts(pods)
    for version in range(5000):
        pods.replace([pod("a", version + 1)])
        facts.of(pods.list())
    assert len(facts) <= 1003
