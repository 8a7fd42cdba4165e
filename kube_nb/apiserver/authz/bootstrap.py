"""The roles and bindings of policy.yaml as objects.

The aggregated roles (admin, edit, view) come with their rules filled in, as the aggregation controller would.
"""

import functools
from importlib import resources
from typing import Any

import yaml

from kube_nb.machinery.types import Obj

_GROUP = "rbac.authorization.k8s.io"
_CONTROLLER = "system:controller:"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {f"{_GROUP}/autoupdate": "true"}


@functools.cache
def _policy() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = yaml.load((resources.files(__package__) / "policy.yaml").read_bytes(), loader)
    return found


def cluster_roles() -> list[Obj]:
    rows = _policy()["roles"]
    own = [_role(name, row, rows) for name, row in rows.items()]
    return own + [_role(_CONTROLLER + name, {"rules": rules}, rows) for name, rules in _policy()["controllers"].items()]


def _role(name: str, row: dict[str, Any], rows: dict[str, Any]) -> Obj:
    labels = {**_LABELS, **{f"{_GROUP}/aggregate-to-{target}": "true" for target in row.get("labels", ())}}
    texts = [*row.get("rules", ()), *(text for part in row.get("includes", ()) for text in rows[part]["rules"])]
    role: Obj = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels, "annotations": _ANNOTATIONS},
        "rules": [_rule(text) for text in texts],
    }
    if "aggregate" in row:
        selectors = [{"matchLabels": {f"{_GROUP}/aggregate-to-{target}": "true"}} for target in row["aggregate"]]
        role["aggregationRule"] = {"clusterRoleSelectors": selectors}
    return role


def _rule(text: str) -> Obj:
    """``get,list : core : pods : web`` or ``get : /healthz``."""
    verbs, *rest = (part.strip().split(",") for part in text.split(" : "))
    if len(rest) == 1:
        return {"verbs": verbs, "nonResourceURLs": rest[0]}
    groups = ["" if group == "core" else group for group in rest[0]]
    rule: Obj = {"apiGroups": groups, "resources": rest[1], "verbs": verbs}
    if len(rest) == 3:
        rule["resourceNames"] = rest[2]
    return rule


def cluster_role_bindings() -> list[Obj]:
    bindings = [_binding(name, row) for name, row in _policy()["bindings"].items()]
    names = [(_CONTROLLER + name, f"kube-system/{name}") for name in _policy()["controllers"]]
    return bindings + [_binding(name, {"role": name, "accounts": [account]}) for name, account in names]


def _binding(name: str, row: dict[str, Any]) -> Obj:
    subjects: list[Obj] = [
        {"kind": kind, "apiGroup": _GROUP, "name": subject}
        for kind, field in (("User", "users"), ("Group", "groups"))
        for subject in row.get(field, ())
    ]
    for account in row.get("accounts", ()):
        namespace, _, subject = account.partition("/")
        subjects.append({"kind": "ServiceAccount", "namespace": namespace, "name": subject})
    binding: Obj = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": _LABELS, "annotations": _ANNOTATIONS},
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": row["role"]},
    }
    return {**binding, "subjects": subjects} if subjects else binding
