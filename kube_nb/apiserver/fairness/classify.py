"""Which FlowSchema a request belongs to: the first that matches, by matchingPrecedence, then by name.

Models apiserver pkg/util/flowcontrol/rule.go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kube_nb.apiserver.fairness.levels import Level
from kube_nb.apiserver.requestinfo import RequestInfo
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj

_EVERY = "*"
_SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(slots=True, eq=False)
class Flow:
    """What a schema makes of a request. by: ByUser, ByNamespace or "". headers: of the response.
    dispatched: how many requests ran."""

    schema: str
    by: str
    level: Level
    headers: dict[str, str]
    dispatched: int = 0

    @classmethod
    def of(cls, schema: Obj, level: Level) -> "Flow":
        metadata, spec = schema["metadata"], schema["spec"]
        uids = {
            "X-Kubernetes-PF-FlowSchema-UID": metadata.get("uid", ""),
            "X-Kubernetes-PF-PriorityLevel-UID": level.uid,
        }
        return cls(metadata["name"], (spec.get("distinguisherMethod") or {}).get("type", ""), level, uids)

    def distinguisher(self, info: RequestInfo, user: User) -> str:
        return {"ByUser": user.name, "ByNamespace": info.namespace}.get(self.by, "")


def order(schemas: Sequence[Obj]) -> list[Obj]:
    """In the order in which they are tried."""
    return sorted(schemas, key=lambda each: (each["spec"].get("matchingPrecedence", 1000), each["metadata"]["name"]))


def matches(schema: Obj, info: RequestInfo, user: User) -> bool:
    return any(_rule(rule, info, user) for rule in schema["spec"].get("rules") or ())


def _rule(rule: Mapping[str, Any], info: RequestInfo, user: User) -> bool:
    if not any(_subject(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if info.is_resource:
        return any(_resource(each, info) for each in rule.get("resourceRules") or ())
    return any(_path(each, info) for each in rule.get("nonResourceRules") or ())


def _subject(subject: Mapping[str, Any], user: User) -> bool:
    kind = subject.get("kind")
    if kind == "User":
        return _has((subject["user"]["name"],), user.name)
    if kind == "Group":
        name = subject["group"]["name"]
        return name == _EVERY or name in user.groups
    account = subject.get("serviceAccount") or {}
    if account.get("name") == _EVERY:
        return user.name.startswith(f"{_SERVICE_ACCOUNT}{account.get('namespace')}:")
    return user.name == f"{_SERVICE_ACCOUNT}{account.get('namespace')}:{account.get('name')}"


def _has(wanted: Sequence[str], value: str) -> bool:
    return value in wanted or _EVERY in wanted


def _resource(rule: Mapping[str, Any], info: RequestInfo) -> bool:
    if not _has(rule.get("verbs") or (), info.verb) or not _has(rule.get("apiGroups") or (), info.group):
        return False
    if not _has(rule.get("resources") or (), info.resource_with_subresource):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces") or (), info.namespace)


def _path(rule: Mapping[str, Any], info: RequestInfo) -> bool:
    if not _has(rule.get("verbs") or (), info.verb):
        return False
    return any(_covers(pattern, info.path) for pattern in rule.get("nonResourceURLs") or ())


def _covers(pattern: str, path: str) -> bool:
    return pattern in (_EVERY, path) or (pattern.endswith("/*") and path.startswith(pattern[:-1]))
