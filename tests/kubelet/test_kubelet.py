"""Pods on one node, from binding to removal, with exact cluster times."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

import pytest

from kube_nb.api.resources import CONFIG_MAPS, NODES, PODS
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

from .conftest import World

Start = Callable[..., AbstractAsyncContextManager[World]]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_bound_pod_becomes_ready_with_the_status_of_a_real_one(world: Start) -> None:
    async with world() as w:
        await w.run("{image: 'nginx:1.27'}")
        await w.ready()
        status = await w.status()
        assert status["phase"] == "Running"
        assert (status["podIP"], status["hostIP"], status["qosClass"]) == ("10.244.1.2", "172.18.0.3", "BestEffort")
        container = status["containerStatuses"][0]
        assert container["image"] == "docker.io/library/nginx:1.27"
        assert container["imageID"].startswith("docker.io/library/nginx@sha256:")
        assert container["containerID"].startswith("containerd://")
        assert container["state"] == {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        assert (container["started"], container["ready"], container["restartCount"]) == (True, True, 0)
        conditions = {row["type"]: row for row in status["conditions"]}
        assert all(row["status"] == "True" and "reason" not in row for row in conditions.values())
        assert list(conditions)[:4] == ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"]


async def test_starting_a_pod_takes_two_status_writes_and_tells_four_events(world: Start) -> None:
    async with world() as w:
        await w.run("{image: 'nginx:1.27'}")
        await w.ready()
        assert w.kubelet.statuses.writes == 2
        assert await w.events() == [
            'Pulling: Pulling image "nginx:1.27"',
            'Pulled: Successfully pulled image "nginx:1.27" in 0s (0s including waiting). Image size: 72300000 bytes.',
            "Created: Container created",
            "Started: Container started",
        ]


async def test_a_crash_loop_waits_10_20_40_80_160_300_seconds_and_starts_over_after_ten_good_minutes(
    world: Start,
) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sh, -c, exit 1]}")
        seen = [await w.restarts(count) for count in range(1, 9)]
        gaps = [later - sooner for sooner, later in pairwise(seen)]
        assert seen[0] == 0
        assert gaps == [10, 20, 40, 80, 160, 300, 300]
        container = await w.container()
        assert container["lastState"]["terminated"]["exitCode"] == 1
        await asyncio.sleep(0.1)
        waiting = (await w.container())["state"]["waiting"]
        uid = (await w.pod())["metadata"]["uid"]
        assert waiting["reason"] == "CrashLoopBackOff"
        assert waiting["message"] == f"back-off 5m0s restarting failed container=c pod=web_default({uid})"
        assert f"BackOff: Back-off restarting failed container c in pod web_default({uid})" in await w.events()
        assert (await w.status())["phase"] == "Running"


async def test_ten_good_minutes_forget_a_crash_loop(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sh, -c, 'sleep 700; exit 1']}")
        assert await w.restarts(1) == 700
        assert await w.restarts(2) == 1400
        assert await w.restarts(3) == 2100


async def test_an_unknown_image_backs_off_with_containerds_words(world: Start) -> None:
    async with world() as w:
        await w.run("{image: 'nginx:1.161'}")
        await asyncio.sleep(1)
        assert (await w.container())["state"]["waiting"]["reason"] == "ErrImagePull"
        await asyncio.sleep(2)
        waiting = (await w.container())["state"]["waiting"]
        reference = "docker.io/library/nginx:1.161"
        error = (
            f'rpc error: code = NotFound desc = failed to pull and unpack image "{reference}": '
            f'failed to resolve reference "{reference}": {reference}: not found'
        )
        assert waiting == {
            "reason": "ImagePullBackOff",
            "message": f'Back-off pulling image "nginx:1.161": ErrImagePull: {error}',
        }
        await asyncio.sleep(10)
        events = await w.events()
        assert f'Failed: Failed to pull image "nginx:1.161": {error}' in events
        assert "Failed: Error: ErrImagePull" in events
        assert "Failed: Error: ImagePullBackOff" in events
        assert 'BackOff: Back-off pulling image "nginx:1.161"' in events
        assert (await w.status())["phase"] == "Pending"


async def test_an_impossible_image_name_says_so(world: Start) -> None:
    async with world() as w:
        await w.run("{image: 'NGINX'}")
        await asyncio.sleep(1)
        waiting = (await w.container())["state"]["waiting"]
        assert waiting["reason"] == "InvalidImageName"
        assert waiting["message"] == (
            'Failed to apply default image tag "NGINX": couldn\'t parse image name "NGINX": '
            "invalid reference format: repository name must be lowercase"
        )


@pytest.mark.parametrize(
    ("container", "grace_s", "takes_s"),
    [
        pytest.param("{image: nginx}", None, 0, id="nginx ends at once"),
        pytest.param("{image: busybox, command: [sleep, infinity]}", None, 30, id="sleep as process 1 ignores SIGTERM"),
        pytest.param(
            "{image: busybox, command: [sleep, infinity]}", 7, 7, id="with the grace period that was asked for"
        ),
        pytest.param("{image: busybox, command: [sleep, infinity]}", 1, 2, id="but never less than two seconds"),
        pytest.param(
            "{image: busybox, command: [sh, -c, 'trap \"sleep 3; exit 0\" TERM; sleep 1000 & wait']}",
            None,
            3,
            id="a trap takes its time",
        ),
    ],
)
async def test_deletion_waits_for_the_grace_period_at_most(
    world: Start, container: str, grace_s: int | None, takes_s: float
) -> None:
    async with world() as w:
        await w.run(container)
        await w.ready()
        began_s = now()
        await w.client.delete(PODS, "web", "default", grace_period_s=grace_s)
        assert await w.gone() - began_s == takes_s
        await asyncio.sleep(0.1)
        assert "Killing: Stopping container c" in await w.events()
        assert not w.kubelet.workers


async def test_a_second_deletion_with_less_grace_hurries_the_first(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sleep, infinity]}", terminationGracePeriodSeconds=600)
        await w.ready()
        await w.client.delete(PODS, "web", "default")
        await asyncio.sleep(5)
        await w.client.delete(PODS, "web", "default", grace_period_s=3)
        await asyncio.sleep(3.1)
        assert not w.kubelet.workers


@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.5, 1, 1.5, 2, 2.3])
async def test_a_pod_can_be_deleted_at_any_moment_of_its_start(world: Start, after_s: float) -> None:
    async with world(speed=1) as w:
        await w.run("{image: nginx}", "{image: busybox, command: [sleep, infinity]}", terminationGracePeriodSeconds=3)
        await asyncio.sleep(after_s)
        await w.client.delete(PODS, "web", "default")
        assert await w.gone() <= after_s + 3
        await asyncio.sleep(0.1)
        assert not w.kubelet.workers
        assert not w.runtime._containers


async def test_a_forced_deletion_leaves_nothing_on_the_node(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sleep, infinity]}")
        await w.ready()
        await w.client.delete(PODS, "web", "default", grace_period_s=0)
        await asyncio.sleep(2.1)
        assert not w.kubelet.workers
        assert w.runtime.find_pod_sandbox("web") is None


@pytest.mark.parametrize(
    ("policy", "code", "phase", "restarts"),
    [
        pytest.param("Never", 0, "Succeeded", 0, id="Never and 0: Succeeded"),
        pytest.param("Never", 3, "Failed", 0, id="Never and 3: Failed"),
        pytest.param("OnFailure", 0, "Succeeded", 0, id="OnFailure and 0: Succeeded"),
    ],
)
async def test_a_pod_that_ends_has_its_exit_codes_phase(
    world: Start, policy: str, code: int, phase: str, restarts: int
) -> None:
    async with world() as w:
        await w.run(f"{{image: busybox, command: [sh, -c, 'sleep 2; exit {code}']}}", restartPolicy=policy)
        assert await w.phase("web", "Succeeded", "Failed") == phase
        container = await w.container()
        assert container["restartCount"] == restarts
        terminated = container["state"]["terminated"]
        assert (terminated["exitCode"], terminated["reason"]) == (code, "Error" if code else "Completed")
        assert terminated["finishedAt"] == "2026-01-01T00:00:02Z"
        ready = next(row for row in (await w.status())["conditions"] if row["type"] == "Ready")
        assert ready["reason"] == ("PodFailed" if code else "PodCompleted")


async def test_init_containers_run_one_after_another_before_the_rest(world: Start) -> None:
    async with world() as w:
        inits = [
            {"name": "one", "image": "busybox", "command": ["sleep", "5"]},
            {"name": "two", "image": "busybox", "command": ["sleep", "7"]},
        ]
        await w.run("{image: nginx}", initContainers=inits)
        await asyncio.sleep(6)
        status = await w.status()
        assert status["phase"] == "Pending"
        assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
        assert status["initContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
        initialized = next(row for row in status["conditions"] if row["type"] == "Initialized")
        assert initialized["message"] == "containers with incomplete status: [two]"
        await w.ready()
        assert now() == 12


async def test_a_failing_init_container_is_retried_or_fails_the_pod(world: Start) -> None:
    async with world() as w:
        failing = [{"name": "init", "image": "busybox", "command": ["sh", "-c", "exit 4"]}]
        await w.run("{image: nginx}", initContainers=failing, restartPolicy="Never")
        assert await w.phase("web", "Failed", "Running") == "Failed"


async def test_a_sidecar_starts_before_and_ends_after_the_main_container(world: Start) -> None:
    async with world() as w:
        sidecar = {"name": "side", "image": "nginx", "restartPolicy": "Always"}
        main = "{image: busybox, command: [sh, -c, 'wget -qO- localhost && sleep 3']}"
        await w.run(main, initContainers=[sidecar], restartPolicy="Never")
        assert await w.phase("web", "Succeeded", "Failed") == "Succeeded"
        status = await w.status()
        assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
        assert now() == 3


READY_AFTER_5 = "{exec: {command: [test, -f, /tmp/ok]}, initialDelaySeconds: 2, periodSeconds: 3}"


async def test_a_readiness_probe_runs_after_its_delay_and_each_period(world: Start) -> None:
    async with world() as w:
        script = "sleep 4; touch /tmp/ok; sleep 10; rm /tmp/ok; sleep 1000"
        await w.run(f"{{image: busybox, command: [sh, -c, '{script}'], readinessProbe: {READY_AFTER_5}}}")
        await w.ready()
        assert now() == 5  # probes at 2 and 5
        await w.condition("web", "Ready", "False")
        assert now() == 20  # the file goes at 14: probes at 14, 17 and 20 fail
        assert (await w.container())["restartCount"] == 0


async def test_a_failing_liveness_probe_restarts_the_container_after_its_grace(world: Start) -> None:
    async with world() as w:
        probe = "{exec: {command: [cat, /tmp/healthy]}, initialDelaySeconds: 5, periodSeconds: 5}"
        script = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600"
        await w.run(f"{{image: busybox, command: [sh, -c, '{script}'], livenessProbe: {probe}}}")
        assert await w.restarts(1) == 70  # fails at 30, 35, 40; 30 s of grace
        events = await w.events()
        assert "Unhealthy: Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n" in events
        assert "Killing: Container c failed liveness probe, will be restarted" in events
        terminated = (await w.container())["lastState"]["terminated"]
        assert terminated["exitCode"] == 137


async def test_an_http_liveness_probe_says_what_it_got(world: Start) -> None:
    async with world() as w:
        probe = "{httpGet: {path: /healthz, port: 8080}, initialDelaySeconds: 3, periodSeconds: 3, failureThreshold: 1}"
        await w.run(f"{{image: registry.k8s.io/liveness, livenessProbe: {probe}}}")
        assert await w.restarts(1) == 12
        assert "Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500" in await w.events()


async def test_a_refused_probe_names_address_and_port(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx, readinessProbe: {tcpSocket: {port: 81}}}")
        await asyncio.sleep(1)
        assert (
            "Unhealthy: Readiness probe failed: dial tcp 10.244.1.2:81: connect: connection refused" in await w.events()
        )
        assert (await w.container())["ready"] is False


async def test_a_startup_probe_holds_the_others_back(world: Start) -> None:
    async with world() as w:
        startup = "{exec: {command: [test, -f, /tmp/up]}, periodSeconds: 10, failureThreshold: 30}"
        liveness = "{exec: {command: [test, -f, /tmp/up]}, periodSeconds: 1, failureThreshold: 1}"
        script = "sleep 25; touch /tmp/up; sleep 1000"
        await w.run(
            f"{{image: busybox, command: [sh, -c, '{script}'], startupProbe: {startup}, livenessProbe: {liveness}}}"
        )
        await w.ready()
        assert now() == 30
        await asyncio.sleep(10)
        assert (await w.container())["restartCount"] == 0


async def test_a_missing_config_map_keeps_the_pod_creating_until_it_comes(world: Start) -> None:
    async with world() as w:
        await w.run(
            "{image: nginx, volumeMounts: [{name: page, mountPath: /usr/share/nginx/html}]}",
            volumes=[{"name": "page", "configMap": {"name": "page"}}],
        )
        await asyncio.sleep(3)
        assert (await w.container())["state"] == {"waiting": {"reason": "ContainerCreating"}}
        assert (
            'FailedMount: MountVolume.SetUp failed for volume "page" : configmaps "page" not found' in await w.events()
        )
        await w.apply("{kind: ConfigMap, apiVersion: v1, metadata: {name: page}, data: {index.html: hello}}")
        await w.ready()
        found = await w.net.host.dial("10.244.1.2", 80)
        await found.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await found.read()).endswith(b"hello")


async def test_changes_of_a_config_map_reach_its_files_within_a_minute(world: Start) -> None:
    async with world() as w:
        await w.apply("{kind: ConfigMap, apiVersion: v1, metadata: {name: page}, data: {a: one}}")
        await w.run(
            "{image: busybox, command: [sleep, infinity], volumeMounts: [{name: page, mountPath: /page}]}",
            volumes=[{"name": "page", "configMap": {"name": "page"}}],
        )
        await w.ready()
        await w.client.patch(CONFIG_MAPS, "page", {"data": {"a": "two"}}, "default")
        await asyncio.sleep(61)
        latest = w.record().instances("c").latest
        assert latest is not None
        assert (await w.runtime.exec_sync(latest.id, ["cat", "/page/a"])).stdout == b"two"


async def test_a_missing_key_is_a_config_error_that_names_it(world: Start) -> None:
    async with world() as w:
        await w.apply("{kind: ConfigMap, apiVersion: v1, metadata: {name: conf}, data: {a: one}}")
        await w.run(
            "{image: busybox, command: [env], env: [{name: B, valueFrom: {configMapKeyRef: {name: conf, key: b}}}]}",
            restartPolicy="Never",
        )
        await asyncio.sleep(1)
        waiting = (await w.container())["state"]["waiting"]
        assert waiting == {
            "reason": "CreateContainerConfigError",
            "message": "couldn't find key b in ConfigMap default/conf",
        }
        assert "Failed: Error: couldn't find key b in ConfigMap default/conf" in await w.events()


async def test_the_environment_holds_references_services_and_expansions(world: Start) -> None:
    async with world() as w:
        await w.apply("{kind: ConfigMap, apiVersion: v1, metadata: {name: conf}, data: {COLOR: blue}}")
        env = (
            "[{name: A, value: one}, {name: B, value: $(A)-$(MISSING)-$$(A)}, "
            "{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, "
            "{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, "
            "{name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]"
        )
        await w.run(
            f"{{image: busybox, args: [echo, $(A), $(B), $(POD), $(IP), $(CPU), $(COLOR), $(KUBERNETES_SERVICE_HOST)], "
            f"env: {env}, envFrom: [{{configMapRef: {{name: conf}}}}], resources: {{limits: {{cpu: 1500m}}}}}}",
            restartPolicy="Never",
        )
        await w.phase("web", "Succeeded")
        chunks = await w.kubelet.endpoint.logs("default", "web", "c", {})
        text = b"".join([chunk async for chunk in chunks]).decode()
        assert text == "one one-$(MISSING)-$(A) web 10.244.1.2 2 blue 10.96.0.1\n"


async def test_a_program_that_takes_too_much_memory_is_oom_killed(world: Start) -> None:
    async with world() as w:
        await w.run(
            "{image: polinux/stress, command: [stress], args: [--vm, '1', --vm-bytes, 250M], "
            "resources: {limits: {memory: 100Mi}}}",
            restartPolicy="Never",
        )
        assert await w.phase("web", "Failed", "Succeeded") == "Failed"
        terminated = (await w.container())["state"]["terminated"]
        assert (terminated["reason"], terminated["exitCode"]) == ("OOMKilled", 137)


async def test_a_command_that_is_not_there_fails_to_start(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [nosuch]}")
        await asyncio.sleep(1)
        container = await w.container()
        terminated = container["lastState"]["terminated"]
        assert (terminated["reason"], terminated["exitCode"]) == ("StartError", 128)
        assert 'exec: "nosuch": executable file not found in $PATH' in terminated["message"]
        assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"


async def test_a_container_that_could_not_start_does_not_disturb_its_neighbour(world: Start) -> None:
    async with world() as w:
        await w.run(
            "{image: busybox, command: [nosuch]}", "{image: busybox, command: [sleep, '9']}", restartPolicy="Never"
        )
        assert await w.phase("web", "Failed", "Succeeded") == "Failed"
        assert now() == 9
        assert (await w.container(index=0))["state"]["terminated"]["reason"] == "StartError"
        assert w.kubelet.statuses.writes < 8


async def test_the_termination_message_is_the_files_or_the_logs_end(world: Start) -> None:
    async with world() as w:
        await w.run(
            "{image: busybox, command: [sh, -c, 'echo done > /dev/termination-log']}",
            "{image: busybox, command: [sh, -c, 'echo oops; exit 1'], terminationMessagePolicy: FallbackToLogsOnError}",
            restartPolicy="Never",
        )
        await w.phase("web", "Failed")
        messages = [(await w.container(index=i))["state"]["terminated"]["message"] for i in (0, 1)]
        assert messages == ["done\n", "oops\n"]


async def test_hooks_run_after_the_start_and_before_the_end(world: Start) -> None:
    async with world() as w:
        start, stop = "{exec: {command: [sleep, '4']}}", "{exec: {command: [sleep, '6']}}"
        hooks = f"{{postStart: {start}, preStop: {stop}}}"
        await w.run(f"{{image: nginx, lifecycle: {hooks}}}")
        await w.ready()
        assert now() == 4
        await w.client.delete(PODS, "web", "default")
        assert await w.gone() == 10


async def test_a_pod_past_its_active_deadline_fails(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}", activeDeadlineSeconds=20, restartPolicy="Never")
        await w.phase("web", "Failed")
        assert now() == 20
        status = await w.status()
        assert status["reason"] == "DeadlineExceeded"
        assert status["message"] == "Pod was active on the node longer than the specified deadline"


async def test_a_pod_takes_the_place_of_one_that_was_deleted_at_once(world: Start) -> None:
    async with world() as w:
        big = "{image: nginx, resources: {requests: {cpu: '3'}}}"
        await w.run(big)
        await w.ready()
        # In one turn, so that the kubelet hears of both before it has stopped anything.
        await asyncio.gather(w.client.delete(PODS, "web", "default", grace_period_s=0), w.run(big))
        await w.ready()


async def test_a_pod_too_big_for_the_node_is_rejected(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx, resources: {requests: {cpu: '5'}}}")
        await w.phase("web", "Failed")
        status = await w.status()
        assert status["reason"] == "OutOfcpu"
        assert status["message"] == (
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000"
        )


async def test_a_readiness_gate_waits_for_its_condition(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}", readinessGates=[{"conditionType": "example.com/ok"}])
        await w.condition("web", "ContainersReady", "True")
        ready = next(row for row in (await w.status())["conditions"] if row["type"] == "Ready")
        assert ready["status"] == "False"
        assert ready["reason"] == "ReadinessGatesNotReady"
        patch = {"status": {"conditions": [{"type": "example.com/ok", "status": "True"}]}}
        await w.client.patch(PODS, "web", patch, "default", type="strategic", subresource="status")
        await w.ready()


async def test_a_new_image_in_the_spec_restarts_the_container_in_place(world: Start) -> None:
    async with world() as w:
        await w.run("{image: 'nginx:1.27'}")
        await w.ready()
        patch = {"spec": {"containers": [{"name": "c", "image": "nginx:1.28"}]}}
        await w.client.patch(PODS, "web", patch, "default", type="strategic")
        await w.restarts(1)
        assert (await w.container())["image"] == "docker.io/library/nginx:1.28"
        assert "Killing: Container c definition changed, will be restarted" in await w.events()


async def test_a_restarted_kubelet_adopts_what_runs(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}")
        await w.ready()
        before = await w.container()
        await w.stop_kubelet()
        await asyncio.sleep(50)
        w.start_kubelet()
        w.run_kubelet()
        await asyncio.sleep(1)
        assert await w.container() == before


async def test_static_pods_run_without_the_api_and_get_mirrors(world: Start) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "etcd", "namespace": "kube-system"},
        "spec": {"hostNetwork": True, "containers": [{"name": "etcd", "image": "nginx"}]},
    }
    async with world(static_pods={"etcd.yaml": manifest}) as w:
        await asyncio.sleep(1)
        mirror = await w.client.get(PODS, "etcd-node-1", "kube-system")
        assert mirror["status"]["phase"] == "Running"
        assert mirror["metadata"]["annotations"]["kubernetes.io/config.source"] == "file"
        assert mirror["status"]["podIP"] == "172.18.0.3"
        await w.client.delete(PODS, "etcd-node-1", "kube-system", grace_period_s=0)
        await asyncio.sleep(1)
        again = await w.client.get(PODS, "etcd-node-1", "kube-system")
        assert again["metadata"]["uid"] != mirror["metadata"]["uid"]
        assert again["status"]["phase"] == "Running"
        w.kubelet.set_static_pods({})
        await asyncio.sleep(1)
        with pytest.raises(ApiError, match="not found"):
            await w.client.get(PODS, "etcd-node-1", "kube-system")


@pytest.mark.parametrize("image", ["busybox", "busybox:1.36"], ids=["as it was", "changed"])
async def test_a_static_pod_that_is_back_while_it_ends_starts_once_it_has_ended(world: Start, image: str) -> None:
    def manifest(image: str) -> Obj:
        deaf = {"name": "c", "image": image, "command": ["sh", "-c", "trap '' TERM; sleep 3600"]}
        spec = {"containers": [deaf], "terminationGracePeriodSeconds": 7}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"}, "spec": spec}

    async with world(static_pods={"web.yaml": manifest("busybox")}) as w:
        await w.ready("web-node-1")
        w.kubelet.set_static_pods({})
        await asyncio.sleep(2)
        w.kubelet.set_static_pods({"web.yaml": manifest(image)})
        await asyncio.sleep(3)
        assert [worker.record.name for worker in w.kubelet.workers.values()] == ["web-node-1"], "the one that ends"
        await asyncio.sleep(4)
        await w.ready("web-node-1")
        container = await w.container("web-node-1")
        assert container["image"] == f"docker.io/library/{image if ':' in image else image + ':latest'}"
        assert container["state"] == {"running": {"startedAt": "2026-01-01T00:00:07Z"}}


async def test_the_node_registers_and_renews_its_lease_each_ten_seconds(world: Start) -> None:
    from kube_nb.api.resources import LEASES

    async with world() as w:
        await asyncio.sleep(35)
        node = await w.client.get(NODES, "node-1")
        ready = next(row for row in node["status"]["conditions"] if row["type"] == "Ready")
        assert ready["status"] == "True"
        assert node["status"]["capacity"]["pods"] == "110"
        assert node["spec"]["podCIDR"] == "10.244.1.0/24"
        lease = await w.client.get(LEASES, "node-1", "kube-node-lease")
        assert lease["spec"]["renewTime"] == "2026-01-01T00:00:30.000000Z"
        assert lease["spec"]["leaseDurationSeconds"] == 40
