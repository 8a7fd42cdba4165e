from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from kube_nb.api import json_path
from kube_nb.api.kinds import Column, Kind
from kube_nb.api.registry import Registry
from kube_nb.api.tables import table
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

NOW = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
REGISTRY = Registry.builtin()


def shown(text: str) -> tuple[list[str], list[Any]]:
    obj = yaml.safe_load(text)
    kind = REGISTRY.by_gvk(GVK.of(obj))
    assert kind is not None
    obj["metadata"] = {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z", **obj.get("metadata", {})}
    result = table(kind, [obj], NOW)
    columns = [column["name"] + ("*" if column["priority"] else "") for column in result["columnDefinitions"]]
    cells = result["rows"][0]["cells"]
    assert len(cells) == len(columns)
    return columns, cells


def pod(status: str, spec: str = "{containers: [{name: c, image: i}]}", metadata: str = "{}") -> Obj:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {metadata}, spec: {spec}, status: {status}}}"
    found: Obj = yaml.safe_load(text)
    found["metadata"] = {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z", **found["metadata"]}
    return found


TWO = "{initContainers: [{name: i}, {name: j}], containers: [{name: c}]}"
SIDECAR = "{initContainers: [{name: s, restartPolicy: Always}], containers: [{name: c}]}"


@pytest.mark.parametrize(
    ("obj", "ready", "status", "restarts"),
    [
        pytest.param(pod("{phase: Pending}"), "0/1", "Pending", "0", id="not scheduled yet"),
        pytest.param(
            pod("{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: SchedulingGated}]}"),
            "0/1",
            "SchedulingGated",
            "0",
            id="gated",
        ),
        pytest.param(
            pod("{phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ContainerCreating}}}]}"),
            "0/1",
            "ContainerCreating",
            "0",
            id="creating",
        ),
        pytest.param(
            pod("{phase: Running, containerStatuses: [{name: c, ready: true, state: {running: {}}, restartCount: 0}]}"),
            "1/1",
            "Running",
            "0",
            id="running",
        ),
        pytest.param(
            pod(
                "{phase: Running, containerStatuses: [{name: c, state: {waiting: {reason: CrashLoopBackOff}}, "
                "restartCount: 3, lastState: {terminated: {exitCode: 1, finishedAt: '2026-01-01T00:09:55Z'}}}]}"
            ),
            "0/1",
            "CrashLoopBackOff",
            "3 (5s ago)",
            id="crashing",
        ),
        pytest.param(
            pod("{phase: Failed, containerStatuses: [{name: c, state: {terminated: {exitCode: 7}}}]}"),
            "0/1",
            "ExitCode:7",
            "0",
            id="an exit code without a reason",
        ),
        pytest.param(
            pod("{phase: Failed, containerStatuses: [{name: c, state: {terminated: {signal: 9, exitCode: 137}}}]}"),
            "0/1",
            "Signal:9",
            "0",
            id="a signal without a reason",
        ),
        pytest.param(
            pod("{phase: Succeeded, containerStatuses: [{name: c, state: {terminated: {reason: Completed}}}]}"),
            "0/1",
            "Completed",
            "0",
            id="completed",
        ),
        pytest.param(pod("{phase: Failed, reason: Evicted}"), "0/1", "Evicted", "0", id="evicted"),
        pytest.param(
            pod(
                "{phase: Pending, initContainerStatuses: [{name: i, state: {terminated: {exitCode: 0}}}, "
                "{name: j, state: {running: {}}}], containerStatuses: [{name: c, "
                "state: {waiting: {reason: PodInitializing}}}]}",
                TWO,
            ),
            "0/1",
            "Init:1/2",
            "0",
            id="the second init container runs",
        ),
        pytest.param(
            pod(
                "{phase: Pending, initContainerStatuses: [{name: i, restartCount: 2, state: "
                "{waiting: {reason: CrashLoopBackOff}}}]}",
                TWO,
            ),
            "0/1",
            "Init:CrashLoopBackOff",
            "2",
            id="an init container crashes",
        ),
        pytest.param(
            pod(
                "{phase: Failed, initContainerStatuses: [{name: i, state: {terminated: {exitCode: 2, "
                "reason: Error}}}]}",
                TWO,
            ),
            "0/1",
            "Init:Error",
            "0",
            id="an init container failed",
        ),
        pytest.param(
            pod(
                "{phase: Running, initContainerStatuses: [{name: s, started: true, ready: true, "
                "state: {running: {}}}], "
                "containerStatuses: [{name: c, ready: true, state: {running: {}}}]}",
                SIDECAR,
            ),
            "2/2",
            "Running",
            "0",
            id="a sidecar counts",
        ),
        pytest.param(
            pod("{phase: Running}", metadata="{deletionTimestamp: '2026-01-01T00:09:00Z'}"),
            "0/1",
            "Terminating",
            "0",
            id="terminating",
        ),
        pytest.param(
            pod("{phase: Running, reason: NodeLost}", metadata="{deletionTimestamp: '2026-01-01T00:09:00Z'}"),
            "0/1",
            "Unknown",
            "0",
            id="on a lost node",
        ),
    ],
)
def test_a_pod_s_status(obj: Obj, ready: str, status: str, restarts: str) -> None:
    kind = REGISTRY.resolve("pods")
    assert kind is not None
    cells = table(kind, [obj], NOW)["rows"][0]["cells"]
    assert cells == ["a", ready, status, restarts, "10m", "<none>", "<none>", "<none>", "<none>"]


@pytest.mark.parametrize(
    ("text", "columns", "cells"),
    [
        pytest.param(
            "{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3, selector: {matchLabels: {app: web}}, "
            "template: "
            "{spec: {containers: [{name: c, image: nginx}, {name: d, image: redis}]}}}, "
            "status: {readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2}}",
            "Name Ready Up-to-date Available Age Containers* Images* Selector*",
            ["a", "2/3", 3, 2, "10m", "c,d", "nginx,redis", "app=web"],
            id="a deployment",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, spec: {type: NodePort, clusterIP: 10.96.0.1, selector: {b: c, a: b}, "
            "ports: [{port: 80, nodePort: 30080, protocol: TCP}, {port: 53, protocol: UDP}]}}",
            "Name Type Cluster-IP External-IP Port(s) Age Selector*",
            ["a", "NodePort", "10.96.0.1", "<none>", "80:30080/TCP,53/UDP", "10m", "a=b,b=c"],
            id="a node port service",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, clusterIP: None}}",
            "Name Type Cluster-IP External-IP Port(s) Age Selector*",
            ["a", "LoadBalancer", "None", "<pending>", "<none>", "10m", "<none>"],
            id="a load balancer without address",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Node, metadata: {labels: {node-role.kubernetes.io/control-plane: ''}}, "
            "spec: {unschedulable: true}, status: {conditions: [{type: Ready, status: 'True'}], "
            "addresses: [{type: InternalIP, address: 10.0.0.1}], nodeInfo: {kubeletVersion: v1.37.0}}}",
            "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
            [
                "a",
                "Ready,SchedulingDisabled",
                "control-plane",
                "10m",
                "v1.37.0",
                "10.0.0.1",
                "<none>",
                "<unknown>",
                "<unknown>",
                "<unknown>",
            ],
            id="a cordoned node",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Endpoints, subsets: [{addresses: [{ip: 10.1.0.1}, {ip: 10.1.0.2}, {ip: 10.1.0.3}, "
            "{ip: 10.1.0.4}], ports: [{port: 80}]}]}",
            "Name Endpoints Age",
            ["a", "10.1.0.1:80,10.1.0.2:80,10.1.0.3:80 + 1 more...", "10m"],
            id="many endpoints",
        ),
        pytest.param(
            "{apiVersion: batch/v1, kind: Job, spec: {completions: 2, template: {spec: {containers: [{name: c, "
            "image: i}]}}}, "
            "status: {succeeded: 1, startTime: '2026-01-01T00:05:00Z'}}",
            "Name Status Completions Duration Age Containers* Images* Selector*",
            ["a", "Running", "1/2", "5m", "10m", "c", "i", "<none>"],
            id="a running job",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Event, type: Warning, reason: Failed, count: 3, message: 'no such image ', "
            "firstTimestamp: '2026-01-01T00:09:00Z', lastTimestamp: '2026-01-01T00:09:30Z', "
            "involvedObject: {kind: Pod, name: web}, source: {component: kubelet, host: n1}}",
            "Last Seen Type Reason Object Subobject* Source* Message First Seen* Count* Name*",
            ["30s", "Warning", "Failed", "pod/web", "", "kubelet, n1", "no such image", "60s", 3, "a"],
            id="an event",
        ),
        pytest.param(
            "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {volumeName: pv, storageClassName: std}, "
            "status: {phase: Bound, capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce]}}",
            "Name Status Volume Capacity Access Modes StorageClass VolumeAttributesClass Age VolumeMode*",
            ["a", "Bound", "pv", "1Gi", "RWO", "std", "<unset>", "10m", "<unset>"],
            id="a bound claim",
        ),
        pytest.param(
            "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 5, minReplicas: 1, "
            "scaleTargetRef: {kind: Deployment, name: web}, metrics: [{type: Resource, resource: {name: cpu, "
            "target: {type: Utilization, averageUtilization: 80}}}]}}",
            "Name Reference Targets MinPods MaxPods Replicas Age",
            ["a", "Deployment/web", "cpu: <unknown>/80%", "1", 5, 0, "10m"],
            id="an autoscaler without metrics",
        ),
        pytest.param(
            "{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {rules: [{host: a.example}], tls: [{}]}}",
            "Name Class Hosts Address Ports Age",
            ["a", "<none>", "a.example", "", "80, 443", "10m"],
            id="an ingress",
        ),
        pytest.param(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole}",
            "Name Created At",
            ["a", "2026-01-01T00:00:00Z"],
            id="a kind without printer",
        ),
        pytest.param(
            "{apiVersion: v1, kind: ResourceQuota, status: {hard: {pods: '4', limits.cpu: '2'}, used: {pods: '1'}}}",
            "Name Request Limit Age",
            ["a", "pods: 1/4", "limits.cpu: 0/2", "10m"],
            id="a quota",
        ),
    ],
)
def test_the_row_of(text: str, columns: str, cells: list[Any]) -> None:
    names, found = shown(text)
    assert " ".join(names) == columns
    assert found == cells


@pytest.mark.parametrize("kind", REGISTRY.kinds(), ids=repr)
def test_every_kind_prints_an_object_that_has_only_a_name(kind: Kind) -> None:
    result = table(kind, [{"metadata": {"name": "a"}}], NOW)
    assert len(result["rows"][0]["cells"]) == len(result["columnDefinitions"])


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("None", None),
        ("Metadata", {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "a"}}),
        ("Object", {"metadata": {"name": "a"}}),
    ],
)
def test_rows_carry_what_is_asked_for(include: str, expected: Obj | None) -> None:
    kind = REGISTRY.resolve("configmaps")
    assert kind is not None
    row = table(kind, [{"metadata": {"name": "a"}}], NOW, include)["rows"][0]
    assert row.get("object") == expected


