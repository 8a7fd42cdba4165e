"""What a cluster finds in a store that another one has filled: is there something to go on with, and from when."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from kube_nb.etcd.backend import KeyValue, Range, prefix_end
from kube_nb.etcd.store import Store
from kube_nb.machinery import times

_LEASES, _NODES = b"/registry/leases/", b"/registry/minions/"


@dataclass(frozen=True, slots=True)
class Found:
    """moment: when the last sign of life was written. images: what lay on each node, by its name."""

    moment: datetime
    images: dict[str, list[str]] = field(default_factory=dict)


def look(store: Store) -> Found | None:
    """None for a store without nodes: everything is new."""
    nodes, leases = (store.range(Range(prefix, prefix_end(prefix))).kvs for prefix in (_NODES, _LEASES))
    moment = _last_sign_of_life(leases)
    if not nodes or moment is None:
        return None
    return Found(moment, dict(map(_images, nodes)))


def _last_sign_of_life(leases: Iterable[KeyValue]) -> datetime | None:
    """Nodes and leaders renew their leases every few seconds."""
    renewed = [(orjson.loads(kv.value).get("spec") or {}).get("renewTime") for kv in leases]
    return max((times.parse(text) for text in renewed if text), default=None)


def _images(node: KeyValue) -> tuple[str, list[str]]:
    found = orjson.loads(node.value)
    images = (found.get("status") or {}).get("images") or ()
    return found["metadata"]["name"], [name for image in images for name in image["names"] if "@" not in name]
