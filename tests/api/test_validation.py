import copy
from typing import Any

import pytest
import yaml

from kube_nb.api import defaults, schema
from kube_nb.api.registry import Registry
from kube_nb.api.validation import RULES, cron, validate
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

REGISTRY = Registry.builtin()

TEMPLATE = "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
JOB_TEMPLATE = "{metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}"
SELECTOR = "{matchLabels: {a: b}}"


def stored(text: str) -> Obj:
    """An object as it would be stored: decoded, defaulted, with a name."""
    obj = yaml.safe_load(text)
    kind = REGISTRY.by_gvk(GVK.of(obj))
    assert kind is not None
    metadata = {"name": "a", **({"namespace": "default"} if kind.namespaced else {}), **obj.get("metadata", {})}
    found = schema.of_kind(kind)
    assert found is not None
    decoded, unknown = found.decode({**obj, "metadata": metadata})
    assert unknown == []
    return defaults.apply(kind, decoded)


def faults(obj: Obj, old: Obj | None = None) -> list[str]:
    kind = REGISTRY.by_gvk(GVK.of(obj))
    assert kind is not None
    return [str(fault) for fault in validate(kind, obj, old)]


GOOD = [
    "{apiVersion: v1, kind: ConfigMap, data: {a.b: c}, binaryData: {d: ZA==}}",
    "{apiVersion: v1, kind: Secret, stringData: {a: b}}",
    "{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, data: {tls.crt: '', tls.key: ''}}",
    "{apiVersion: v1, kind: Namespace, spec: {finalizers: [kubernetes]}}",
    "{apiVersion: v1, kind: Node, spec: {podCIDRs: [10.0.0.0/24], taints: [{key: a, effect: NoSchedule}]}}",
    "{apiVersion: v1, kind: Service, spec: {ports: [{port: 80, targetPort: http}], selector: {a: b}}}",
    "{apiVersion: v1, kind: Service, spec: {clusterIP: None}}",
    "{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: example.com}}",
    "{apiVersion: v1, kind: Endpoints, subsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]}",
    f"{{apiVersion: v1, kind: ReplicationController, spec: {{template: {TEMPLATE}}}}}",
    f"{{apiVersion: apps/v1, kind: Deployment, spec: {{selector: {SELECTOR}, template: {TEMPLATE}}}}}",
    f"{{apiVersion: apps/v1, kind: ReplicaSet, spec: {{selector: {SELECTOR}, template: {TEMPLATE}}}}}",
    f"{{apiVersion: apps/v1, kind: DaemonSet, spec: {{selector: {SELECTOR}, template: {TEMPLATE}}}}}",
    f"{{apiVersion: apps/v1, kind: StatefulSet, spec: {{selector: {SELECTOR}, template: {TEMPLATE}, "
    "volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], "
    "resources: {requests: {storage: 1Gi}}}}]}}",
    f"{{apiVersion: batch/v1, kind: Job, spec: {{selector: {SELECTOR}, template: {JOB_TEMPLATE}}}}}",
    f"{{apiVersion: batch/v1, kind: CronJob, spec: {{schedule: '*/5 * * * *', timeZone: Etc/UTC, "
    f"jobTemplate: {{spec: {{template: {JOB_TEMPLATE}}}}}}}}}",
    "{apiVersion: v1, kind: PersistentVolume, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, "
    "hostPath: {path: /data}}}",
    "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], "
    "resources: {requests: {storage: 1Gi}}}}",
    "{apiVersion: v1, kind: ResourceQuota, spec: {hard: {pods: 4, requests.cpu: '1', count/deployments.apps: 2}}}",
    "{apiVersion: v1, kind: LimitRange, spec: {limits: [{type: Container, max: {cpu: '2'}, min: {cpu: 100m}}]}}",
    "{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {rules: [{host: a.example, http: {paths: [{path: /, "
    "pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}}]}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {}, ingress: [{from: [{ipBlock: "
    "{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80, endPort: 90}]}]}}",
    "{apiVersion: networking.k8s.io/v1, kind: IngressClass, spec: {controller: example.com/nginx}}",
    "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, spec: {cidrs: [10.96.0.0/16]}}",
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], "
    "ports: [{port: 80}]}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: "
    "[{apiGroups: [''], resources: [pods], verbs: [get]}]}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, "
    "rules: [{nonResourceURLs: [/healthz], verbs: [get]}]}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Role, name: r}, "
    "subjects: [{kind: User, name: 'jane@example.com'}]}",
    "{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {minAvailable: 50%, selector: {}}}",
    "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 3, "
    "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, behavior: {scaleDown: {}}}}",
    "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, spec: {maxReplicas: 3, "
    "scaleTargetRef: {kind: Deployment, name: web}}}",
    "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 1000}",
    "{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: example.com/disk}",
    "{apiVersion: storage.k8s.io/v1, kind: CSIDriver, spec: {}}",
    "{apiVersion: coordination.k8s.io/v1, kind: Lease, spec: {holderIdentity: me, leaseDurationSeconds: 40}}",
    "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, handler: runc}",
    "{apiVersion: admissionregistration.k8s.io/v1, kind: "
    "ValidatingWebhookConfiguration, webhooks: [{name: a.b.example, "
    "admissionReviewVersions: [v1], sideEffects: None, clientConfig: "
    "{url: 'https://x'}, rules: [{operations: [CREATE], "
    "apiGroups: [''], apiVersions: [v1], resources: [pods]}]}]}",
    "{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: FlowSchema, spec: {priorityLevelConfiguration: {name: a}}}",
    "{apiVersion: v1, kind: Event, involvedObject: {namespace: default, name: p}, reason: R, message: m}",
    "{apiVersion: v1, kind: ServiceAccount}",
    "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, spec: {request: YQ==, "
    "signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}",
]


