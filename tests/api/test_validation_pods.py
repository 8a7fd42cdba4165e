from collections.abc import Callable
from typing import Any

import pytest

from kube_nb.api import defaults
from kube_nb.api.registry import Registry
from kube_nb.api.validation import validate
from kube_nb.machinery.types import Obj

KIND = Registry.builtin().resolve("pods")


def pod(**spec: Any) -> Any:
    obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "nginx"}], **spec},
    }
    assert KIND is not None
    return defaults.apply(KIND, obj)


def container(**fields: Any) -> Obj:
    return pod(containers=[{"name": "c", "image": "nginx", **fields}])  # type: ignore[no-any-return]  # a pod


def faults(obj: Obj, old: Obj | None = None, subresource: str = "") -> list[str]:
    assert KIND is not None
    return [str(fault) for fault in validate(KIND, obj, old, subresource)]


def test_a_plain_pod_is_fine() -> None:
    assert faults(pod()) == []


NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(pod(containers=[]), ["spec.containers: Required value"], id="no containers"),
        pytest.param(
            pod(containers=[{"image": "nginx"}]), ["spec.containers[0].name: Required value"], id="a nameless container"
        ),
        pytest.param(pod(containers=[{"name": "c"}]), ["spec.containers[0].image: Required value"], id="no image"),
        pytest.param(
            container(image=" nginx"),
            ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
            id="a blank before the image",
        ),
        pytest.param(
            container(name="Nginx"),
            [f'spec.containers[0].name: Invalid value: "Nginx": {LABEL}'],
            id="a capital letter",
        ),
        pytest.param(
            pod(containers=[{"name": "c", "image": "a"}, {"name": "c", "image": "b"}]),
            ['spec.containers[1].name: Duplicate value: "c"'],
            id="two containers of one name",
        ),
        pytest.param(
            container(imagePullPolicy="Sometimes"),
            [
                'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": '
                'supported values: "Always", "IfNotPresent", "Never"'
            ],
            id="an unknown pull policy",
        ),
        pytest.param(
            container(ports=[{"containerPort": 0}]),
            ["spec.containers[0].ports[0].containerPort: Required value"],
            id="port zero",
        ),
        pytest.param(
            container(ports=[{"containerPort": 70000}]),
            ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
            id="a port too high",
        ),
        pytest.param(
            container(ports=[{"containerPort": 80, "name": "toolongportname1"}]),
            ['spec.containers[0].ports[0].name: Invalid value: "toolongportname1": must be no more than 15 bytes'],
            id="a port's name too long",
        ),
        pytest.param(
            container(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
            ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//80"'],
            id="a host port twice",
        ),
        pytest.param(
            container(ports=[{"containerPort": 80, "protocol": "HTTP"}]),
            ['spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
            id="no such protocol",
        ),
        pytest.param(
            container(env=[{"value": "x"}]),
            ["spec.containers[0].env[0].name: Required value"],
            id="a nameless variable",
        ),
        pytest.param(
            container(env=[{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
            ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
            id="a value and its source",
        ),
        pytest.param(
            container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nosuch"}}}]),
            [
                'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nosuch": '
                "error converting fieldPath: field label not supported: spec.nosuch"
            ],
            id="an unknown field",
        ),
        pytest.param(
            container(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m"}}}]),
            ["spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value"],
            id="a reference without key",
        ),
        pytest.param(
            container(envFrom=[{}]),
            ['spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
            id="variables from nowhere",
        ),
        pytest.param(
            container(volumeMounts=[{"name": "v", "mountPath": "/a"}]),
            ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
            id="a mount without volume",
        ),
        pytest.param(
            pod(
                volumes=[{"name": "v"}],
                containers=[
                    {
                        "name": "c",
                        "image": "i",
                        "volumeMounts": [
                            {"name": "v", "mountPath": "/a"},
                            {"name": "v", "mountPath": "/a", "subPath": "../b"},
                        ],
                    }
                ],
            ),
            [
                'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
                "spec.containers[0].volumeMounts.subPath: Invalid value: \"../b\": must not contain '..'",
            ],
            id="two mounts at one place",
        ),
        pytest.param(
            container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
            ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
            id="more requested than allowed",
        ),
        pytest.param(
            container(resources={"requests": {"cpu": "-1"}}),
            ['spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
            id="a negative request",
        ),
        pytest.param(
            container(resources={"limits": {"nvidia.com/gpu": "500m"}}),
            [
                'spec.containers[0].resources.limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer',
                'spec.containers[0].resources.requests[nvidia.com/gpu]: Invalid value: "500m": must be an integer',
            ],
            id="half a gpu",
        ),
        pytest.param(
            container(livenessProbe={}),
            ["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
            id="an empty probe",
        ),
        pytest.param(
            container(livenessProbe={"tcpSocket": {"port": 80}, "successThreshold": 2}),
            ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
            id="a liveness probe that must succeed twice",
        ),
        pytest.param(
            container(readinessProbe={"httpGet": {"port": "no_such"}, "periodSeconds": -1}),
            [
                'spec.containers[0].readinessProbe.httpGet.port: Invalid value: "no_such": '
                "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: "
                "must be greater than or equal to 0",
            ],
            id="a probe of a malformed port, backwards in time",
        ),
        pytest.param(
            pod(initContainers=[{"name": "i", "image": "i", "readinessProbe": {"exec": {"command": ["a"]}}}]),
            [
                "spec.initContainers[0].readinessProbe: Forbidden: "
                "may not be set for init containers without restartPolicy=Always"
            ],
            id="an init container with a probe",
        ),
        pytest.param(
            pod(restartPolicy="Sometimes"),
            ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
            id="an unknown restart policy",
        ),
        pytest.param(
            pod(dnsPolicy="None"),
            ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
            id="no DNS at all",
        ),
        pytest.param(
            pod(activeDeadlineSeconds=0),
            ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
            id="no time to live",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "secret": {}}]),
            ["spec.volumes[0].secret.secretName: Required value"],
            id="a secret volume without secret",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
            ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
            id="two sources of a volume",
        ),
        pytest.param(
            pod(volumes=[{"name": "v"}, {"name": "v"}]),
            ['spec.volumes[1].name: Duplicate value: "v"'],
            id="two volumes of one name",
        ),
        pytest.param(
            pod(tolerations=[{"operator": "Equal", "value": "x"}]),
            [
                'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, '
                'which means "match all values and all keys"'
            ],
            id="a toleration of nothing",
        ),
        pytest.param(
            pod(tolerations=[{"key": "a", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 1}]),
            [
                'spec.tolerations[0].effect: Invalid value: "NoSchedule": '
                "effect must be 'NoExecute' when `tolerationSeconds` is set"
            ],
            id="seconds for the wrong effect",
        ),
        pytest.param(
            pod(
                affinity={
                    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}},
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]},
                }
            ),
            [
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
                "Required value: must have at least one node selector term",
                "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
                "Required value: can not be empty",
                "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
                'Invalid value: "": name part must be non-empty',
                "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: "
                f'Invalid value: "": {NAME_PART}',
            ],
            id="empty affinities",
        ),
        pytest.param(
            pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "Cry"}]),
            [
                "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
                'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Cry": '
                'supported values: "DoNotSchedule", "ScheduleAnyway"',
            ],
            id="an impossible spread",
        ),
        pytest.param(
            pod(hostPID=True, shareProcessNamespace=True, securityContext={"fsGroup": -1}),
            [
                "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "spec.securityContext.shareProcessNamespace: Invalid value: true: "
                "ShareProcessNamespace and HostPID cannot both be enabled",
            ],
            id="sharing with the host",
        ),
        pytest.param(
            pod(volumes=[{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]),
            [
                "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: "
                "must not be specified when serviceAccountName is not set"
            ],
            id="a token of nobody",
        ),
        pytest.param(
            container(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
            [
                "spec.containers[0].securityContext: Invalid value: "
                '{"privileged":true,"allowPrivilegeEscalation":false}: '
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            ],
            id="privileged but not escalating",
        ),
    ],
)
def test_a_pod_is_refused_for(obj: Obj, expected: list[str]) -> None:
    assert faults(obj) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"namespace": "default"}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "a"}, ["metadata.namespace: Required value"]),
        (
            {"name": "a", "namespace": "default", "labels": {"-a": "b"}},
            [
                'metadata.labels: Invalid value: "-a": name part must '
                "consist of alphanumeric characters, '-', '_' or "
                "'.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
                "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ],
        ),
        (
            {"name": "a", "namespace": "default", "annotations": {"a": "x" * 262145}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        (
            {"name": "a", "namespace": "default", "finalizers": ["mine"]},
            [
                'metadata.finalizers: Invalid value: "mine": '
                "name is neither a standard finalizer name nor is it fully qualified"
            ],
        ),
        (
            {
                "name": "a",
                "namespace": "default",
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "b"}],
            },
            ['metadata.ownerReferences[0].uid: Invalid value: "": must not be empty'],
        ),
    ],
    ids=["no name", "no namespace", "a bad label", "a long annotation", "a bare finalizer", "an owner without uid"],
)
def test_metadata_is_refused(metadata: Obj, expected: list[str]) -> None:
    assert faults({**pod(), "metadata": metadata}) == expected


