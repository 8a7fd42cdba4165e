"""Objects as the API gives them, cut down to what views read."""

from typing import Any

EVIL = "<img src=x onerror=alert(1)>"


def obj(kind: str, name: str, *, namespace: str = "default", owner: dict[str, Any] | None = None, **rest: Any) -> Any:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}"}
    metadata["labels"] = rest.pop("labels", {})
    if namespace == "":
        del metadata["namespace"]
    if owner is not None:
        metadata["ownerReferences"] = [
            {
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": {}, "status": {}, **rest}


def pod(name: str, *, ready: bool = True, node: str = "node-1", ip: str = "10.0.0.1", **rest: Any) -> Any:
    status = {
        "phase": "Running",
        "podIP": ip,
        "conditions": [
            {"type": "Ready", "status": "True" if ready else "False", **({} if ready else {"message": "not yet"})}
        ],
    }
    return obj("Pod", name, spec={"nodeName": node, "containers": []}, status=status, **rest)


def deployment(name: str, ready: int = 1, wanted: int = 1) -> Any:
    return obj("Deployment", name, spec={"replicas": wanted}, status={"readyReplicas": ready, "replicas": wanted})


def replica_set(name: str, owner: Any, ready: int = 1, wanted: int = 1) -> Any:
    status = {"readyReplicas": ready, "replicas": wanted}
    return obj("ReplicaSet", name, owner=owner, spec={"replicas": wanted}, status=status)


def service(name: str, selector: dict[str, str]) -> Any:
    spec = {"selector": selector, "type": "ClusterIP", "clusterIP": "10.96.0.9", "ports": [{"port": 80}]}
    return obj("Service", name, spec=spec)


def slice_(name: str, of: str, *endpoints: dict[str, Any]) -> Any:
    found = obj("EndpointSlice", name, labels={"kubernetes.io/service-name": of})
    return {**found, "endpoints": list(endpoints), "ports": [{"port": 80}]}


def endpoint(of: Any, *, ready: bool = True) -> dict[str, Any]:
    return {
        "addresses": [of["status"]["podIP"]],
        "conditions": {"ready": ready},
        "nodeName": of["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": of["metadata"]["name"], "namespace": of["metadata"]["namespace"]},
    }