@pytest.mark.parametrize("text", GOOD, ids=lambda text: text.split("kind: ")[1][:24])
def test_a_sound_object_is_accepted_and_accepted_again(text: str) -> None:
    obj = stored(text)
    assert faults(obj) == []
    assert faults({**obj, "metadata": {**obj["metadata"], "labels": {"x": "y"}}}, obj) == []


def test_rules_are_for_kinds_that_exist() -> None:
    served = {(kind.group, kind.kind) for kind in REGISTRY.kinds()} | {("authentication.k8s.io", "TokenRequest")}
    assert RULES.keys() <= served


DEPLOYMENT = "{apiVersion: apps/v1, kind: Deployment, spec: {%s}}"
SERVICE = "{apiVersion: v1, kind: Service, spec: {%s}}"
JOB = "{apiVersion: batch/v1, kind: Job, spec: {%s}}"
INGRESS = "{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {%s}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            DEPLOYMENT % f"template: {TEMPLATE}", ["spec.selector: Required value"], id="a deployment without selector"
        ),
        pytest.param(
            DEPLOYMENT % f"selector: {{}}, template: {TEMPLATE}",
            ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
            id="with an empty one",
        ),
        pytest.param(
            DEPLOYMENT % f"selector: {{matchLabels: {{a: c}}}}, template: {TEMPLATE}",
            ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
            id="with another's",
        ),
        pytest.param(
            DEPLOYMENT % f"replicas: -1, selector: {SELECTOR}, template: {TEMPLATE}, minReadySeconds: 700",
            [
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
            ],
            id="with impossible numbers",
        ),
        pytest.param(
            DEPLOYMENT % f"selector: {SELECTOR}, template: {TEMPLATE}, strategy: {{rollingUpdate: {{maxSurge: 0, "
            "maxUnavailable: 0}}",
            ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
            id="that cannot roll",
        ),
        pytest.param(
            DEPLOYMENT % f"selector: {SELECTOR}, template: {TEMPLATE}, strategy: {{rollingUpdate: {{maxSurge: x%, "
            "maxUnavailable: 101%}}",
            [
                'spec.strategy.rollingUpdate.maxSurge: Invalid value: "x%": a valid percent string must be a numeric '
                "string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
            ],
            id="that rolls by no percentage",
        ),
        pytest.param(
            DEPLOYMENT % f"selector: {SELECTOR}, template: {JOB_TEMPLATE}",
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
            id="whose pods do not restart",
        ),
        pytest.param(
            JOB % f"selector: {SELECTOR}, template: {TEMPLATE}",
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
            id="a job whose pods restart",
        ),
        pytest.param(
            JOB % f"selector: {SELECTOR}, completionMode: Indexed, parallelism: 1, template: {JOB_TEMPLATE}",
            ["spec.completions: Required value: when completion mode is Indexed"],
            id="an indexed job without completions",
        ),
        pytest.param(
            f"{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: {'a' * 53}}}, spec: {{schedule: x, jobTemplate: "
            f"{{spec: {{template: {JOB_TEMPLATE}}}}}}}}}",
            [
                f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters',
                'spec.schedule: Invalid value: "x": expected exactly 5 fields, found 1: [x]',
            ],
            id="a cron job with a bad schedule and a long name",
        ),
        pytest.param(SERVICE % "selector: {a: b}", ["spec.ports: Required value"], id="a service without ports"),
        pytest.param(
            SERVICE % "ports: [{port: 80}, {port: 80}]",
            [
                "spec.ports[0].name: Required value",
                "spec.ports[1].name: Required value",
                'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                '"TargetPort":0,"NodePort":0}',
            ],
            id="with one port twice",
        ),
        pytest.param(
            SERVICE % "ports: [{port: 80, nodePort: 30000}]",
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
            id="with a node port and no use for it",
        ),
        pytest.param(
            SERVICE % "type: LoadBalancer, clusterIP: None, ports: [{port: 10250, name: a, nodePort: 30000}, "
            "{port: 81, name: b, nodePort: 30000}]",
            [
                "spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet",
                "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services",
                "spec.ports[1].nodePort: Duplicate value: 30000",
            ],
            id="a load balancer with nothing right",
        ),
        pytest.param(
            SERVICE % "type: Balancer, ports: [{port: 80}]",
            [
                'spec.type: Unsupported value: "Balancer": '
                'supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
            ],
            id="of no type",
        ),
        pytest.param(
            SERVICE % "type: ExternalName", ["spec.externalName: Required value"], id="an external name without name"
        ),
        pytest.param(
            "{apiVersion: v1, kind: ConfigMap, data: {'a b': c}}",
            [
                "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', "
                "'_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
                "'[-._a-zA-Z0-9]+')"
            ],
            id="a config map's bad key",
        ),
        pytest.param(
            "{apiVersion: v1, kind: ConfigMap, data: {a: '%s'}}" % ("x" * 1048577),
            ["[]: Too long: may not be more than 1048576 bytes"],
            id="a config map too large",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Secret, type: kubernetes.io/tls}",
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
            id="a TLS secret without its keys",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}",
            ['metadata.name: Invalid value: "a.b": must not contain dots'],
            id="a namespace with a dot",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Node, spec: {taints: [{key: a, effect: Never}]}}",
            [
                'metadata.taints[0].effect: Unsupported value: "Never": '
                'supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'
            ],
            id="an unknown taint",
        ),
        pytest.param(
            "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {}}",
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources[storage]: Required value",
            ],
            id="an empty claim",
        ),
        pytest.param(
            "{apiVersion: v1, kind: PersistentVolume, spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}}}",
            ["spec: Required value: must specify a volume type"],
            id="a volume of nothing",
        ),
        pytest.param(
            "{apiVersion: v1, kind: ResourceQuota, spec: {hard: {foo: 1, pods: '1.5'}}}",
            [
                'spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
                'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota',
                'spec.hard[pods]: Invalid value: "1500m": must be an integer',
            ],
            id="a quota of the unknown",
        ),
        pytest.param(
            "{apiVersion: v1, kind: LimitRange, spec: {limits: [{type: Container, min: {cpu: '2'}, max: {cpu: '1'}, "
            "default: {cpu: '1'}, defaultRequest: {cpu: '1'}}]}}",
            [
                'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": '
                "min value 2 is greater than default request value 1",
                'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
            ],
            id="limits upside down",
        ),
        pytest.param(
            INGRESS % "rules: [{host: 10.0.0.1, http: {paths: [{path: x, pathType: "
            "Exact, backend: {service: {name: s}}}]}}]",
            [
                'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
                'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
                "spec.rules[0].http.paths[0].backend.service: Required value: port name or number is required",
            ],
            id="an ingress with everything wrong",
        ),
        pytest.param(
            INGRESS % "",
            ["spec: Invalid value: {}: either `defaultBackend` or `rules` must be specified"],
            id="an empty ingress",
        ),
        pytest.param(
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, spec: {podSelector: {}, ingress: [{from: [{}]}], "
            "policyTypes: [In]}}",
            [
                "spec.ingress[0].from[0]: Required value: must specify a peer",
                'spec.policyTypes[0]: Unsupported value: "In": supported values: "Egress", "Ingress"',
            ],
            id="a policy for nobody",
        ),
        pytest.param(
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, "
            "addressType: IPv4, endpoints: [{addresses: ['::1']}, "
            "{addresses: [127.0.0.1]}, {}]}",
            [
                'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
                'endpoints[1].addresses[0]: Invalid value: "127.0.0.1": '
                "may not be in the loopback range (127.0.0.0/8, ::1/128)",
                "endpoints[2].addresses: Required value: must contain at least 1 address",
            ],
            id="endpoints of the wrong kind",
        ),
        pytest.param(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, rules: [{resources: [pods]}, "
            "{nonResourceURLs: [/x], verbs: [get]}]}",
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                'rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
            ],
            id="a role of nothing",
        ),
        pytest.param(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, roleRef: {kind: Role, name: r}, "
            "subjects: [{kind: ServiceAccount, name: s}]}",
            [
                'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
                "subjects[0].namespace: Required value",
            ],
            id="a cluster role binding to a role",
        ),
        pytest.param(
            "{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {minAvailable: 1, maxUnavailable: -1}}",
            [
                'spec: Invalid value: {"minAvailable":1,"maxUnavailable":-1}: '
                "minAvailable and maxUnavailable cannot be both set",
                "spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0",
            ],
            id="a budget of both",
        ),
        pytest.param(
            "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {minReplicas: 3, maxReplicas: 2, "
            "scaleTargetRef: {kind: Deployment}}}",
            [
                "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`",
                "spec.scaleTargetRef.name: Required value",
            ],
            id="an autoscaler with no room",
        ),
        pytest.param(
            "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 1000000001}",
            ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
            id="too important",
        ),
        pytest.param(
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x}, spec: {group: "
            "example.com, scope: Namespaced, names: {plural: foos, kind: Foo}, versions: [{name: v1, served: true, "
            "storage: false, schema: {openAPIV3Schema: {properties: {a: {}}}}}]}}",
            [
                'metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group',
                "spec.versions[0].schema.openAPIV3Schema.type: Required value: must not be empty at the root",
                "spec.versions[0].schema.openAPIV3Schema.properties[a].type: Required value: "
                "must not be empty for specified object fields",
                'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version',
            ],
            id="a definition that is not structural",
        ),
    ],
)
def test_an_object_is_refused(text: str, expected: list[str]) -> None:
    assert faults(stored(text)) == expected


