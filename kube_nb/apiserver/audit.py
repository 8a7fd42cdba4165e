"""The audit log: who did what, as a policy says how much of it is written down.

Each request has an event per stage: RequestReceived when it is known who asks, ResponseStarted when a watch begins,
ResponseComplete when it is answered or the watch has ended. Models apiserver pkg/audit, pkg/endpoints/filters/audit.go
and audit.k8s.io/v1. Differs: of logs and sessions only the beginning is told; there are no sourceIPs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kube_nb.apiserver import decode
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors, names
from kube_nb.machinery.exchange import Response, User
from kube_nb.machinery.types import Json, Obj

NONE, METADATA, REQUEST, REQUEST_RESPONSE = "None", "Metadata", "Request", "RequestResponse"
LEVELS = (NONE, METADATA, REQUEST, REQUEST_RESPONSE)
RECEIVED, STARTED, COMPLETE = "RequestReceived", "ResponseStarted", "ResponseComplete"
#: What a server without a policy of its own writes down, if it has a log at all.
EVERYTHING: Obj = {"rules": [{"level": METADATA}]}
Sink = Callable[[Obj], None]


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one request from its first stage on. omitted: stages that are not written."""

    level: str
    omitted: frozenset[str]
    omits_managed_fields: bool
    id: str
    received: str


class Audit:
    """policy: an audit.k8s.io/v1 Policy; sink: takes each event."""

    def __init__(self, sink: Sink, policy: Obj = EVERYTHING) -> None:
        self.sink = sink
        self.policy = policy

    def received(self, call: Call) -> None:
        """It is known who asks."""
        rule: Obj = next((rule for rule in self.policy.get("rules") or () if _matches(rule, call)), {})
        server = call.server
        level = str(rule.get("level", NONE))
        server.metrics.audited[level] = server.metrics.audited.get(level, 0) + 1
        omitted = frozenset([*(self.policy.get("omitStages") or ()), *(rule.get("omitStages") or ())])
        bare = rule.get("omitManagedFields", self.policy.get("omitManagedFields", False))
        now = server.clock.timestamp_micro()
        call.record = Record(level, omitted, bool(bare), names.uid(server.stream("audit")), now)
        self._write(call, RECEIVED, None)

    def answered(self, call: Call, response: Response) -> None:
        """The response is there, or the stream of it begins."""
        if call.record is None:
            self.received(call)  # nobody could tell who asks
        assert call.record is not None
        response.headers["Audit-Id"] = call.record.id
        if response.watch is not None:
            self._write(call, STARTED, response)
            response.watch.on_close.append(lambda: self._write(call, COMPLETE, response))
            return
        self._write(call, COMPLETE, response)

    def _write(self, call: Call, stage: str, response: Response | None) -> None:
        record = call.record
        assert record is not None
        if record.level != NONE and stage not in record.omitted:
            self.sink(_event(call, record, stage, response))


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


def _event(call: Call, record: Record, stage: str, response: Response | None) -> Obj:
    """An audit.k8s.io/v1 Event; response: None before there is one."""
    event: Obj = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": record.level,
        "auditID": record.id,
        "stage": stage,
        "requestURI": _uri(call),
        "verb": call.info.verb,
        "user": _user(call.user),
        "userAgent": call.request.headers.get("user-agent", ""),
    }
    if call.info.is_resource:
        event["objectRef"] = _reference(call)
    if response is not None:
        failed = response.status >= 400 and response.obj is not None
        event["responseStatus"] = response.obj if failed else {"metadata": {}, "code": response.status}
        if record.level in (REQUEST, REQUEST_RESPONSE) and (body := _body(call)) is not None:
            event["requestObject"] = _bare(body) if record.omits_managed_fields else body
        if record.level == REQUEST_RESPONSE and response.obj is not None:
            event["responseObject"] = _bare(response.obj) if record.omits_managed_fields else response.obj
    event["requestReceivedTimestamp"] = record.received
    event["stageTimestamp"] = call.server.clock.timestamp_micro()
    if call.annotations:
        event["annotations"] = dict(call.annotations)
    return event


def _user(user: User) -> Obj:
    found: Obj = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        found["uid"] = user.uid
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return found


def _reference(call: Call) -> Obj:
    """The object that is asked for; the URL of a create does not name it, its body may."""
    info = call.info
    name = info.name
    if info.verb == "create" and not name and isinstance(body := _body(call), dict):
        metadata = body.get("metadata")
        name = str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
    reference = {
        "resource": info.resource,
        "namespace": info.namespace,
        "name": name,
        "apiGroup": info.group,
        "apiVersion": info.version,
        "subresource": info.subresource,
    }
    return {field: value for field, value in reference.items() if value}


def _body(call: Call) -> Json:
    """What was sent, None if it cannot be read."""
    if not isinstance(call.request.body, bytes):
        return call.request.body
    try:
        return decode.body(call.request, (decode.content_type(call.request),))
    except errors.ApiError:
        return None


def _bare(obj: Json) -> Json:
    """An object or list without managedFields."""
    if not isinstance(obj, dict):
        return obj
    if isinstance(obj.get("items"), list):
        return {**obj, "items": [_bare(item) for item in obj["items"]]}
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {field: value for field, value in metadata.items() if field != "managedFields"}}


def _uri(call: Call) -> str:
    query = "&".join(f"{name}={value}" for name, values in call.request.query.items() for value in values)
    return f"{call.request.path}?{query}" if query else call.request.path
