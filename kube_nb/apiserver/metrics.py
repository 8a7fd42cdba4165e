"""What the server counts, as Prometheus reads it at /metrics, under upstream's names.

Models apiserver pkg/endpoints/metrics, pkg/storage/etcd3/metrics, pkg/util/flowcontrol/metrics, kube-aggregator
pkg/controllers/status/metrics. Differs: durations are the cluster's time, which at ``pace="max"`` stands still while a
request is served by this kernel alone; what is measured is a part of what upstream measures.
"""

import bisect
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from kube_nb.apiserver.requestinfo import RequestInfo

if TYPE_CHECKING:
    from kube_nb.apiserver.fairness.waiting import Gate
    from kube_nb.apiserver.server import ApiServer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Upper bounds of the request duration's buckets, in seconds.
BUCKETS_S = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0),
    *(4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)

#: What is not one of these is counted as OTHER, so that nobody can make up labels.
VERBS = frozenset(
    (
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "post",
        "put",
        "head",
        "options",
    )
)
#: verb, group, version, resource, subresource, has a name, has a namespace, is a dry run, code.
_Key = tuple[str, str, str, str, str, bool, bool, bool, int]
_Row = tuple[Mapping[str, str], float]


class Durations:
    """A histogram's counts: below[i] fell into the i-th bucket, the last one has no upper bound."""

    __slots__ = ("below", "sum_s")

    def __init__(self) -> None:
        self.below = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def add(self, duration_s: float) -> None:
        self.below[bisect.bisect_left(BUCKETS_S, duration_s) if duration_s else 0] += 1
        self.sum_s += duration_s


