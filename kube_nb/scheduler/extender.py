"""Scheduler extenders: webhooks that filter, rank and bind, from the ``extenders`` of a configuration.

Models pkg/scheduler/extender.go and staging/src/k8s.io/kube-scheduler/extender/v1. Differs: an extender filters all
nodes that the plugins accept, not only the first ones found; preemptVerb is not called. A call blocks the cluster's
loop until the answer or the timeout, as it blocks upstream's scheduling cycle.
"""

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from kube_nb.machinery import duration
from kube_nb.machinery.types import Json, Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.configuration_error import ConfigurationError
from kube_nb.scheduler.framework.guard import PluginFault
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import Status, error, unresolvable, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

_KNOWN = frozenset(
    (
        *("urlPrefix", "filterVerb", "preemptVerb", "prioritizeVerb", "weight", "bindVerb", "enableHTTPS"),
        *("tlsConfig", "httpTimeout", "nodeCacheCapable", "managedResources", "ignorable"),
    )
)


class Extender:
    """One webhook as a plugin; it has the extension points for which a verb is configured."""

    scope = Scope.CLUSTER

    def __init__(self, where: str, row: Obj) -> None:
        for field in row:
            if field not in _KNOWN:
                raise ConfigurationError(f"{where}.{field}", "unknown field")
        if not row.get("urlPrefix"):
            raise ConfigurationError(f"{where}.urlPrefix", "Required value")
        self._url = str(row["urlPrefix"]).rstrip("/")
        self.name = f"Extender({self._url})"
        self.weight = int(row.get("weight") or 1)
        if row.get("prioritizeVerb") and int(row.get("weight") or 0) <= 0:
            raise ConfigurationError(f"{where}.weight", "must have a positive weight applied to it")
        self._timeout_s = duration.parse(str(row.get("httpTimeout") or "30s"))
        self._names_only = bool(row.get("nodeCacheCapable"))
        self._ignorable = bool(row.get("ignorable"))
        self._managed = frozenset(each["name"] for each in row.get("managedResources") or ())
        self._verbs = {verb: str(row.get(f"{verb}Verb") or "") for verb in ("filter", "prioritize", "bind")}
        self._last: dict[str, Status] = {}
        if self._verbs["filter"]:
            self.filter, self.filter_columns = self._filter, self._filter_columns
        if self._verbs["prioritize"]:
            self.score, self.score_columns = self._score, self._score_columns
        if self._verbs["bind"]:
            self.bind = self._bind

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        """Whether the extender manages something that the pod asks for."""
        return not self._managed or any(name in self._managed for name in pod.shape.requests)

    applies_to_score = applies

    # -- filter ----------------------------------------------------------------------------------------------------

    def _filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if node.name not in self._last:
            self._ask_filter(pod, [node])
        return self._last.get(node.name)

    def _filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        nodes = [columns.nodes[row] for row in rows.tolist()]
        self._ask_filter(pod, nodes)
        numbers: dict[Status, int] = {}
        codes = np.zeros(len(rows), dtype=np.int64)
        for place, node in enumerate(nodes):
            status = self._last.get(node.name)
            if status is not None:
                codes[place] = numbers.setdefault(status, len(numbers) + 1)
        return codes

    def _ask_filter(self, pod: PodInfo, nodes: list[NodeInfo]) -> None:
        self._last = {}
        answer = self._post("filter", self._arguments(pod, nodes))
        if answer is None:
            return
        if answer.get("error"):
            raise PluginFault(f"{self.name}: {answer['error']}")
        passed = answer.get("nodenames") if self._names_only else None
        if passed is None:
            items = (answer.get("nodes") or {}).get("items") or ()
            passed = [item["metadata"]["name"] for item in items]
        failed: Mapping[str, str] = answer.get("failedNodes") or {}
        hopeless: Mapping[str, str] = answer.get("failedAndUnresolvableNodes") or {}
        for node in nodes:
            if node.name in hopeless:
                self._last[node.name] = unresolvable(hopeless[node.name])
            elif node.name in failed or node.name not in passed:
                self._last[node.name] = unschedulable(failed.get(node.name, f"node(s) were refused by {self.name}"))

    def _arguments(self, pod: PodInfo, nodes: list[NodeInfo]) -> Json:
        if self._names_only:
            return {"pod": pod.obj, "nodes": None, "nodenames": [node.name for node in nodes]}
        return {"pod": pod.obj, "nodes": {"items": [node.obj for node in nodes]}, "nodenames": None}

    # -- score -----------------------------------------------------------------------------------------------------

    def _score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return self._ranks(pod, [node]).get(node.name, 0)

    def _score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        nodes = [columns.nodes[row] for row in rows.tolist()]
        ranks = self._ranks(pod, nodes)
        return np.array([ranks.get(node.name, 0) for node in nodes], dtype=np.int64)

    def _ranks(self, pod: PodInfo, nodes: list[NodeInfo]) -> dict[str, int]:
        """Extenders rank from 0 to 10. A failing one ranks nobody, as upstream."""
        try:
            answer = self._post("prioritize", self._arguments(pod, nodes))
        except PluginFault:
            return {}
        return {row["host"]: 10 * int(row["score"]) for row in answer or ()}

    # -- bind ------------------------------------------------------------------------------------------------------

    async def _bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        wanted = {"podName": pod.name, "podNamespace": pod.namespace, "podUID": pod.uid, "node": node_name}
        try:
            answer = self._post("bind", wanted)
        except PluginFault as fault:
            return error(str(fault))
        return error(answer["error"]) if answer and answer.get("error") else None

    # -- the wire --------------------------------------------------------------------------------------------------

    def _post(self, verb: str, body: Json) -> Json:
        """The answer; None from an ignorable extender that does not answer."""
        url = f"{self._url}/{self._verbs[verb]}"
        request = urllib.request.Request(url, orjson.dumps(body), {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                return orjson.loads(response.read())
        except (OSError, ValueError) as failure:
            if self._ignorable:
                return None
            raise PluginFault(f"{self.name}: {failure}") from failure


def extenders_of(rows: Any) -> list[Extender]:
    return [Extender(f"extenders[{number}]", row) for number, row in enumerate(rows)]
