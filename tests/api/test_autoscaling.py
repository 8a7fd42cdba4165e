from kube_nb.api import autoscaling
from kube_nb.machinery.types import Obj

TARGET = {"kind": "Deployment", "name": "web"}


def v1(**spec: object) -> Obj:
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": TARGET, **spec},
        "status": {"currentReplicas": 1, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 40},
    }


def test_a_cpu_percentage_becomes_a_metric() -> None:
    found = autoscaling.to_v2(v1(targetCPUUtilizationPercentage=80))
    assert found["apiVersion"] == "autoscaling/v2"
    assert found["spec"] == {
        "maxReplicas": 3,
        "scaleTargetRef": TARGET,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
            }
        ],
    }
    assert found["status"] == {
        "currentReplicas": 1,
        "desiredReplicas": 2,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 40}}}],
    }


def test_a_cpu_metric_becomes_a_percentage_again() -> None:
    there = autoscaling.to_v1(autoscaling.to_v2(v1(targetCPUUtilizationPercentage=80)))
    assert there["spec"] == v1(targetCPUUtilizationPercentage=80)["spec"]
    assert there["status"] == v1()["status"]


def test_what_v1_does_not_know_survives_the_way_there_and_back() -> None:
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Value", "value": "1Gi"}}}
    second: Obj = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "annotations": {"mine": "x"}},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": TARGET,
            "metrics": [memory],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
        "status": {
            "desiredReplicas": 1,
            "currentReplicas": 1,
            "conditions": [{"type": "AbleToScale", "status": "True"}],
        },
    }
    first = autoscaling.to_v1(second)
    assert "targetCPUUtilizationPercentage" not in first["spec"]
    assert first["metadata"]["annotations"]["mine"] == "x"
    assert autoscaling.to_v2(first) == second


def test_a_malformed_annotation_counts_as_none() -> None:
    obj = v1()
    obj["metadata"] = {"name": "web", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": "{nonsense"}}
    assert "metrics" not in autoscaling.to_v2(obj)["spec"]
