"""Manifests of what a cluster brings along: the control plane's static pods, kube-proxy, and the cluster's DNS.

Models what `kubeadm init` writes to /etc/kubernetes/manifests and its addon phases: names, labels, images, priorities
and the flags that mean something here. Differs: no volumes (the components' files are handed to them directly).
"""

from collections.abc import Iterable, Mapping, Sequence

from kube_nb.machinery.types import Obj

ETCD, APISERVER, CONTROLLER_MANAGER, SCHEDULER = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
)
#: The static pods in the order in which kubeadm's operators think of them; a kubelet starts them all at once.
CONTROL_PLANE = (ETCD, APISERVER, CONTROLLER_MANAGER, SCHEDULER)
REPOSITORY = "registry.k8s.io"
COREDNS_TAG = "v1.12.1"
ETCD_TAG = "3.6.5-0"
_CPU = {APISERVER: "250m", CONTROLLER_MANAGER: "200m", SCHEDULER: "100m"}


def is_etcd(component: str) -> bool:
    """``etcd``, or one of several members: ``etcd-0``."""
    return component == ETCD or component.startswith(f"{ETCD}-")


def image(component: str, version: str) -> str:
    """``registry.k8s.io/kube-scheduler:v1.37.0``; version is the cluster's, e.g. ``1.37``."""
    if is_etcd(component):
        return f"{REPOSITORY}/{component}:{ETCD_TAG}"
    if component == "coredns":
        return f"{REPOSITORY}/coredns/coredns:{COREDNS_TAG}"
    return f"{REPOSITORY}/{component}:v{version}.0"


def images(version: str, components: Iterable[str]) -> list[str]:
    """Every image that a cluster of this version has on its nodes from the start."""
    return [image(name, version) for name in (*components, "kube-proxy", "coredns")]


def static_pods(version: str, flags: Mapping[str, Sequence[str]]) -> dict[str, Obj]:
    """The control plane's manifests by component. flags: which components there are, and what each is started with."""
    return {name: _static_pod(name, image(name, version), words) for name, words in flags.items()}


def _static_pod(name: str, image_name: str, flags: Sequence[str]) -> Obj:
    requests = {"memory": "100Mi", "cpu": "100m"} if is_etcd(name) else {"cpu": _CPU[name]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "kube-system",
            "labels": {"component": name, "tier": "control-plane"},
        },
        "spec": {
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "priority": 2000001000,
            "containers": [
                {
                    "name": name,
                    "image": image_name,
                    "imagePullPolicy": "IfNotPresent",
                    "command": [name, *flags],
                    "resources": {"requests": requests},
                }
            ],
            "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
        },
    }


def kube_proxy(version: str) -> list[Obj]:
    """kube-proxy: a DaemonSet on every node, with its ServiceAccount."""
    labels = {"k8s-app": "kube-proxy"}
    container = {
        "name": "kube-proxy",
        "image": image("kube-proxy", version),
        "imagePullPolicy": "IfNotPresent",
        "command": ["/usr/local/bin/kube-proxy", "--hostname-override=$(NODE_NAME)"],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "securityContext": {"privileged": True},
    }
    spec = {
        "selector": {"matchLabels": labels},
        "updateStrategy": {"type": "RollingUpdate"},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "hostNetwork": True,
                "priorityClassName": "system-node-critical",
                "serviceAccountName": "kube-proxy",
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"operator": "Exists"}],
                "containers": [container],
            },
        },
    }
    return [
        _service_account("kube-proxy"),
        _system("apps/v1", "DaemonSet", "kube-proxy", labels, spec),
    ]


def coredns(version: str, cluster_ip: str) -> list[Obj]:
    """The cluster's DNS: a Deployment of two, and the Service ``kube-dns`` that pods' resolv.conf names."""
    labels = {"k8s-app": "kube-dns"}
    ports = [
        {"containerPort": 53, "name": "dns", "protocol": "UDP"},
        {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
    ]
    container = {
        "name": "coredns",
        "image": image("coredns", version),
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": ports,
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
    }
    deployment = {
        "replicas": 2,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "priorityClassName": "system-cluster-critical",
                "serviceAccountName": "coredns",
                "dnsPolicy": "Default",
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [
                    {"key": "CriticalAddonsOnly", "operator": "Exists"},
                    {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
                ],
                "containers": [container],
            },
        },
    }
    service = {
        "selector": labels,
        "clusterIP": cluster_ip,
        "ports": [
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
        ],
    }
    names = {**labels, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    return [
        _service_account("coredns"),
        *_rights("system:coredns", "coredns"),
        _system("apps/v1", "Deployment", "coredns", labels, deployment),
        _system("v1", "Service", "kube-dns", names, service),
    ]


def _rights(role: str, service_account: str) -> list[Obj]:
    """What CoreDNS may read, as kubeadm grants it."""
    api = "rbac.authorization.k8s.io"
    reads = [{"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"]}]
    reads += [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"]}]
    rules = [{**rule, "verbs": ["list", "watch"]} for rule in reads]
    subject = {"kind": "ServiceAccount", "name": service_account, "namespace": "kube-system"}
    return [
        {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": role},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
            "subjects": [subject],
        },
    ]


def _service_account(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}}


def _system(api_version: str, kind: str, name: str, labels: Obj, spec: Obj) -> Obj:
    metadata = {"name": name, "namespace": "kube-system", "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
