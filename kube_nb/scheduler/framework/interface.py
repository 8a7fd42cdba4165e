"""A Protocol per extension point; a plugin implements any subset of them.

Every plugin has a `name`. Filters and scores have a plain form, one node a call, and may have a column form, all nodes
a call; `Scope` says what the column form depends on, so that the engine knows what it may keep between pods.
Models staging/src/k8s.io/kube-scheduler/framework/interface.go.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.framework.events import Registration
from kube_nb.scheduler.framework.status import Status

if TYPE_CHECKING:
    from kube_nb.scheduler.columns import Columns, Gathered
    from kube_nb.scheduler.decisions import Attempt
    from kube_nb.scheduler.node_info import NodeInfo
    from kube_nb.scheduler.pod_info import PodInfo
    from kube_nb.scheduler.preemption import Preemption

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

MAX_SCORE = 100


class CycleState(dict[str, Any]):
    """What plugins of one scheduling cycle tell each other, by key."""

    __slots__ = ()

    def clone(self) -> "CycleState":
        """A copy for a dry run: values with a `clone` of their own are cloned, others shared."""
        return CycleState({key: value.clone() if hasattr(value, "clone") else value for key, value in self.items()})


class Scope(enum.Enum):
    """What a column filter or score looks at beside the pod's spec."""

    NODE = "node"  #: the node object
    ROW = "row"  #: the node object and the pods on this node
    CLUSTER = "cluster"  #: anything: other nodes' pods, the pod's labels, other objects


class Plugin(Protocol):
    """`name` identifies it in configurations, statuses and decisions."""

    name: str


@runtime_checkable
class PreEnqueuePlugin(Protocol):
    """Keeps a pod out of the active queue."""

    def pre_enqueue(self, pod: "PodInfo") -> Status | None: ...


@runtime_checkable
class QueueSortPlugin(Protocol):
    """Orders the active queue; exactly one."""

    def sort_key(self, pod: "PodInfo", timestamp_s: float) -> Any: ...


@runtime_checkable
class EnqueueExtensions(Protocol):
    """Names the events that may make a pod schedulable that this plugin refused."""

    def events_to_register(self) -> Iterable[Registration]: ...


@runtime_checkable
class PreFilterPlugin(Protocol):
    """Prepares the filter, refuses the pod altogether, or narrows the nodes.

    Answers None, a Status (SKIP: my filter need not run), or the names of the only nodes worth looking at.
    """

    def pre_filter(self, state: CycleState, pod: "PodInfo", columns: "Columns") -> "Status | frozenset[str] | None": ...


@runtime_checkable
class PreFilterExtensions(Protocol):
    """Adjusts what `pre_filter` prepared when a dry run adds or removes a pod."""

    def add_pod(self, state: CycleState, pod: "PodInfo", added: "PodInfo", node: "NodeInfo") -> None: ...

    def remove_pod(self, state: CycleState, pod: "PodInfo", removed: "PodInfo", node: "NodeInfo") -> None: ...


@runtime_checkable
class FilterPlugin(Protocol):
    """Refuses nodes."""

    def filter(self, state: CycleState, pod: "PodInfo", node: "NodeInfo") -> Status | None: ...


@runtime_checkable
class ColumnFilter(Protocol):
    """Refuses nodes, all at once.

    rows: which rows of the columns. Answers a code per row: 0 accepts, and equal codes stand for equal statuses.
    """

    scope: Scope

    def filter_columns(self, state: CycleState, pod: "PodInfo", columns: "Columns", rows: Ints) -> Ints: ...


@runtime_checkable
class PostFilterPlugin(Protocol):
    """Acts when no node fits. Answers None, or what it would do: see `preemption.Preemption`."""

    def post_filter(self, state: CycleState, pod: "PodInfo", attempt: "Attempt") -> "Preemption | None": ...


@runtime_checkable
class PreScorePlugin(Protocol):
    """Prepares the score, or skips it. rows: the feasible ones."""

    def pre_score(self, state: CycleState, pod: "PodInfo", columns: "Columns", rows: Ints) -> Status | None: ...


