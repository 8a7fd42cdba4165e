import asyncio
import logging

import pytest

from kube_nb.api import resources
from kube_nb.machinery import objects
from tests.scheduler.bench import bench, node, pod


async def settled() -> None:
    await asyncio.sleep(0.5)


async def test_pods_are_bound_spread_and_announced() -> None:
    async with bench() as cluster:
        await cluster.add(*(node(f"n{i}") for i in range(3)), *(pod(f"p{i}", "1", "1Gi") for i in range(6)))
        await settled()
        assert sorted([await cluster.where(f"p{i}") for i in range(6)]) == ["n0", "n0", "n1", "n1", "n2", "n2"]
        first = await cluster.where("p0")
        assert f"Successfully assigned default/p0 to {first}" in await cluster.events("Scheduled")
        assert objects.is_condition_true(await cluster.pod("p0"), "PodScheduled")
        (attempt,) = cluster.scheduler.decisions.to_dict("default/p0")
        assert attempt["node"] == first
        assert attempt["scores"][0]["node"] == first


async def test_a_pod_that_fits_nowhere_says_so_in_upstreams_words() -> None:
    async with bench() as cluster:
        taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
        await cluster.add(node("cp", taints=[taint]), node("n1", "1"), node("n2", "1"), pod("big", "2"))
        await settled()
        message = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu."
        condition = objects.get_condition(await cluster.pod("big"), "PodScheduled")
        assert condition is not None
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"].startswith(message)
        (event,) = await cluster.events("FailedScheduling")
        assert event.startswith(message)
        (attempt,) = cluster.scheduler.decisions.to_dict("default/big")
        refused = [(row["node"], row["refusedBy"], row["reasons"]) for row in attempt["refused"]]
        assert refused == [
            ("cp", "TaintToleration", ["node(s) had untolerated taint(s)"]),
            ("n1", "NodeResourcesFit", ["Insufficient cpu"]),
            ("n2", "NodeResourcesFit", ["Insufficient cpu"]),
        ]


async def test_an_unschedulable_pod_is_tried_again_when_a_node_comes() -> None:
    async with bench() as cluster:
        await cluster.add(pod("p", "2"))
        await settled()
        assert await cluster.events("FailedScheduling") == ["no nodes available to schedule pods"]
        await cluster.add(node("n0"))
        await settled()
        assert await cluster.where("p") == "n0"


async def test_an_unschedulable_pod_is_tried_again_when_a_pod_leaves() -> None:
    async with bench() as cluster:
        await cluster.add(node("n0", "2"), pod("a", "2"))
        await settled()
        await cluster.add(pod("b", "1"))
        await settled()
        assert await cluster.where("b") == ""
        await cluster.client.delete(resources.PODS, "a", "default", grace_period_s=0)
        await settled()
        assert await cluster.where("b") == "n0"


async def test_gates_hold_a_pod_back_until_they_are_gone() -> None:
    async with bench() as cluster:
        await cluster.add(node("n0"), pod("p", schedulingGates=[{"name": "example.com/wait"}]))
        await settled()
        assert await cluster.where("p") == ""
        assert cluster.scheduler.queue.pending()["gated"] == ["default/p"]
        await cluster.client.patch(resources.PODS, "p", {"spec": {"schedulingGates": None}}, "default")
        await settled()
        assert await cluster.where("p") == "n0"


async def test_pods_of_other_schedulers_are_left_alone() -> None:
    async with bench() as cluster:
        await cluster.add(node("n0"), pod("p", schedulerName="mine"))
        await settled()
        assert await cluster.where("p") == ""
        cluster.scheduler.configure({"profiles": [{"schedulerName": "mine"}]})
        await settled()
        assert await cluster.where("p") == "n0"


async def test_higher_priority_goes_first() -> None:
    async with bench() as cluster:
        await cluster.client.create(
            resources.PRIORITY_CLASSES,
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 10},
        )
        await cluster.add(pod("low", "1"), pod("high", "1", priorityClassName="high", priority=10))
        await settled()
        await cluster.add(node("n0", "1"))
        await settled()
        assert (await cluster.where("low"), await cluster.where("high")) == ("", "n0")


async def test_no_log_record_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async with bench() as cluster:
        await cluster.add(node("n0"), pod("p", "1"))
        await settled()
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_pod_of_higher_priority_takes_the_place_of_a_lower_one() -> None:
    async with bench() as cluster:
        await cluster.client.create(
            resources.PRIORITY_CLASSES,
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 10},
        )
        await cluster.add(node("n0", "2"), pod("low", "2"))
        await settled()
        await cluster.add(pod("high", "1", priorityClassName="high", priority=10))
        await settled()
        victim = await cluster.pod("low")
        condition = objects.get_condition(victim, "DisruptionTarget")
        assert condition is not None
        assert condition["reason"] == "PreemptionByScheduler"
        assert victim["metadata"]["deletionTimestamp"]
        assert (await cluster.pod("high"))["status"]["nominatedNodeName"] == "n0"
        await cluster.client.delete(resources.PODS, "low", "default", grace_period_s=0)
        await settled()
        assert await cluster.where("high") == "n0"
        assert await cluster.events("Preempted") == [
            f"Preempted by pod {(await cluster.pod('high'))['metadata']['uid']} on node n0"
        ]


async def test_without_victims_the_message_says_that_preemption_does_not_help() -> None:
    async with bench() as cluster:
        taint = {"key": "a", "effect": "NoSchedule"}
        await cluster.add(node("n0", "1", taints=[taint]), node("n1", "1"), pod("a", "1"))
        await settled()
        await cluster.add(pod("b", "1"))
        await settled()
        assert (await cluster.events("FailedScheduling"))[0] == (
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). preemption: 0/2 nodes "
            "are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
        )


async def test_the_running_scheduler_answers_why_and_why_not() -> None:
    async with bench() as cluster:
        await cluster.add(node("n0", "1"), node("n1", "4"), pod("p", "2"), pod("q", "9"))
        await settled()
        scheduler = cluster.scheduler
        told = "n1 was the only node that fitted; refused by 1 of 2 nodes: 1 Insufficient cpu"
        assert scheduler.why("default/p") == told
        assert scheduler.why_not("default/p", "n0").text == ("n0 refuses default/p: NodeResourcesFit: Insufficient cpu")
        assert scheduler.counterfactual("default/q")[0].text == "request 2 of cpu in place of 9 (fits n1)"
        with pytest.raises(KeyError, match="knows no pod"):
            scheduler.why_not("default/nobody", "n0")


async def test_a_pod_of_no_profile_waits_for_one_and_is_named_by_the_engine() -> None:
    config = {"profiles": [{"schedulerName": "one"}, {"schedulerName": "two"}]}
    async with bench(config=config) as cluster:
        await cluster.add(node("n0"), pod("p", "1", schedulerName="three"), pod("q", "1", schedulerName="two"))
        await settled()
        assert (await cluster.where("p"), await cluster.where("q")) == ("", "n0")
        engine = cluster.scheduler.engine
        with pytest.raises(LookupError, match="default/p: no profile 'three', there are one, two"):
            engine.schedule(engine.pod(await cluster.pod("p")))
