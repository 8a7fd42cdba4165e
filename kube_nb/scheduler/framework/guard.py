"""User plugins at arm's length: what they throw becomes a fault of the one pod, what they get they cannot change.

A guarded plugin may be written more loosely than the protocols: wherever a Status is expected a text (the reason for
no) or a bool will do, `score` may answer any finite number, `permit` how many seconds to wait, `pre_bind` and `bind`
need not be coroutines, and `name` may be left out (the class's name).
"""

import inspect
import math
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from kube_nb.machinery.types import Json
from kube_nb.scheduler.framework.interface import EXTENSION_POINTS, Ints
from kube_nb.scheduler.framework.status import Code, Status, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

#: A call that takes longer is reported with the attempt, in wall seconds.
SLOW_S = 0.1


class PluginFault(Exception):
    """A plugin threw or answered nonsense; the message names it."""


def _refuse(*arguments: Any, **more: Any) -> NoReturn:
    raise TypeError("plugins must not change what they are given")


class ReadOnlyDict(dict[str, Any]):
    """A dict that says no."""

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


class ReadOnlyList(list[Any]):
    """A list that says no."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = append = clear = extend = insert = pop = remove = reverse = (
        sort
    ) = _refuse


def frozen(value: Json) -> Json:
    """A copy that nobody can change."""
    if isinstance(value, dict):
        return ReadOnlyDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return ReadOnlyList(frozen(item) for item in value)
    return value


class PodView:
    """A pod as a plugin sees it: obj, name, namespace, key, uid, labels, priority, requests, node_name."""

    __slots__ = ("_info", "labels", "obj")

    def __init__(self, info: PodInfo) -> None:
        object.__setattr__(self, "_info", info)
        object.__setattr__(self, "obj", frozen(info.obj))
        object.__setattr__(self, "labels", MappingProxyType(dict(info.labels)))

    @property
    def requests(self) -> Mapping[str, int]:
        return MappingProxyType(self._info.shape.requests)

    def __getattr__(self, name: str) -> Any:
        if name in ("name", "namespace", "key", "uid", "priority", "node_name", "scheduler_name", "terminating"):
            return getattr(object.__getattribute__(self, "_info"), name)
        raise AttributeError(name)

    __setattr__ = _refuse


class NodeView:
    """A node as a plugin sees it: obj, name, labels, taints, allocatable, requested, free, pods ({key: PodView})."""

    __slots__ = ("_info", "_pods", "obj")

    def __init__(self, info: NodeInfo, obj: Json, pods: Callable[[PodInfo], PodView]) -> None:
        object.__setattr__(self, "_info", info)
        object.__setattr__(self, "obj", obj)
        object.__setattr__(self, "_pods", pods)

    @property
    def labels(self) -> Mapping[str, str]:
        return MappingProxyType(self._info.labels)

    @property
    def taints(self) -> Json:
        return self.obj.get("spec", {}).get("taints") or ()

    @property
    def allocatable(self) -> Mapping[str, int]:
        return MappingProxyType(self._info.allocatable)

    @property
    def requested(self) -> Mapping[str, int]:
        return MappingProxyType(self._info.requested)

    @property
    def pods(self) -> Mapping[str, PodView]:
        return MappingProxyType({key: self._pods(pod) for key, pod in self._info.pods.items()})

    def __getattr__(self, name: str) -> Any:
        if name in ("name", "free", "unschedulable", "zone", "image_sizes"):
            return getattr(object.__getattribute__(self, "_info"), name)
        raise AttributeError(name)

    __setattr__ = _refuse


class Guarded:
    """A user plugin behind the guard; it has the extension points that the plugin has. warnings: of the last pod."""

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin
        self.name = str(getattr(plugin, "name", None) or type(plugin).__name__)
        self.weight = getattr(plugin, "weight", 1)
        if not isinstance(self.weight, int) or isinstance(self.weight, bool) or self.weight < 0:
            raise ValueError(f'plugin "{self.name}": weight must be a whole number, 0 or more, not {self.weight!r}')
        self.warnings: list[str] = []
        self._pods: dict[int, tuple[PodInfo, PodView]] = {}
        self._nodes: dict[str, tuple[Json, Json]] = {}
        found = [point for point, protocol in EXTENSION_POINTS.items() if isinstance(plugin, protocol)]
        if not found:
            known = ", ".join(sorted(_METHODS))
            raise ValueError(f'plugin "{self.name}" implements no extension point; methods are {known}')
        for method in _METHODS:
            if hasattr(plugin, method):
                setattr(self, method, getattr(self, f"_{method}", None) or self._passing(method))
        if hasattr(plugin, "events_to_register"):
            self.events_to_register = plugin.events_to_register

    # -- calling ---------------------------------------------------------------------------------------------------

    def _call(self, point: str, *arguments: Any) -> Any:
        started_s = time.perf_counter()
        try:
            answer = getattr(self.plugin, point)(*arguments)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise PluginFault(f'running {_METHODS[point]} plugin "{self.name}": {text}') from error
        took_s = time.perf_counter() - started_s
        if took_s > SLOW_S:
            self.warnings.append(f'{_METHODS[point]} plugin "{self.name}" took {took_s:.1f} s')
        return answer

    def _passing(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            return self._call(method, *(self._view(each) for each in arguments))

        return call

    def _view(self, value: Any) -> Any:
        if isinstance(value, PodInfo):
            return self.view_pod(value)
        return self.view_node(value) if isinstance(value, NodeInfo) else value

    def view_pod(self, pod: PodInfo) -> PodView:
        known = self._pods.get(id(pod))
        if known is None or known[0] is not pod or known[1]._info.obj is not pod.obj:
            if len(self._pods) > 4096:
                self._pods.clear()
            known = self._pods[id(pod)] = (pod, PodView(pod))
        return known[1]

    def view_node(self, node: NodeInfo) -> NodeView:
        known = self._nodes.get(node.name)
        if known is None or known[0] is not node.obj:
            known = self._nodes[node.name] = (node.obj, frozen(node.obj))
        return NodeView(node, known[1], self.view_pod)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _filter(self, state: Any, pod: PodInfo, node: NodeInfo) -> Status | None:
        return self._status("filter", self._call("filter", state, self.view_pod(pod), self.view_node(node)))

    def _pre_enqueue(self, pod: PodInfo) -> Status | None:
        try:
            return self._status("pre_enqueue", self._call("pre_enqueue", self.view_pod(pod)))
        except PluginFault as fault:
            return unschedulable(str(fault))

    def _pre_filter(self, state: Any, pod: PodInfo, columns: Any) -> Status | frozenset[str] | None:
        answer = self._call("pre_filter", state, self.view_pod(pod), columns)
        if isinstance(answer, (set, frozenset, list)):
            return frozenset(answer)
        return self._status("pre_filter", answer)

    def _status(self, point: str, answer: Any) -> Status | None:
        if answer is None or answer is True:
            return None
        if isinstance(answer, Status):
            return answer
        if answer is False:
            return unschedulable(f"node(s) didn't pass plugin {self.name}")
        if isinstance(answer, str):
            return unschedulable(answer) if answer else None
        raise PluginFault(
            f'{_METHODS[point]} plugin "{self.name}" answers {answer!r}: None, Status, text or bool expected'
        )

    def _score(self, state: Any, pod: PodInfo, node: NodeInfo) -> int:
        answer = self._call("score", state, self.view_pod(pod), self.view_node(node))
        number = isinstance(answer, (int, float, np.integer, np.floating)) and not isinstance(answer, bool)
        if not number or not math.isfinite(answer):
            raise PluginFault(
                f'Score plugin "{self.name}" answers {answer!r} for node {node.name}: a finite number expected'
            )
        return int(answer)

    def _normalize(self, state: Any, pod: PodInfo, scores: Ints) -> Ints:
        answer = np.asarray(self._call("normalize", state, self.view_pod(pod), scores.copy()), dtype=np.float64)
        if answer.shape != scores.shape or not np.isfinite(answer).all():
            raise PluginFault(f'Score plugin "{self.name}": normalize must answer {len(scores)} finite numbers')
        found: Ints = answer.astype(np.int64)
        return found

    def _pre_score(self, state: Any, pod: PodInfo, columns: Any, rows: Ints) -> Status | None:
        return self._status("pre_score", self._call("pre_score", state, self.view_pod(pod), columns, rows.copy()))

    def _post_filter(self, state: Any, pod: PodInfo, attempt: Any) -> Any:
        answer = self._call("post_filter", state, self.view_pod(pod), attempt)
        if answer is None or (hasattr(answer, "node") and hasattr(answer, "victims")):
            return answer
        raise PluginFault(f'PostFilter plugin "{self.name}" answers {answer!r}: None or a Preemption expected')

    def _sort_key(self, pod: PodInfo, timestamp_s: float) -> Any:
        """A faulty order must not stop the queue: such a pod takes the usual place."""
        try:
            return self._call("sort_key", self.view_pod(pod), timestamp_s)
        except PluginFault as fault:
            self.warnings.append(str(fault))
            return -pod.priority, timestamp_s

    def _reserve(self, state: Any, pod: PodInfo, node_name: str) -> Status | None:
        return self._status("reserve", self._call("reserve", state, self.view_pod(pod), node_name))

    def _permit(self, state: Any, pod: PodInfo, node_name: str) -> tuple[Status | None, float]:
        answer = self._call("permit", state, self.view_pod(pod), node_name)
        if isinstance(answer, (int, float)) and not isinstance(answer, bool):
            return Status(Code.WAIT), float(answer)
        if isinstance(answer, tuple) and len(answer) == 2:
            return self._status("permit", answer[0]), float(answer[1])
        return self._status("permit", answer), 0.0

    async def _pre_bind(self, state: Any, pod: PodInfo, node_name: str) -> Status | None:
        return self._status("pre_bind", await self._awaited("pre_bind", state, pod, node_name))

    async def _bind(self, state: Any, pod: PodInfo, node_name: str) -> Status | None:
        return self._status("bind", await self._awaited("bind", state, pod, node_name))

    async def _awaited(self, point: str, state: Any, pod: PodInfo, node_name: str) -> Any:
        answer = self._call(point, state, self.view_pod(pod), node_name)
        if not inspect.isawaitable(answer):
            return answer
        try:
            return await answer
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise PluginFault(f'running {_METHODS[point]} plugin "{self.name}": {text}') from error


#: Method -> the extension point's name in messages.
_METHODS: Mapping[str, str] = {
    "pre_enqueue": "PreEnqueue",
    "sort_key": "QueueSort",
    "pre_filter": "PreFilter",
    "filter": "Filter",
    "add_pod": "PreFilter",
    "remove_pod": "PreFilter",
    "post_filter": "PostFilter",
    "pre_score": "PreScore",
    "score": "Score",
    "normalize": "Score",
    "reserve": "Reserve",
    "unreserve": "Reserve",
    "permit": "Permit",
    "pre_bind": "PreBind",
    "bind": "Bind",
    "post_bind": "PostBind",
}