def test_a_custom_resource_prints_its_own_columns() -> None:
    columns = (
        Column("Spec", "string", ".spec.cronSpec"),
        Column("Replicas", "integer", ".spec.replicas", priority=1),
        Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        Column("Age", "date", ".metadata.creationTimestamp"),
    )
    kind = Kind("example.com", "v1", "CronTab", "crontabs", "crontab", True, columns=columns)
    obj = {
        "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"cronSpec": "* * * * *", "replicas": 3},
        "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]},
    }
    result = table(kind, [obj], NOW)
    assert [column["name"] for column in result["columnDefinitions"]] == ["Name", "Spec", "Replicas", "Ready", "Age"]
    assert result["rows"][0]["cells"] == ["a", "* * * * *", 3, "True", "10m"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".a.b", [1]),
        ("{.a.b}", [1]),
        ("$.a", [{"b": 1}]),
        (".list[0].n", ["x"]),
        (".list[-1].n", ["y"]),
        (".list[*].n", ["x", "y"]),
        ("['odd.key']", [2]),
        (".odd\\.key", [2]),
        ('.list[?(@.n=="y")].v', [True]),
        (".list[?(@.v==true)].n", ["y"]),
        (".list[?(@.v)].n", ["y"]),
        (".nothing.here", []),
    ],
)
def test_json_paths(path: str, expected: list[Any]) -> None:
    value = {"a": {"b": 1}, "odd.key": 2, "list": [{"n": "x"}, {"n": "y", "v": True}]}
    assert json_path.find(path, value) == expected


def test_a_json_path_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ValueError, match="unrecognized JSONPath"):
        json_path.find("..a", {})


def test_both_events_print_alike() -> None:
    old = {"type": "Normal", "reason": "Started", "message": "m", "involvedObject": {"kind": "Pod", "name": "w"}}
    new = {"type": "Normal", "reason": "Started", "note": "m", "regarding": {"kind": "Pod", "name": "w"}}
    first, second = (
        table(kind, [{"metadata": {"name": "a"}, **obj}], NOW)
        for kind, obj in (
            (GVK("", "v1", "Event"), old),
            (GVK("events.k8s.io", "v1", "Event"), new),
        )
    )
    assert first["rows"][0]["cells"] == second["rows"][0]["cells"]
