import copy
from typing import Any

import pytest
import yaml

from kube_nb.api import defaults, definitions
from kube_nb.api.default_rules import RULES, image_tag
from kube_nb.api.registry import Registry
from kube_nb.api.schema import short_name
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

REGISTRY = Registry.builtin()


def defaulted(text: str) -> Any:
    obj = yaml.safe_load(text)
    kind = REGISTRY.by_gvk(GVK.of(obj))
    assert kind is not None
    before = copy.deepcopy(obj)
    result = defaults.apply(kind, obj)
    assert obj == before
    assert defaults.apply(kind, result) is result
    return result


def test_every_row_and_rule_belongs_to_a_definition() -> None:
    known = {short_name(name): schema for name, schema in definitions.load("1.37").schemas.items()}
    for name, fields in defaults.constants().items():
        assert fields.keys() <= known[name]["properties"].keys(), name
    assert RULES.keys() <= known.keys()


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:1.25", "1.25"),
        ("registry:5000/nginx", "latest"),
        ("registry:5000/team/nginx:latest", "latest"),
        ("nginx@sha256:abc", ""),
        ("nginx:1.25@sha256:abc", "1.25"),
    ],
)
def test_image_tags(image: str, tag: str) -> None:
    assert image_tag(image) == tag


POD = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: %s}"


@pytest.mark.parametrize(
    ("spec", "path", "expected"),
    [
        ("{containers: [{name: a, image: nginx}]}", "containers.0.imagePullPolicy", "Always"),
        ("{containers: [{name: a, image: 'nginx:1'}]}", "containers.0.imagePullPolicy", "IfNotPresent"),
        (
            "{containers: [{name: a, imagePullPolicy: Never}]}",
            "containers.0",
            {
                "name": "a",
                "imagePullPolicy": "Never",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            },
        ),
        (
            "{containers: [{name: a, livenessProbe: {httpGet: {port: 80}}}]}",
            "containers.0.livenessProbe",
            {
                "failureThreshold": 3,
                "periodSeconds": 10,
                "successThreshold": 1,
                "timeoutSeconds": 1,
                "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
            },
        ),
        (
            "{containers: [{name: a, resources: {limits: {cpu: '1', memory: 1Gi}, requests: {cpu: 100m}}}]}",
            "containers.0.resources.requests",
            {"cpu": "100m", "memory": "1Gi"},
        ),
        ("{hostNetwork: true, containers: [{ports: [{containerPort: 8080}]}]}", "containers.0.ports.0.hostPort", 8080),
        (
            "{containers: [{env: [{valueFrom: {fieldRef: {fieldPath: x}}}]}]}",
            "containers.0.env.0.valueFrom.fieldRef.apiVersion",
            "v1",
        ),
        ("{volumes: [{name: v}]}", "volumes.0", {"name": "v", "emptyDir": {}}),
        ("{volumes: [{name: v, hostPath: {path: /}}]}", "volumes.0.hostPath", {"path": "/", "type": ""}),
        ("{volumes: [{name: v, secret: {}}]}", "volumes.0.secret.defaultMode", 420),
        (
            "{serviceAccount: builder}",
            "",
            {
                "dnsPolicy": "ClusterFirst",
                "enableServiceLinks": True,
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "serviceAccount": "builder",
                "serviceAccountName": "builder",
                "terminationGracePeriodSeconds": 30,
            },
        ),
    ],
)
def test_a_pod_s_defaults(spec: str, path: str, expected: Any) -> None:
    assert at(defaulted(POD % spec)["spec"], path) == expected


