"""Scheduler extenders: webhooks that filter, rank, bind and choose victims, from the ``extenders`` of a configuration.

An extender is asked about the nodes that the plugins found, one extender after the other. On the wire fields are named
as Go names them ("Pod", "NodeNames"); answers may be in any case.
Models pkg/scheduler/extender.go and staging/src/k8s.io/kube-scheduler/extender/v1. Differs: a call blocks the cluster's
loop until the answer or the timeout, as it blocks upstream's scheduling cycle.
"""

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from kube_nb.machinery import duration
from kube_nb.machinery.types import Json, Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.configuration_error import ConfigurationError
from kube_nb.scheduler.framework.guard import PluginFault
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import SKIP, Status, error, unresolvable, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.preemption import Candidate

_KNOWN = frozenset(
    (
        *("urlPrefix", "filterVerb", "preemptVerb", "prioritizeVerb", "weight", "bindVerb", "enableHTTPS"),
        *("tlsConfig", "httpTimeout", "nodeCacheCapable", "managedResources", "ignorable"),
    )
)
_DEFAULT_TIMEOUT = "5s"

#: Who refuses a pod for an extender; such a pod is tried again at any event.
REFUSER = "Extender"


class Extender:
    """One webhook. It scores and binds as a plugin does, if it has the verb; filter and preempt are asked by name."""

    scope = Scope.CLUSTER

    def __init__(self, where: str, row: Obj) -> None:
        if not isinstance(row, dict):
            raise ConfigurationError(where, f"must be a mapping, not {type(row).__name__}")
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
        self._timeout_s = _seconds(f"{where}.httpTimeout", row.get("httpTimeout") or _DEFAULT_TIMEOUT)
        self._names_only = bool(row.get("nodeCacheCapable"))
        self.ignorable = bool(row.get("ignorable"))
        managed = row.get("managedResources") or ()
        self._managed = frozenset(each["name"] for each in managed)
        #: Resources that NodeResourcesFit leaves to the extender.
        self.ignored_resources = [each["name"] for each in managed if each.get("ignoredByScheduler")]
        self._verbs = {verb: str(row.get(f"{verb}Verb") or "") for verb in ("filter", "prioritize", "bind", "preempt")}
        self._tls = _tls(f"{where}.tlsConfig", row) if row.get("enableHTTPS") else None
        if self._verbs["prioritize"]:
            self.score, self.score_columns = self._score, self._score_columns
        if self._verbs["bind"]:
            self.bind = self._bind

    def interested(self, pod: PodInfo) -> bool:
        """Whether the extender manages something that the pod asks for."""
        return not self._managed or any(name in self._managed for name in pod.shape.requests)

    def applies_to_score(self, pod: PodInfo, columns: Columns) -> bool:
        return self.interested(pod)

    def __contains__(self, verb: str) -> bool:
        return bool(self._verbs[verb])

    # -- filter ----------------------------------------------------------------------------------------------------

    def refusals(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Mapping[str, Status]:
        """{node: why}, of those that it refuses. PluginFault if it fails and may not be ignored."""
        try:
            answer = _lowered(self._post("filter", self._arguments(pod, nodes)))
            if answer.get("error"):
                raise PluginFault(f"{self.name}: {answer['error']}")
        except PluginFault:
            if self.ignorable:
                return {}
            raise
        failed: Mapping[str, str] = answer.get("failednodes") or {}
        hopeless: Mapping[str, str] = answer.get("failedandunresolvablenodes") or {}
        passed = self._passed(answer, frozenset(node.name for node in nodes))
        found: dict[str, Status] = {}
        for node in nodes:
            if node.name in hopeless:
                found[node.name] = unresolvable(hopeless[node.name]).by(REFUSER)
            elif node.name in failed or node.name not in passed:
                reason = failed.get(node.name, f"node(s) were refused by {self.name}")
                found[node.name] = unschedulable(reason).by(REFUSER)
        return found

    def _passed(self, answer: Mapping[str, Any], asked: frozenset[str]) -> frozenset[str]:
        names = answer.get("nodenames") if self._names_only else None
        if names is None:
            items = _lowered(answer.get("nodes") or {}).get("items") or ()
            names = [item["metadata"]["name"] for item in items]
        for name in names:
            if name not in asked:
                raise PluginFault(f'{self.name} claims a filtered node "{name}" that it was not asked about')
        return frozenset(names)

    def _arguments(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Json:
        if self._names_only:
            return {"Pod": pod.obj, "Nodes": None, "NodeNames": [node.name for node in nodes]}
        items: Json = [node.obj for node in nodes]
        return {"Pod": pod.obj, "Nodes": {"metadata": {}, "items": items}, "NodeNames": None}

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
        rows = [_lowered(row) for row in answer] if isinstance(answer, list) else []
        return {row["host"]: 10 * int(row["score"]) for row in rows}

    # -- bind ------------------------------------------------------------------------------------------------------

    async def _bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        if not self.interested(pod):
            return SKIP
        wanted = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node_name}
        try:
            answer = _lowered(self._post("bind", wanted))
        except PluginFault as fault:
            return error(str(fault))
        return error(str(answer["error"])) if answer.get("error") else None

    # -- preempt ---------------------------------------------------------------------------------------------------

    def candidates(self, pod: PodInfo, found: Sequence[Candidate]) -> list[Candidate]:
        """Which of the candidates remain, perhaps with fewer victims. PluginFault as for `refusals`."""
        field = "NodeNameToMetaVictims" if self._names_only else "NodeNameToVictims"
        victims = {each.node: self._victims(each) for each in found}
        try:
            answer = _lowered(self._post("preempt", {"Pod": pod.obj, field: victims}))
            return self._chosen(_lowered(answer.get("nodenametometavictims") or {}, keep_keys=True), found)
        except PluginFault:
            if self.ignorable:
                return list(found)
            raise

    def _victims(self, candidate: Candidate) -> Json:
        pods: Json = [{"UID": each.uid} if self._names_only else each.obj for each in candidate.victims]
        return {"Pods": pods, "NumPDBViolations": candidate.violations}

    def _chosen(self, answer: Mapping[str, Any], found: Sequence[Candidate]) -> list[Candidate]:
        kept = []
        for each in found:
            if (row := answer.get(each.node)) is None:
                continue
            fields = _lowered(row)
            uids = [_lowered(pod)["uid"] for pod in fields.get("pods") or ()]
            by_uid = {victim.uid: victim for victim in each.victims}
            if not uids or any(uid not in by_uid for uid in uids):
                raise PluginFault(f'{self.name} names victims on node "{each.node}" that it was not asked about')
            victims = tuple(victim for victim in each.victims if victim.uid in uids)
            kept.append(Candidate(each.node, victims, int(fields.get("numpdbviolations") or 0)))
        return kept

    # -- the wire --------------------------------------------------------------------------------------------------

    def _post(self, verb: str, body: Json) -> Json:
        url = f"{self._url}/{self._verbs[verb]}"
        request = urllib.request.Request(url, orjson.dumps(body), {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s, context=self._tls) as response:
                found: Json = orjson.loads(response.read())
                return found
        except urllib.error.HTTPError as failure:
            failure.close()
            text = f"failed {self._verbs[verb]} with extender at URL {url}, code {failure.code}"
            raise PluginFault(f"{self.name}: {text}") from failure
        except (OSError, ValueError) as failure:
            raise PluginFault(f"{self.name}: {failure}") from failure


def _seconds(where: str, text: Any) -> float:
    try:
        return duration.parse(str(text))
    except ValueError as error:
        raise ConfigurationError(where, str(error)) from None


def _lowered(found: Json, *, keep_keys: bool = False) -> Mapping[str, Any]:
    """An object's fields in lower case: Go takes them in any. PluginFault if it is no object."""
    if not isinstance(found, dict):
        raise PluginFault(f"an extender answers {found!r}: an object expected")
    return found if keep_keys else {name.lower(): value for name, value in found.items()}


def _tls(where: str, row: Obj) -> ssl.SSLContext:
    """Without a CA nothing is verified, as upstream. Inline data is not supported, files are."""
    config = row.get("tlsConfig") or {}
    for field in config:
        if field not in ("insecure", "serverName", "certFile", "keyFile", "caFile"):
            raise ConfigurationError(f"{where}.{field}", "not supported; name files: certFile, keyFile, caFile")
    context = ssl.create_default_context(cafile=config.get("caFile"))
    if config.get("insecure") or not config.get("caFile"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.get("certFile"):
        context.load_cert_chain(config["certFile"], config.get("keyFile"))
    return context


def extenders_of(rows: Any) -> list[Extender]:
    """ConfigurationError names the place. Models ValidateKubeSchedulerConfiguration's part about extenders."""
    found = [Extender(f"extenders[{number}]", row) for number, row in enumerate(rows)]
    if sum("bind" in each for each in found) > 1:
        raise ConfigurationError("extenders", "only one extender can implement bind")
    return found