def changed(obj: Obj, path: str, value: Any) -> Obj:
    new = copy.deepcopy(obj)
    target = new
    *steps, last = path.split(".")
    for step in steps:
        target = target[step]
    target[last] = value
    return new


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        pytest.param(
            DEPLOYMENT % f"selector: {SELECTOR}, template: {TEMPLATE}",
            "spec.selector",
            {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
            [
                'spec.selector: Invalid value: {"matchLabels":{"a":"b"},"matchExpressions":'
                '[{"key":"a","operator":"Exists"}]}: field is immutable'
            ],
            id="a deployment's selector",
        ),
        pytest.param(
            f"{{apiVersion: apps/v1, kind: StatefulSet, spec: {{selector: {SELECTOR}, template: {TEMPLATE}}}}}",
            "spec.serviceName",
            "other",
            [
                "spec: Forbidden: updates to statefulset spec for fields other "
                "than 'replicas', 'ordinals', 'template', "
                "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                "'minReadySeconds' are forbidden"
            ],
            id="a stateful set's service",
        ),
        pytest.param(
            JOB % f"selector: {SELECTOR}, template: {JOB_TEMPLATE}",
            "spec.completions",
            2,
            ["spec.completions: Invalid value: 2: field is immutable"],
            id="a job's completions",
        ),
        pytest.param(
            "{apiVersion: v1, kind: ConfigMap, immutable: true, data: {a: b}}",
            "data.a",
            "c",
            ["data: Forbidden: field is immutable when `immutable` is set"],
            id="an immutable config map's data",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Secret, data: {a: YQ==}}",
            "type",
            "other",
            ['type: Invalid value: "other": field is immutable'],
            id="a secret's type",
        ),
        pytest.param(
            SERVICE % "clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], ports: [{port: 80}]",
            "spec",
            {
                "clusterIP": "10.96.0.2",
                "clusterIPs": ["10.96.0.2"],
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
                "sessionAffinity": "None",
                "type": "ClusterIP",
                "internalTrafficPolicy": "Cluster",
            },
            ['spec.clusterIPs[0]: Invalid value: ["10.96.0.2"]: may not change once set'],
            id="a service's address",
        ),
        pytest.param(
            "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], volumeName: v, "
            "resources: {requests: {storage: 2Gi}}}, status: {phase: Bound}}",
            "spec.resources.requests.storage",
            "1Gi",
            ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"],
            id="a claim made smaller",
        ),
        pytest.param(
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, roleRef: {kind: Role, name: r}}",
            "roleRef.name",
            "s",
            [
                'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"s"}: '
                "cannot change roleRef"
            ],
            id="a binding's role",
        ),
        pytest.param(
            "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, value: 1}",
            "value",
            2,
            ["value: Forbidden: may not be changed in an update."],
            id="a priority",
        ),
        pytest.param(
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: example.com/disk}",
            "provisioner",
            "example.com/other",
            ["provisioner: Forbidden: updates to provisioner are forbidden."],
            id="a storage class's provisioner",
        ),
    ],
)
def test_an_update_may_not_change(text: str, path: str, value: Any, expected: list[str]) -> None:
    old = stored(text)
    assert faults(changed(old, path, value), old) == expected


