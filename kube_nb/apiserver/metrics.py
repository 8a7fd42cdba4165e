"""What the server counts, as Prometheus reads it at /metrics.

Models apiserver pkg/endpoints/metrics. Differs: no histograms of duration, for cluster time stands still while a
request is served.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from kube_nb.apiserver.requestinfo import RequestInfo

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Key = tuple[str, str, str, str, str, int]


class Metrics:
    """Counters of one server since it started."""

    def __init__(self) -> None:
        self.requests: dict[_Key, int] = {}

    def count(self, info: RequestInfo, code: int) -> None:
        key = (info.verb, info.group, info.version, info.resource, info.subresource, code)
        self.requests[key] = self.requests.get(key, 0) + 1

    def text(self, server: "ApiServer") -> str:
        """The exposition, one family after the other."""
        objects: dict[str, int] = {}
        watches: dict[str, int] = {}
        for resource in server.resources():
            objects[resource.group_resource] = len(resource.cacher.entries)
            watches[resource.group_resource] = len(resource.cacher.watchers())
        families = (
            _family(
                "apiserver_request_total",
                "counter",
                "Counter of apiserver requests broken out for each verb, group, version, resource, scope and code.",
                self._requests(),
            ),
            _family(
                "apiserver_storage_objects",
                "gauge",
                "Number of stored objects split by kind.",
                (({"resource": name}, count) for name, count in sorted(objects.items())),
            ),
            _family(
                "apiserver_longrunning_requests",
                "gauge",
                "Number of watches split by kind.",
                (({"verb": "WATCH", "resource": name}, count) for name, count in sorted(watches.items()) if count),
            ),
            _family(
                "etcd_revision",
                "gauge",
                "The store's revision as the server has seen it.",
                [({}, server.storage.revision)],
            ),
        )
        return "\n".join(line for family in families for line in family) + "\n"

    def _requests(self) -> Iterator[tuple[Mapping[str, str], int]]:
        for (verb, group, version, resource, subresource, code), count in sorted(self.requests.items()):
            labels = {
                "code": str(code),
                "group": group,
                "resource": resource,
                "subresource": subresource,
                "verb": verb.upper(),
                "version": version,
            }
            yield labels, count


def _family(name: str, kind: str, text: str, rows: Iterable[tuple[Mapping[str, str], int]]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in rows:
        inside = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        yield f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
