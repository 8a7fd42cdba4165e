import pytest

from kube_nb.api import resources
from kube_nb.controllers.disruption import budget
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from tests.controllers.simulation import cluster, deployment, template

CONTROLLERS = ("disruption-controller", "deployment-controller", "replicaset-controller")


def pdb(**spec):
    spec = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": spec}


def pod(name):
    return {"apiVersion": "v1", "kind": "Pod", **template(), "metadata": {"name": name, "labels": {"app": "web"}}}


async def status_of(c):
    found = await c.get(resources.POD_DISRUPTION_BUDGETS, "web")
    numbers = {field: value for field, value in found["status"].items() if isinstance(value, int)}
    row = objects.get_condition(found, "DisruptionAllowed")
    return numbers, row["reason"]


async def test_a_budget_counts_the_pods_of_a_deployment_and_lets_evictions_through_one_by_one():
    async with cluster(*CONTROLLERS) as c:
        c.kubelet.grace_s = 3.0
        await c.create(deployment(replicas=3))
        await c.client.create(resources.POD_DISRUPTION_BUDGETS, pdb(maxUnavailable=1), "default")
        await c.settle()
        assert await status_of(c) == (
            {
                "currentHealthy": 3,
                "desiredHealthy": 2,
                "disruptionsAllowed": 1,
                "expectedPods": 3,
                "observedGeneration": 1,
            },
            "SufficientPods",
        )
        first, second, _ = await c.pods()
        await c.client.evict("default", objects.name(first))
        with pytest.raises(ApiError) as refused:
            await c.client.evict("default", objects.name(second))
        assert refused.value.code == 429
        await c.settle()
        assert (await status_of(c))[0]["disruptionsAllowed"] == 1
        await c.client.evict("default", objects.name(second))


async def test_pods_without_a_controller_count_for_a_fixed_minimum_only():
    async with cluster("disruption-controller") as c:
        for name in ("a", "b"):
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                **template(),
                "metadata": {"name": name, "labels": {"app": "web"}},
            }
            await c.create(pod)
        await c.client.create(resources.POD_DISRUPTION_BUDGETS, pdb(minAvailable=1), "default")
        await c.settle()
        numbers, reason = await status_of(c)
        assert (numbers["expectedPods"], numbers["disruptionsAllowed"], reason) == (2, 1, "SufficientPods")
        await c.patch(resources.POD_DISRUPTION_BUDGETS, "web", {"spec": {"minAvailable": "50%"}})
        await c.settle()
        numbers, reason = await status_of(c)
        assert (numbers["expectedPods"], numbers["disruptionsAllowed"], reason) == (0, 0, "InsufficientPods")
        assert len(await c.events("UnmanagedPods")) == 1


async def test_a_budget_without_pods_allows_nothing_and_says_so():
    async with cluster("disruption-controller") as c:
        await c.client.create(resources.POD_DISRUPTION_BUDGETS, pdb(minAvailable=1), "default")
        await c.settle()
        assert (await status_of(c))[1] == "InsufficientPods"
        assert await c.events("NoPods") == ["No matching pods found"]


async def test_a_pod_that_was_to_be_disrupted_and_is_not_is_told_so_after_two_minutes():
    async with cluster("disruption-controller") as c:
        created = await c.create(pod("a"))
        row = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": c.loop.timestamp(), "reason": "X"}
        c.kubelet.ready_after_s = lambda pod: None
        await c.kubelet.set_status(created, {"conditions": [row]})
        await c.until(119)
        assert objects.is_condition_true(await c.get(resources.PODS, "a"), "DisruptionTarget")
        await c.until(120.1)
        assert not objects.is_condition_true(await c.get(resources.PODS, "a"), "DisruptionTarget")


@pytest.mark.parametrize(
    ("spec", "expected", "desired"),
    [
        pytest.param({"minAvailable": 2}, 5, 2, id="a number stands as it is"),
        pytest.param({"minAvailable": "50%"}, 5, 3, id="a percentage is rounded up"),
        pytest.param({"maxUnavailable": "25%"}, 10, 7, id="what may be missing is rounded up, too"),
        pytest.param({"maxUnavailable": 7}, 5, 0, id="never below none"),
        pytest.param({}, 5, 0, id="nothing asked for"),
    ],
)
def test_how_many_pods_must_stay(spec, expected, desired):
    assert budget.desired_healthy(pdb(**spec), expected) == desired
