"""Models test/e2e/common/node: init_container.go, container_probe.go, kubelet.go, expansion.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import AGNHOST, BUSYBOX, PAUSE, condition_of, is_ready, pod, shell, when


def _with_init(*commands: str, main: str, policy: str, image: str = BUSYBOX) -> dict[str, Any]:
    """The nth init container is ``init<n>``, the main one ``run1``."""
    init = [
        {"name": f"init{number}", "image": BUSYBOX, "command": [command]}
        for number, command in enumerate(commands, start=1)
    ]
    run: dict[str, Any] = {"name": "run1", "image": image}
    if main:
        run["command"] = [main]
    spec = {"restartPolicy": policy, "initContainers": init, "containers": [run], "terminationGracePeriodSeconds": 0}
    return {"metadata": {"name": "pod-init"}, "spec": spec}


def _create(kube: Kube, body: dict[str, Any]) -> None:
    kube.core.create_namespaced_pod(kube.namespace, body)
    kube.settle()


def _read(kube: Kube, name: str) -> Any:
    return kube.core.read_namespaced_pod(name, kube.namespace)


def _exit_codes(found: Any) -> list[int | None]:
    return [
        row.state.terminated.exit_code if row.state.terminated else None for row in found.status.init_container_statuses
    ]


@conformance(
    "[sig-node] InitContainer should invoke init containers on a RestartNever pod [Conformance] [NodeConformance]"
)
def test_init_containers_come_first_in_a_pod_that_ends(kube: Kube) -> None:
    _create(kube, _with_init("/bin/true", "/bin/true", main="/bin/true", policy="Never"))
    found = _read(kube, "pod-init")
    assert found.status.phase == "Succeeded"
    assert condition_of(found, "Initialized").status == "True"
    assert _exit_codes(found) == [0, 0]
    assert all(row.ready for row in found.status.init_container_statuses)
    first, second = (row.state.terminated for row in found.status.init_container_statuses)
    assert first.finished_at <= second.started_at <= found.status.container_statuses[0].state.terminated.started_at


@conformance(
    "[sig-node] InitContainer should invoke init containers on a RestartAlways pod [Conformance] [NodeConformance]"
)
def test_init_containers_come_first_in_a_pod_that_stays(kube: Kube) -> None:
    _create(kube, _with_init("/bin/true", "/bin/true", main="", policy="Always", image=PAUSE))
    found = _read(kube, "pod-init")
    assert found.status.phase == "Running"
    assert condition_of(found, "Initialized").status == "True"
    assert _exit_codes(found) == [0, 0]
    assert found.status.container_statuses[0].state.running is not None


@conformance(
    "[sig-node] InitContainer should not start app containers if init containers fail on a RestartAlways pod [Conformance] [NodeConformance]"
)
def test_a_failing_init_container_is_repeated_and_the_app_waits(kube: Kube) -> None:
    _create(kube, _with_init("/bin/false", "/bin/true", main="", policy="Always", image=PAUSE))
    found = when(
        kube,
        kube.core.list_namespaced_pod,
        "pod-init",
        lambda found: found.status.init_container_statuses[0].restart_count >= 3,
    )
    first, second = found.status.init_container_statuses
    assert (first.last_state.terminated.exit_code, second.state.waiting.reason) == (1, "PodInitializing")
    assert found.status.phase == "Pending"
    initialized = condition_of(found, "Initialized")
    assert (initialized.status, initialized.reason) == ("False", "ContainersNotInitialized")
    assert initialized.message == "containers with incomplete status: [init1 init2]"
    assert found.status.container_statuses[0].state.waiting.reason == "PodInitializing"


@conformance(
    "[sig-node] InitContainer should not start app containers and fail the pod if init containers fail on a RestartNever pod [Conformance] [NodeConformance]"
)
def test_a_failing_init_container_fails_a_pod_that_must_not_restart(kube: Kube) -> None:
    _create(kube, _with_init("/bin/true", "/bin/false", main="/bin/true", policy="Never"))
    found = _read(kube, "pod-init")
    assert found.status.phase == "Failed"
    assert _exit_codes(found) == [0, 1]
    initialized = condition_of(found, "Initialized")
    assert (initialized.status, initialized.reason) == ("False", "ContainersNotInitialized")
    assert initialized.message == "containers with incomplete status: [init2]"
    assert found.status.container_statuses[0].state.waiting.reason == "PodInitializing"


@conformance(
    "[sig-node] Probing container with readiness probe should not be ready before initial delay and never restart [Conformance] [NodeConformance]"
)
def test_a_pod_is_not_ready_before_its_probes_initial_delay(kube: Kube) -> None:
    probe = {"httpGet": {"path": "/", "port": 81}, "initialDelaySeconds": 30}
    container = {"args": ["test-webserver", "--port=81"], "readinessProbe": probe}
    _create(kube, pod("test-webserver", AGNHOST, container=container))
    found = when(kube, kube.core.list_namespaced_pod, "test-webserver", is_ready)
    status = found.status.container_statuses[0]
    ready_after = condition_of(found, "Ready").last_transition_time - status.state.running.started_at
    assert ready_after.total_seconds() >= 30
    assert status.restart_count == 0


@conformance(
    "[sig-node] Probing container with readiness probe that fails should never be ready and never restart [Conformance] [NodeConformance]"
)
def test_a_pod_whose_readiness_fails_is_neither_ready_nor_restarted(kube: Kube) -> None:
    probe = {"exec": {"command": ["/bin/false"]}, "initialDelaySeconds": 5}
    container = {"args": ["test-webserver"], "readinessProbe": probe}
    _create(kube, pod("test-webserver", AGNHOST, container=container))
    with kube.watch(kube.core.list_namespaced_pod, kube.namespace) as events:
        kube.advance("3m")
        kube.core.patch_namespaced_pod("test-webserver", kube.namespace, {"metadata": {"labels": {"end": "now"}}})
        seen = []
        while not (event := events.next()).object.metadata.labels:
            seen.append(event)
        assert not any(is_ready(each.object) for each in [*seen, event])
    assert event.object.status.phase == "Running"
    assert event.object.status.container_statuses[0].restart_count == 0


@conformance(
    "[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should have an terminated reason [Conformance] [NodeConformance]"
)
def test_a_container_that_ended_has_a_reason(kube: Kube) -> None:
    _create(kube, pod("bin-false", BUSYBOX, command=["/bin/false"], restartPolicy="Never"))
    terminated = _read(kube, "bin-false").status.container_statuses[0].state.terminated
    assert (terminated.exit_code, terminated.reason) == (1, "Error")


@conformance(
    "[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete [Conformance] [NodeConformance]"
)
def test_a_pod_that_crashes_again_and_again_can_be_deleted(kube: Kube) -> None:
    _create(kube, pod("bin-false", BUSYBOX, command=["/bin/false"]))
    state = _read(kube, "bin-false").status.container_statuses[0]
    assert state.restart_count > 0
    kube.core.delete_namespaced_pod("bin-false", kube.namespace)
    kube.until_gone(kube.core.read_namespaced_pod, "bin-false", kube.namespace)


def _with_sub_path(name: str, value: str) -> dict[str, Any]:
    mount = {"name": "workdir1", "mountPath": "/volume_mount", "subPathExpr": "$(POD_NAME)"}
    container = {"env": [{"name": "POD_NAME", "value": value}], "volumeMounts": [mount]}
    main = {**shell("sleep 3600"), "container": container}
    return pod(name, **main, volumes=[{"name": "workdir1", "emptyDir": {}}])


def _never_starts(kube: Kube, name: str, message: str) -> None:
    kube.settle()
    found = _read(kube, name)
    state = found.status.container_statuses[0].state
    assert found.status.phase == "Pending"
    assert (state.running, state.waiting.reason) == (None, "CreateContainerConfigError")
    assert message in state.waiting.message


@conformance(
    "[sig-node] Variable Expansion should fail substituting values in a volume subpath with absolute path [Conformance]"
)
def test_an_absolute_sub_path_keeps_a_pod_from_starting(kube: Kube) -> None:
    _create(kube, _with_sub_path("var-expansion", "/tmp"))
    _never_starts(kube, "var-expansion", "must not be an absolute path")


@conformance(
    "[sig-node] Variable Expansion should fail substituting values in a volume subpath with backticks [Conformance]"
)
def test_backticks_in_a_sub_path_keep_a_pod_from_starting(kube: Kube) -> None:
    _create(kube, _with_sub_path("var-expansion", ".."))
    _never_starts(kube, "var-expansion", "must not contain '..'")
