"""How fast nodes of a zone may be tainted for eviction: when most of a zone is gone, it is rather the network.

Models handleDisruption and ComputeZoneState of node_lifecycle_controller.go, and scheduler/rate_limited_queue.go.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kube_nb.controllers.context import Options
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

NORMAL, FULL, PARTIAL = "Normal", "FullDisruption", "PartialDisruption"
_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"


def zone_of(node: Obj) -> str:
    labels = objects.labels(node)
    return f"{labels.get(_REGION, '')}:\x00:{labels.get(_ZONE, '')}"


def state_of(ready: Iterable[bool], threshold: float) -> str:
    """The state of a zone whose nodes are ready or not."""
    flags = list(ready)
    down = flags.count(False)
    if flags and down == len(flags):
        return FULL
    if down > 2 and down / len(flags) >= threshold:
        return PARTIAL
    return NORMAL


@dataclass
class Zone:
    """rate: nodes a second. waiting: nodes to be tainted, in order."""

    rate: float
    state: str = NORMAL
    waiting: dict[str, None] = field(default_factory=dict)
    tokens: float = 1.0
    filled_s: float = 0.0

    def set_rate(self, rate: float, now_s: float) -> None:
        if rate != self.rate:
            self.rate, self.tokens, self.filled_s = rate, 1.0, now_s

    def take(self, now_s: float) -> str | None:
        """The next node to be tainted, if the rate lets one through now."""
        self.tokens = min(1.0, self.tokens + (now_s - self.filled_s) * self.rate)
        self.filled_s = now_s
        if not self.waiting or not self.rate or self.tokens < 1 - 1e-9:
            return None
        self.tokens -= 1
        name = next(iter(self.waiting))
        del self.waiting[name]
        return name

    def next_s(self) -> float | None:
        """Seconds until `take` may give another node."""
        if not self.waiting or not self.rate:
            return None
        return max(0.0, (1 - self.tokens) / self.rate)


def rate(state: str, size: int, options: Options) -> float:
    """Evictions a second in a zone of this state."""
    if state == PARTIAL:
        return options.secondary_node_eviction_rate if size > options.large_cluster_size_threshold else 0.0
    return options.node_eviction_rate


def all_disrupted(states: Mapping[str, str]) -> bool:
    """Whether no zone works: then it is the control plane that is cut off, and nobody is evicted."""
    return bool(states) and all(state == FULL for state in states.values())