@runtime_checkable
class ScorePlugin(Protocol):
    """Ranks a feasible node. Without a `normalize` the score must lie in 0..100."""

    def score(self, state: CycleState, pod: "PodInfo", node: "NodeInfo") -> int: ...


@runtime_checkable
class ColumnScore(Protocol):
    """Ranks nodes, all at once; within 0..100 as `ScorePlugin`, and kept as small numbers, unless `normalize` or
    ``columns_only = True`` says that it needs more."""

    scope: Scope

    def score_columns(self, state: CycleState, pod: "PodInfo", columns: "Columns", rows: Ints) -> Ints: ...


@runtime_checkable
class Gathering(Protocol):
    """Decides by amounts alone, so that many shapes of pods can be done in one operation; see `columns.Gathered`.

    gathers: whether it does, as configured. A filter has `accepts_gathered` (False: perhaps not), a score
    `score_gathered`; both answer one value per column of what was gathered.
    """

    gathers: bool

    def score_gathered(self, columns: "Columns", gathered: "Gathered") -> Ints: ...


@runtime_checkable
class NormalizePlugin(Protocol):
    """Brings the feasible nodes' raw scores to 0..100."""

    def normalize(self, state: CycleState, pod: "PodInfo", scores: Ints) -> Ints: ...


@runtime_checkable
class ReservePlugin(Protocol):
    """Takes, and on failure gives back, what the pod will use on the node."""

    def reserve(self, state: CycleState, pod: "PodInfo", node_name: str) -> Status | None: ...

    def unreserve(self, state: CycleState, pod: "PodInfo", node_name: str) -> None: ...


@runtime_checkable
class PermitPlugin(Protocol):
    """Allows, refuses or delays the binding; with WAIT the second value is the time limit in seconds."""

    def permit(self, state: CycleState, pod: "PodInfo", node_name: str) -> tuple[Status | None, float]: ...


@runtime_checkable
class PreBindPlugin(Protocol):
    """Does what must be done before the pod is bound."""

    async def pre_bind(self, state: CycleState, pod: "PodInfo", node_name: str) -> Status | None: ...


@runtime_checkable
class BindPlugin(Protocol):
    """Binds the pod; SKIP leaves it to the next one."""

    async def bind(self, state: CycleState, pod: "PodInfo", node_name: str) -> Status | None: ...


@runtime_checkable
class PostBindPlugin(Protocol):
    """Hears of the binding."""

    def post_bind(self, state: CycleState, pod: "PodInfo", node_name: str) -> None: ...


#: Extension point as KubeSchedulerConfiguration spells it -> what a plugin must implement to be there.
EXTENSION_POINTS: Mapping[str, type] = {
    "preEnqueue": PreEnqueuePlugin,
    "queueSort": QueueSortPlugin,
    "preFilter": PreFilterPlugin,
    "filter": FilterPlugin,
    "postFilter": PostFilterPlugin,
    "preScore": PreScorePlugin,
    "score": ScorePlugin,
    "reserve": ReservePlugin,
    "permit": PermitPlugin,
    "preBind": PreBindPlugin,
    "bind": BindPlugin,
    "postBind": PostBindPlugin,
}

PluginFactory: TypeAlias = Callable[[Mapping[str, Any], Any], Plugin]


def default_normalize(scores: Ints, *, reverse: bool = False) -> Ints:
    """Scale to 0..100 by the greatest score; all 0 stays 0, or becomes 100 in reverse.

    Models plugins/helper/normalize_score.go.
    """
    most = int(scores.max()) if len(scores) else 0
    if most == 0:
        return np.full(len(scores), MAX_SCORE if reverse else 0, dtype=np.int64)
    scaled: Ints = scores * MAX_SCORE // most
    return MAX_SCORE - scaled if reverse else scaled


def points_of(plugin: Plugin) -> Sequence[str]:
    """The extension points that this plugin implements."""
    return [point for point, protocol in EXTENSION_POINTS.items() if isinstance(plugin, protocol)]
