"""Manifests of versions that Kubernetes no longer serves, turned into their successors.

Old lessons and posts are full of ``extensions/v1beta1`` Deployments. A real server refuses them; `upgrade` says what it
changed, so that a reader learns the present form. Source: the deprecated API migration guide of kubernetes.io.
"""

import re
from collections.abc import Callable

import orjson

from kube_nb.kubectl import manifest
from kube_nb.machinery.types import Obj

_OLD = re.compile(r"[\"']?apiVersion[\"']?\s*:\s*[\"']?(extensions/|\S+/v\d+(alpha|beta)\d+)")
_WORKLOADS = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")


def upgrade(text: str) -> tuple[str, list[str]]:
    """The manifest with old documents replaced, and a warning for each; unreadable text comes back as it is."""
    if not _OLD.search(text):
        return text, []
    try:
        found = [document.obj for document in manifest.documents(text)]
    except manifest.ManifestError:
        return text, []
    changed = [_successor(obj) for obj in found]
    if all(new is None for new in changed):
        return text, []
    parts, warnings = [], []
    for obj, new in zip(found, changed, strict=True):
        parts.append(orjson.dumps(new or obj).decode())
        if new is not None:
            warnings.append(_warning(obj, new))
    return "\n---\n".join(parts), warnings


def _warning(old: Obj, new: Obj) -> str:
    name = (old.get("metadata") or {}).get("name", "")
    return (
        f"Warning: {old['apiVersion']} {old['kind']} is no longer served by Kubernetes; "
        f"applied {old['kind'].lower()}/{name} as {new['apiVersion']}"
    )


def _successor(obj: Obj) -> Obj | None:
    """The object in its successor's version, None if its own is still served."""
    version, kind = str(obj.get("apiVersion")), str(obj.get("kind"))
    row = _SUCCESSORS.get((version, kind))
    if row is None:
        return None
    api_version, convert = row
    return convert({**obj, "apiVersion": api_version})


def _as_it_is(obj: Obj) -> Obj:
    return obj


def _workload(obj: Obj) -> Obj:
    """apps/v1 wants a selector, which used to default to the template's labels."""
    gone = ("rollbackTo", "templateGeneration")
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key not in gone}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if "selector" not in spec and labels:
        spec["selector"] = {"matchLabels": labels}
    if obj["kind"] == "StatefulSet":
        spec.setdefault("serviceName", "")
    return {**obj, "spec": spec}


def _ingress(obj: Obj) -> Obj:
    """v1 names a backend's service and port as objects, and wants a pathType."""
    spec = dict(obj.get("spec") or {})
    if "backend" in spec:
        spec["defaultBackend"] = _backend(spec.pop("backend"))
    rules = []
    for rule in spec.get("rules") or []:
        paths = [
            {"path": "/", "pathType": "ImplementationSpecific", **path, "backend": _backend(path["backend"])}
            for path in (rule.get("http") or {}).get("paths") or []
        ]
        rules.append({**rule, **({"http": {**rule["http"], "paths": paths}} if "http" in rule else {})})
    return {**obj, "spec": {**spec, **({"rules": rules} if rules else {})}}


def _backend(backend: Obj) -> Obj:
    if "serviceName" not in backend:
        return backend
    port = backend.get("servicePort")
    return {"service": {"name": backend["serviceName"], "port": {"number" if isinstance(port, int) else "name": port}}}


_Row = tuple[str, Callable[[Obj], Obj]]
_SUCCESSORS: dict[tuple[str, str], _Row] = {
    **{("extensions/v1beta1", kind): ("apps/v1", _workload) for kind in _WORKLOADS[:3]},
    **{("apps/v1beta1", kind): ("apps/v1", _workload) for kind in ("Deployment", "StatefulSet")},
    **{("apps/v1beta2", kind): ("apps/v1", _workload) for kind in _WORKLOADS},
    ("apps/v1beta1", "ControllerRevision"): ("apps/v1", _as_it_is),
    ("extensions/v1beta1", "Ingress"): ("networking.k8s.io/v1", _ingress),
    ("networking.k8s.io/v1beta1", "Ingress"): ("networking.k8s.io/v1", _ingress),
    ("extensions/v1beta1", "NetworkPolicy"): ("networking.k8s.io/v1", _as_it_is),
    ("batch/v1beta1", "CronJob"): ("batch/v1", _as_it_is),
    ("policy/v1beta1", "PodDisruptionBudget"): ("policy/v1", _as_it_is),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): ("scheduling.k8s.io/v1", _as_it_is),
    ("storage.k8s.io/v1beta1", "StorageClass"): ("storage.k8s.io/v1", _as_it_is),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): ("autoscaling/v2", _as_it_is),
    **{
        (f"rbac.authorization.k8s.io/{version}", kind): ("rbac.authorization.k8s.io/v1", _as_it_is)
        for version in ("v1alpha1", "v1beta1")
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    },
}