def at(value: Any, path: str) -> Any:
    for step in filter(None, path.split(".")):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        pytest.param(
            "{apiVersion: apps/v1, kind: Deployment, spec: {template: {}}}",
            "spec.strategy",
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            id="a deployment rolls",
        ),
        pytest.param(
            "{apiVersion: apps/v1, kind: Deployment, spec: {strategy: {type: Recreate}}}",
            "spec.strategy",
            {"type": "Recreate"},
            id="unless it recreates",
        ),
        pytest.param(
            "{apiVersion: apps/v1, kind: DaemonSet, spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 2}}}}",
            "spec.updateStrategy",
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}},
            id="a daemon set keeps what is given",
        ),
        pytest.param(
            "{apiVersion: apps/v1, kind: StatefulSet, spec: {volumeClaimTemplates: [{metadata: {name: data}}]}}",
            "spec.volumeClaimTemplates.0",
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data"},
                "status": {"phase": "Pending"},
            },
            id="claim templates get a type and a phase",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, spec: {type: NodePort, ports: [{port: 80}]}}",
            "spec",
            {
                "type": "NodePort",
                "externalTrafficPolicy": "Cluster",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
                "sessionAffinity": "None",
            },
            id="a node port service",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: x}}",
            "spec",
            {"type": "ExternalName", "externalName": "x", "sessionAffinity": "None"},
            id="an external name has no traffic policy",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, spec: {sessionAffinity: ClientIP}}",
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            10800,
            id="sticky for three hours",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Secret, stringData: {a: b}, data: {c: ZA==}}",
            "data",
            {"a": "Yg==", "c": "ZA=="},
            id="string data is encoded",
        ),
        pytest.param(
            "{apiVersion: batch/v1, kind: Job, spec: {template: {metadata: {labels: {a: b}}}}}",
            "metadata.labels",
            {"a": "b"},
            id="a job takes its template's labels",
        ),
        pytest.param(
            "{apiVersion: batch/v1, kind: Job, spec: {parallelism: 3, backoffLimitPerIndex: 1}}",
            "spec",
            {
                "backoffLimit": 2147483647,
                "backoffLimitPerIndex": 1,
                "completionMode": "NonIndexed",
                "manualSelector": False,
                "parallelism": 3,
                "podReplacementPolicy": "TerminatingOrFailed",
                "suspend": False,
            },
            id="a work queue has no completions",
        ),
        pytest.param(
            "{apiVersion: v1, kind: ReplicationController, spec: {template: {metadata: {labels: {a: b}}}}}",
            "spec.selector",
            {"a": "b"},
            id="a replication controller selects its template",
        ),
        pytest.param(
            "{apiVersion: v1, kind: LimitRange, spec: {limits: "
            "[{type: Container, max: {cpu: '2'}, min: {memory: 1Mi}}]}}",
            "spec.limits.0",
            {
                "type": "Container",
                "max": {"cpu": "2"},
                "min": {"memory": "1Mi"},
                "default": {"cpu": "2"},
                "defaultRequest": {"cpu": "2", "memory": "1Mi"},
            },
            id="limits follow max, requests follow limits and min",
        ),
        pytest.param(
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {egress: [{}]}}",
            "spec.policyTypes",
            ["Ingress", "Egress"],
            id="a policy with egress rules",
        ),
        pytest.param(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, subjects: [{kind: User, name: jane}], "
            "roleRef: {kind: Role, name: r}}",
            "subjects.0.apiGroup",
            "rbac.authorization.k8s.io",
            id="users belong to the rbac group",
        ),
        pytest.param(
            "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 3}}",
            "spec.metrics.0.resource.target.averageUtilization",
            80,
            id="an autoscaler aims at 80 percent",
        ),
        pytest.param(
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
            "spec: {names: {kind: CronTab, plural: crontabs}, versions: [{name: v1, storage: true}]}}",
            "spec.names",
            {"kind": "CronTab", "listKind": "CronTabList", "plural": "crontabs", "singular": "crontab"},
            id="a definition's names",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Namespace, metadata: {name: prod}}",
            "",
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": "prod", "labels": {"kubernetes.io/metadata.name": "prod"}},
                "spec": {},
                "status": {"phase": "Active"},
            },
            id="a namespace is labelled with its name",
        ),
    ],
)
def test_defaults_of(text: str, path: str, expected: Any) -> None:
    assert at(defaulted(text), path) == expected


def test_parts_shared_with_the_stored_object_are_skipped() -> None:
    kind = REGISTRY.by_gvk(GVK("apps", "v1", "Deployment"))
    assert kind is not None
    incomplete: Obj = {"spec": {"template": {}}, "metadata": {"name": "a"}}
    assert defaults.apply(kind, incomplete, incomplete) is incomplete
