"""The FlowSchemas and priority levels that every cluster has.

Models apiserver pkg/apis/flowcontrol/bootstrap/default.go.
"""

from collections.abc import Sequence

from kube_nb.machinery.types import Obj

API_VERSION = "flowcontrol.apiserver.k8s.io/v1"
#: Without these nothing could be classified: they are made again whatever happens.
MANDATORY = ("exempt", "catch-all")

#: name -> (shares, lendable percent, (queues, hand size, queue length) or None to reject).
_LEVELS: dict[str, tuple[int, int, tuple[int, int, int] | None]] = {
    "catch-all": (5, 0, None),
    "global-default": (20, 50, (128, 6, 50)),
    "leader-election": (10, 0, (16, 4, 50)),
    "node-high": (40, 25, (64, 6, 50)),
    "system": (30, 33, (64, 6, 50)),
    "workload-high": (40, 50, (128, 6, 50)),
    "workload-low": (100, 90, (128, 6, 50)),
}
_BY_USER, _BY_NAMESPACE = "ByUser", "ByNamespace"


def levels() -> list[Obj]:
    """PriorityLevelConfigurations."""
    exempt = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    return [_object("PriorityLevelConfiguration", "exempt", exempt), *(map(_limited, _LEVELS))]


def _limited(name: str) -> Obj:
    shares, lendable, queuing = _LEVELS[name]
    response: Obj = {"type": "Reject"}
    if queuing is not None:
        count, hand, length = queuing
        response = {"type": "Queue", "queuing": {"queues": count, "handSize": hand, "queueLengthLimit": length}}
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
    return _object("PriorityLevelConfiguration", name, {"type": "Limited", "limited": limited})


def flow_schemas() -> list[Obj]:
    """FlowSchemas."""
    everybody = [*_groups("system:unauthenticated"), *_groups("system:authenticated")]
    electors = [*_users("system:kube-controller-manager"), *_users("system:kube-scheduler")]
    system_accounts = [_account("*")]
    elections = ("get", "create", "update")
    health = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}
    endpoints = (_on(("get", "create", "update"), "", ("endpoints",)),)
    controller = [*_users("system:kube-controller-manager"), _account("endpoint-controller")]
    controller.append(_account("endpointslicemirroring-controller"))
    leases = _on(elections, "coordination.k8s.io", ("leases",))
    nodes = [
        _on(("*",), "", ("nodes", "nodes/status"), cluster=True),
        _on(("*",), "coordination.k8s.io", ("leases",)),
    ]
    return [
        _schema("exempt", "exempt", 1, "", _all(_groups("system:masters"))),
        _schema("probes", "exempt", 2, "", {"subjects": everybody, "nonResourceRules": [health]}),
        _schema(
            "system-leader-election", "leader-election", 100, _BY_USER, _may([*electors, *system_accounts], [leases])
        ),
        _schema("endpoint-controller", "workload-high", 150, _BY_USER, _may(controller, endpoints)),
        _schema("workload-leader-election", "leader-election", 200, _BY_USER, _may(system_accounts, [leases])),
        _schema("system-node-high", "node-high", 400, _BY_USER, _may(_groups("system:nodes"), nodes)),
        _schema("system-nodes", "system", 500, _BY_USER, _all(_groups("system:nodes"))),
        _schema(
            "kube-controller-manager",
            "workload-high",
            800,
            _BY_NAMESPACE,
            _all(_users("system:kube-controller-manager")),
        ),
        _schema("kube-scheduler", "workload-high", 800, _BY_NAMESPACE, _all(_users("system:kube-scheduler"))),
        _schema("kube-system-service-accounts", "workload-high", 900, _BY_NAMESPACE, _all(system_accounts)),
        _schema("service-accounts", "workload-low", 9000, _BY_USER, _all(_groups("system:serviceaccounts"))),
        _schema("global-default", "global-default", 9900, _BY_USER, _all(everybody)),
        _schema("catch-all", "catch-all", 10000, _BY_USER, _all(everybody)),
    ]


def _object(kind: str, name: str, spec: Obj) -> Obj:
    metadata = {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _schema(name: str, level: str, precedence: int, by: str, rule: Obj) -> Obj:
    spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence, "rules": [rule]}
    if by:
        spec["distinguisherMethod"] = {"type": by}
    return _object("FlowSchema", name, spec)


def _all(subjects: Sequence[Obj]) -> Obj:
    """Everything that the subjects may ask."""
    resources = _on(("*",), "*", ("*",), cluster=True)
    return _may(subjects, [resources]) | {"nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}


def _may(subjects: Sequence[Obj], rules: Sequence[Obj]) -> Obj:
    return {"subjects": list(subjects), "resourceRules": list(rules)}


def _on(verbs: Sequence[str], group: str, resources: Sequence[str], *, cluster: bool = False) -> Obj:
    rule: Obj = {"verbs": list(verbs), "apiGroups": [group], "resources": list(resources), "namespaces": ["*"]}
    return {**rule, "clusterScope": True} if cluster else rule


def _groups(name: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}}]


def _users(name: str) -> list[Obj]:
    return [{"kind": "User", "user": {"name": name}}]


def _account(name: str) -> Obj:
    return {"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": name}}
