"""What ``kubectl rollout status`` says of an object. Models kubectl pkg/polymorphichelpers/rollout_status.go."""

from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


def of(obj: Obj, revision: int = 0) -> tuple[str, bool]:
    """A line of text, and whether the rollout is complete; KubectlError if it has failed."""
    if obj["kind"] == "Deployment":
        return _deployment(obj, revision)
    return _daemon_set(obj) if obj["kind"] == "DaemonSet" else _stateful_set(obj)


def _deployment(obj: Obj, revision: int) -> tuple[str, bool]:
    spec, status, name = obj["spec"], obj.get("status") or {}, objects.name(obj)
    if revision and int(objects.annotations(obj).get("deployment.kubernetes.io/revision") or 0) > revision:
        now = objects.annotations(obj)["deployment.kubernetes.io/revision"]
        raise KubectlError(f"error: desired revision ({revision}) is different from the running revision ({now})")
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...\n", False
    progressing = objects.get_condition(obj, "Progressing")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        raise KubectlError(f'error: deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...\n", False
    if status.get("replicas", 0) > updated:
        old = status["replicas"] - updated
        return f"{waiting}{old} old replicas are pending termination...\n", False
    available = status.get("availableReplicas", 0)
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...\n", False
    return f'deployment "{name}" successfully rolled out\n', True


def _daemon_set(obj: Obj) -> tuple[str, bool]:
    status, name = obj.get("status") or {}, objects.name(obj)
    if obj["spec"].get("updateStrategy", {}).get("type") != "RollingUpdate":
        raise KubectlError("error: rollout status is only available for RollingUpdate strategy type")
    if obj["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for daemon set spec update to be observed...\n", False
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new pods have been updated...\n", False
    if available < wanted:
        return f"{waiting}{available} of {wanted} updated pods are available...\n", False
    return f'daemon set "{name}" successfully rolled out\n', True


def _stateful_set(obj: Obj) -> tuple[str, bool]:
    spec, status = obj["spec"], obj.get("status") or {}
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type") != "RollingUpdate":
        raise KubectlError("error: rollout status is only available for RollingUpdate strategy type")
    if not status.get("observedGeneration") or obj["metadata"].get("generation", 0) > status["observedGeneration"]:
        return "Waiting for statefulset spec update to be observed...\n", False
    wanted, ready, updated = spec.get("replicas", 1), status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...\n", False
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    if partition:
        if updated < wanted - partition:
            goal = f"{updated} out of {wanted - partition} new pods have been updated...\n"
            return f"Waiting for partitioned roll out to finish: {goal}", False
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    if status.get("updateRevision") != status.get("currentRevision"):
        return (
            f"waiting for statefulset rolling update to complete {updated} pods at revision "
            f"{status.get('updateRevision')}...\n",
            False,
        )
    return f"statefulset rolling update complete {ready} pods at revision {status.get('currentRevision')}...\n", True