UPDATE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda spec: {**spec, "containers": [{**spec["containers"][0], "image": "b"}]}, [], id="an image"),
        pytest.param(lambda spec: {**spec, "tolerations": [{"key": "a", "operator": "Exists"}]}, [], id="tolerations"),
        pytest.param(lambda spec: {**spec, "activeDeadlineSeconds": 5}, [], id="a deadline"),
        pytest.param(lambda spec: {**spec, "nodeName": "n"}, [UPDATE], id="its node"),
        pytest.param(
            lambda spec: {**spec, "containers": [{**spec["containers"][0], "tty": True}]}, [UPDATE], id="a container"
        ),
        pytest.param(
            lambda spec: {**spec, "containers": [*spec["containers"], {**spec["containers"][0], "name": "d"}]},
            ["spec.containers: Forbidden: pod updates may not add or remove containers"],
            id="one container more",
        ),
    ],
)
def test_a_pod_s_update_may_change(change: Callable[[Obj], Obj], expected: list[str]) -> None:
    old = pod()
    assert faults({**old, "spec": change(old["spec"])}, old) == expected


def test_subresources_have_rules_of_their_own() -> None:
    old = container(resources={"requests": {"cpu": "2"}})
    resized = container(resources={"requests": {"cpu": "1"}})
    assert faults(resized, old) == [UPDATE]
    assert faults(resized, old, "resize") == []
    assert faults(resized, pod(), "resize") == [
        'spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing'
    ]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("name", "b", ['metadata.name: Invalid value: "b": field is immutable']),
        ("uid", "u2", ['metadata.uid: Invalid value: "u2": field is immutable']),
        ("generation", 1, ["metadata.generation: Invalid value: 1: must not be decremented"]),
        ("labels", {"a": "b"}, []),
    ],
)
def test_of_metadata_an_update_may_change(field: str, value: Any, expected: list[str]) -> None:
    old = pod()
    old = {**old, "metadata": {**old["metadata"], "uid": "u1", "generation": 2}}
    assert faults({**old, "metadata": {**old["metadata"], field: value}}, old) == expected


def test_finalizers_cannot_be_added_to_what_is_being_deleted() -> None:
    old = pod()
    old = {**old, "metadata": {**old["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    new = {**old, "metadata": {**old["metadata"], "finalizers": ["example.com/x"]}}
    assert faults(new, old) == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"example.com/x"}'
    ]
