"""In-place resize: what is allocated, what waits for room, which containers are restarted."""

from typing import Any

import pytest

from kube_nb.api.resources import NODES, PODS
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

from .conftest import World
from .test_kubelet import Start


async def resize(w: World, requests: dict[str, str], name: str = "web", **more: Any) -> Obj:
    patch = {"spec": {"containers": [{"name": "c", "resources": {"requests": requests, **more}}]}}
    return await w.client.patch(PODS, name, patch, "default", type="strategic", subresource="resize")


async def applied(w: World, cpu: str, name: str = "web") -> float:
    """Wait until the container runs with so much."""

    def check(pod: Obj) -> bool:
        rows = (pod.get("status") or {}).get("containerStatuses") or [{}]
        return bool((rows[0].get("resources") or {}).get("requests", {}).get("cpu") == cpu)

    return await w.until(check, name)


async def test_a_resize_is_actuated_without_a_restart_and_told(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx, resources: {requests: {cpu: 100m}}}")
        await w.ready()
        await resize(w, {"cpu": "200m"})
        await applied(w, "200m")
        await w.until(lambda pod: not objects.get_condition(pod, "PodResizeInProgress"))
        container = await w.container()
        assert (container["allocatedResources"], container["restartCount"]) == ({"cpu": "200m"}, 0)
        details = '{"containers":[{"name":"c","resources":{"requests":{"cpu":"200m"}}}],"generation":2}'
        assert (await w.events())[-2:] == [
            f"ResizeStarted: Pod resize started: {details}",
            f"ResizeCompleted: Pod resize completed: {details}",
        ]


async def test_a_container_whose_policy_says_so_is_restarted(world: Start) -> None:
    async with world() as w:
        policy = "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]"
        await w.run(f"{{image: nginx, {policy}, resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}}}")
        await w.ready()
        await resize(w, {"cpu": "200m"})
        await applied(w, "200m")
        assert (await w.container())["restartCount"] == 0, "cpu has no such policy"
        await resize(w, {"memory": "128Mi"})
        await w.restarts(1)
        container = await w.container()
        assert container["resources"]["requests"] == {"cpu": "200m", "memory": "128Mi"}
        assert "Killing: Container c resize requires restart" in await w.events()


async def test_a_resize_beyond_the_node_is_infeasible_and_keeps_what_was_allocated(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx, resources: {requests: {cpu: 100m}}}")
        await w.ready()
        await resize(w, {"cpu": "5"})
        await w.condition("web", "PodResizePending", "True")
        pending = objects.get_condition(await w.pod(), "PodResizePending") or {}
        assert (pending["reason"], pending["observedGeneration"]) == ("Infeasible", 2)
        assert pending["message"] == "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"
        assert (await w.container())["allocatedResources"] == {"cpu": "100m"}
        await resize(w, {"cpu": "100m"})
        await w.until(lambda pod: not objects.get_condition(pod, "PodResizePending"))


async def test_a_resize_waits_for_room_and_comes_when_another_pod_has_gone(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx, resources: {requests: {cpu: 100m}}}")
        await w.apply(
            "{apiVersion: v1, kind: Pod, metadata: {name: big}, spec: {terminationGracePeriodSeconds: 0, containers: "
            "[{name: c, image: nginx, resources: {requests: {cpu: '3'}}}]}}"
        )
        await w.ready("big")
        await resize(w, {"cpu": "2"})
        await w.condition("web", "PodResizePending", "True")
        pending = objects.get_condition(await w.pod(), "PodResizePending") or {}
        assert pending["reason"] == "Deferred"
        assert pending["message"] == (
            "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000"
        )
        await w.client.delete(PODS, "big", "default")
        await applied(w, "2")
        assert not objects.get_condition(await w.pod(), "PodResizePending")


@pytest.mark.parametrize(
    ("requests", "more", "message"),
    [
        pytest.param({}, {"limits": {"cpu": None}}, "resource limits cannot be removed", id="a limit is taken away"),
        pytest.param({"cpu": "2"}, {"limits": {"cpu": "2"}}, "Pod QOS Class may not change", id="another QoS class"),
        pytest.param({"ephemeral-storage": "1Gi"}, {}, "only cpu and memory resources are mutable", id="other things"),
    ],
)
async def test_what_a_resize_may_not_do(
    world: Start, requests: dict[str, str], more: dict[str, Any], message: str
) -> None:
    async with world() as w:
        await w.run("{image: nginx, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2, memory: 1Gi}}}")
        with pytest.raises(ApiError, match=message):
            await resize(w, requests, **more)


async def test_pods_that_want_the_same_port_of_a_node_do_not_share_it(world: Start) -> None:
    async with world() as w:
        port = "[{name: c, image: nginx, ports: [{containerPort: 80, hostPort: 8080}]}]"
        for name in ("web", "other"):
            await w.apply(f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: {port}}}}}")
            await w.phase(name, "Running", "Failed")
        status = await w.status("other")
        assert (status["reason"], status["message"]) == (
            "NodePorts",
            "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        )


async def test_a_pod_is_judged_by_the_node_as_it_is_now(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}")
        await w.ready()
        await w.client.patch(NODES, "node-1", {"metadata": {"labels": {"disk": "ssd"}}})
        spec = "{nodeSelector: {disk: ssd}, containers: [{name: c, image: nginx}]}"
        await w.apply(f"{{apiVersion: v1, kind: Pod, metadata: {{name: other}}, spec: {spec}}}")
        await w.ready("other")


async def test_a_pod_that_has_ended_leaves_its_part_of_the_node_to_others(world: Start) -> None:
    async with world() as w:
        big = "{image: busybox, command: [sh, -c, exit 0], resources: {requests: {cpu: '4'}}}"
        await w.run(big, restartPolicy="Never")
        await w.phase("web", "Succeeded")
        container = "{name: c, image: nginx, resources: {requests: {cpu: '4'}}}"
        await w.apply(f"{{apiVersion: v1, kind: Pod, metadata: {{name: next}}, spec: {{containers: [{container}]}}}}")
        await w.ready("next")
