"""The audit log: who did what, as a policy says how much of it is written down.

Models apiserver pkg/audit and audit.k8s.io/v1. Differs: one event a request, at the stage ResponseComplete (of a watch
when it begins); omitStages and omitManagedFields are not looked at.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kube_nb.apiserver.call import Call
from kube_nb.machinery import names
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

NONE, METADATA, REQUEST, REQUEST_RESPONSE = "None", "Metadata", "Request", "RequestResponse"
#: What a server without a policy of its own writes down, if it has a log at all.
EVERYTHING: Obj = {"rules": [{"level": METADATA}]}
Sink = Callable[[Obj], None]


class Audit:
    """policy: an audit.k8s.io/v1 Policy; sink: takes each event."""

    def __init__(self, sink: Sink, policy: Obj = EVERYTHING) -> None:
        self.sink = sink
        self.policy = policy

    def write(self, call: Call, response: Response) -> None:
        """The event of a request that was answered."""
        level = self._level(call)
        if level == NONE:
            return
        self.sink(_event(call, response, level))

    def _level(self, call: Call) -> str:
        for rule in self.policy.get("rules") or ():
            if _matches(rule, call):
                return str(rule.get("level", NONE))
        return NONE


def _matches(rule: Mapping[str, Any], call: Call) -> bool:
    info, user = call.info, call.user
    if rule.get("users") and user.name not in rule["users"]:
        return False
    if rule.get("userGroups") and not set(rule["userGroups"]) & set(user.groups):
        return False
    if rule.get("verbs") and info.verb not in rule["verbs"]:
        return False
    if rule.get("namespaces") and info.namespace not in rule["namespaces"]:
        return False
    if rule.get("nonResourceURLs"):
        return not info.is_resource and any(_covers(url, info.path) for url in rule["nonResourceURLs"])
    if rule.get("resources"):
        return info.is_resource and any(_of_resource(row, call) for row in rule["resources"])
    return True


def _covers(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _of_resource(row: Mapping[str, Any], call: Call) -> bool:
    info = call.info
    if row.get("group", "") != info.group:
        return False
    if row.get("resourceNames") and info.name not in row["resourceNames"]:
        return False
    wanted = (info.resource_with_subresource, "*", f"*/{info.subresource}", f"{info.resource}/*")
    return not row.get("resources") or any(name in row["resources"] for name in wanted)


def _event(call: Call, response: Response, level: str) -> Obj:
    info, user, server = call.info, call.user, call.server
    now = server.clock.timestamp_micro()
    event: Obj = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": level,
        "auditID": names.uid(server.stream("audit")),
        "stage": "ResponseComplete",
        "requestURI": _uri(call),
        "verb": info.verb,
        "user": {"username": user.name, "groups": list(user.groups)},
        "userAgent": call.request.headers.get("user-agent", ""),
        "responseStatus": {"metadata": {}, "code": response.status},
        "requestReceivedTimestamp": now,
        "stageTimestamp": now,
    }
    if call.annotations:
        event["annotations"] = dict(call.annotations)
    if info.is_resource:
        reference = {
            "resource": info.resource,
            "namespace": info.namespace,
            "name": info.name,
            "apiGroup": info.group,
            "apiVersion": info.version,
            "subresource": info.subresource,
        }
        event["objectRef"] = {field: value for field, value in reference.items() if value}
    if response.status >= 400 and response.obj is not None:
        event["responseStatus"] = response.obj
    if level in (REQUEST, REQUEST_RESPONSE) and isinstance(call.request.body, dict):
        event["requestObject"] = call.request.body
    if level == REQUEST_RESPONSE and response.obj is not None:
        event["responseObject"] = response.obj
    return event


def _uri(call: Call) -> str:
    query = "&".join(f"{name}={value}" for name, values in call.request.query.items() for value in values)
    return f"{call.request.path}?{query}" if query else call.request.path