def test_what_equals_the_stored_object_is_not_checked_again() -> None:
    bad = stored(DEPLOYMENT % "replicas: -1")
    assert faults(bad)
    assert faults({**bad, "status": {"replicas": 1}}, bad) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("* * * *", r"expected exactly 5 fields, found 4: \[\* \* \* \*\]"),
        ("60 * * * *", r"end of range \(60\) above maximum \(59\): 60"),
        ("* * 0 * *", r"beginning of range \(0\) below minimum \(1\): 0"),
        ("5-1 * * * *", r"beginning of range \(5\) beyond end of range \(1\): 5-1"),
        ("*/0 * * * *", r"step of range should be a positive number: \*/0"),
        ("a * * * *", r'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("@fortnightly", "unrecognized descriptor: @fortnightly"),
    ],
)
def test_malformed_schedules_are_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cron.parse(text)


def test_schedules_become_sets() -> None:
    schedule = cron.parse("*/20 8-10,12 * jan,FEB mon-wed")
    assert schedule.minutes == {0, 20, 40}
    assert schedule.hours == {8, 9, 10, 12}
    assert schedule.months == {1, 2}
    assert schedule.weekdays == {1, 2, 3}
    assert (schedule.any_day, schedule.any_weekday) == (True, False)
    assert cron.parse("@hourly").minutes == {0}
    assert cron.parse("@every 90s").every_s == 90