class Metrics:
    """Counters of one server since it started."""

    def __init__(self) -> None:
        self._requests: dict[_Key, Durations] = {}
        #: Audit events by level.
        self.audited: dict[str, int] = {}

    def count(self, info: RequestInfo, code: int, duration_s: float, dry_run: bool) -> None:
        """A request was answered. info: of a resource that is served, or of a path that is none."""
        key = (
            info.verb if info.verb in VERBS else "other",
            info.group,
            info.version,
            info.resource,
            info.subresource,
            info.name != "",
            info.namespace != "",
            dry_run,
            code,
        )
        durations = self._requests.get(key)
        if durations is None:
            durations = self._requests[key] = Durations()
        durations.add(duration_s)

    # -- exposition ------------------------------------------------------------------------------------------------

    def text(self, server: "ApiServer") -> str:
        """The exposition, one family after the other."""
        families = [*self._of_requests(), *_of_objects(server), *_of_gate(server.gate), *self._of_others(server)]
        return "\n".join(line for family in families for line in family) + "\n"

    def _of_requests(self) -> Iterator[Iterator[str]]:
        yield _family(
            "apiserver_request_total",
            "counter",
            "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, "
            "component, and HTTP response code.",
            (({"code": str(key[-1]), **_labels(key)}, sum(row.below)) for key, row in sorted(self._requests.items())),
        )
        text = (
            "Response latency distribution in seconds for each verb, dry run value, group, version, resource, "
            "subresource, scope and component."
        )
        yield _family("apiserver_request_duration_seconds", "histogram", text, (), self._durations())

    def _durations(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        """The lines of the histogram, whatever the code; how long a client wants to watch says nothing."""
        found: dict[_Key, Durations] = {}
        for key, row in sorted(self._requests.items()):
            if key[0] == "watch":
                continue
            whole = found.setdefault((*key[:-1], 0), Durations())
            whole.below = [a + b for a, b in zip(whole.below, row.below, strict=True)]
            whole.sum_s += row.sum_s
        for key, row in found.items():
            yield from _histogram(_labels(key), row)

    def _of_others(self, server: "ApiServer") -> Iterator[Iterator[str]]:
        yield _family(
            "apiserver_audit_level_total",
            "counter",
            "Counter of policy levels for audit events (1 per request).",
            (({"level": level}, count) for level, count in sorted(self.audited.items())),
        )
        yield _family(
            "aggregator_unavailable_apiservice",
            "gauge",
            "Gauge of APIServices which are marked as unavailable broken down by APIService name.",
            (({"name": each.name}, int(not each.is_available)) for each in server.registry.remote.values()),
        )
        version = {name: str(value) for name, value in server.version_info().items()}
        labels = {"major": version["major"], "minor": version["minor"], "git_version": version["gitVersion"]}
        text = "A metric with a constant '1' value labeled by major, minor, git version."
        yield _family("kubernetes_build_info", "gauge", text, [(labels, 1)])


#: Verbs that metrics call by their HTTP method.
_VERBS = {"create": "POST", "update": "PUT"}


def _labels(key: _Key) -> Mapping[str, str]:
    verb, group, version, resource, subresource, has_name, has_namespace, dry_run, _ = key
    scope = ""
    if resource:
        scope = "resource" if has_name or verb == "create" else "namespace" if has_namespace else "cluster"
    return {
        "component": "apiserver",
        "dry_run": "All" if dry_run else "",
        "group": group,
        "resource": resource,
        "scope": scope,
        "subresource": subresource,
        "verb": _VERBS.get(verb, verb.upper()),
        "version": version,
    }


def _of_objects(server: "ApiServer") -> Iterator[Iterator[str]]:
    objects: dict[str, int] = {}
    watches: list[_Row] = []
    sent: list[_Row] = []
    for resource in server.resources():
        kind, cacher = resource.kind, resource.cacher
        objects[resource.group_resource] = len(cacher.entries)
        names = {"group": kind.group, "resource": kind.plural, "version": kind.version}
        if kind.storage == kind.gvk and (count := len(cacher.watchers())):
            watches.append(({"component": "apiserver", **names, "scope": "cluster", "verb": "WATCH"}, count))
        if kind.storage == kind.gvk and cacher.events:
            sent.append((names, cacher.events))
    yield _family(
        "apiserver_storage_objects",
        "gauge",
        "Number of stored objects at the time of last check split by kind.",
        (({"resource": name}, count) for name, count in sorted(objects.items())),
    )
    yield _family(
        "apiserver_longrunning_requests",
        "gauge",
        "Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope.",
        watches,
    )
    yield _family("apiserver_watch_events_total", "counter", "Number of events sent in watch clients", sent)
    yield _family(
        "etcd_revision", "gauge", "The store's revision as the server has seen it.", [({}, server.storage.revision)]
    )


def _of_gate(gate: "Gate | None") -> Iterator[Iterator[str]]:
    if gate is None:
        return
    levels = gate.levels()
    for name, text, value in (
        ("nominal_limit_seats", "Nominal number of execution seats configured for each priority level", "nominal"),
        ("current_limit_seats", "current derived number of execution seats available to each priority level", "limit"),
        (
            "current_executing_seats",
            "Concurrency (number of seats) occupied by the currently executing requests",
            "in_use",
        ),
        ("current_executing_requests", "Number of requests in regular execution phase", "executing"),
        ("current_inqueue_requests", "Number of requests currently pending in queues", "waiting"),
    ):
        rows = [({"priority_level": level.name}, getattr(level, value)) for level in levels]
        yield _family(f"apiserver_flowcontrol_{name}", "gauge", text, rows)
    yield _family(
        "apiserver_flowcontrol_rejected_requests_total",
        "counter",
        "Number of requests rejected by API Priority and Fairness subsystem",
        (
            ({"flow_schema": schema, "priority_level": level.name, "reason": reason}, count)
            for level in levels
            for (schema, reason), count in sorted(level.rejected.items())
        ),
    )
    yield _family(
        "apiserver_flowcontrol_dispatched_requests_total",
        "counter",
        "Number of requests executed by API Priority and Fairness subsystem",
        (
            ({"flow_schema": flow.schema, "priority_level": flow.level.name}, flow.dispatched)
            for flow in gate.flows()
            if flow.dispatched
        ),
    )


def _family(
    name: str, kind: str, text: str, rows: Iterable[_Row], lines: Iterable[tuple[str, Mapping[str, str], float]] = ()
) -> Iterator[str]:
    """rows: (labels, value); lines: the same with what follows the family's name, for histograms."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in rows:
        yield _line(name, labels, value)
    for suffix, labels, value in lines:
        yield _line(name + suffix, labels, value)


def _histogram(labels: Mapping[str, str], row: Durations) -> Iterator[tuple[str, Mapping[str, str], float]]:
    total = 0
    for bound, count in zip((*map(_short, BUCKETS_S), "+Inf"), row.below, strict=True):
        total += count
        yield "_bucket", {**labels, "le": bound}, total
    yield "_sum", labels, row.sum_s
    yield "_count", labels, total


def _short(value: float) -> str:
    return f"{value:g}"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
    return f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
