"""What-if where controllers matter: forks of a running cluster, each under another policy, each living on by itself.

Deployments make pods, preemption evicts, nodes fail: all of it happens, in the fork's own time. Every fork begins at
the same revision; a seed gives the forks of all policies the same chance.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kube_nb.machinery import duration, objects, times
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.whatif.comparison import Measured, axes
from kube_nb.whatif.policy import Policy, policy_of

if TYPE_CHECKING:
    import pandas as pd

    from kube_nb.cluster.cluster import Cluster

#: What is done to every fork: a manifest, or a function of the fork.
Change: TypeAlias = "str | Callable[[Cluster], Any]"


@dataclass
class Futures(Measured):
    """rows: one per policy and seed; placements: {(policy, seed): {pod: node, "" if pending}} of the new pods."""

    rows: list[dict[str, Any]]
    placements: dict[tuple[str, int], dict[str, str]]

    @cached_property
    def df(self) -> "pd.DataFrame":  # type: ignore[override]  # computed once
        """pods (new ones), pending, mean_wait_s, p95_wait_s, preemptions, nodes (with new pods), used_cpu, used_memory
        (asked for, % of the nodes')."""
        import pandas as pd  # here: it is slow to import

        return pd.DataFrame(self.rows)

    def plot(self, kind: str = "mean_wait_s", ax: Any = None) -> Any:
        """kind: a column of `df`; bars with the range over the seeds. Answers the axes."""
        self._check(kind)
        ax = axes(ax)
        self._bars(kind, ax)
        return ax


def compare_futures(
    cluster: "Cluster",
    policies: "Iterable[Policy | str]",
    change: Change,
    *,
    until: str = "5m",
    seeds: "int | Iterable[int]" = 1,
    at: int | None = None,
) -> Futures:
    """Fork the cluster for every policy and seed, make the change, let `until` of cluster time pass, and look.

    policies: kube-scheduler profiles (`Policy.profile`, "kube-default", "most-allocated", ...) or functions
    (`Policy.score`). change: YAML to apply, or a function that does anything with the fork. at: the revision to fork
    at, now if not given. ValueError for a policy that cannot run in a cluster.
    """
    found = Futures([], {})
    for policy in [policy_of(each) for each in policies]:
        for seed in range(seeds) if isinstance(seeds, int) else list(seeds):
            fork = cluster.fork(at, seed=seed)
            try:
                run_under(fork, policy)
                began_s, before = fork.time_s, {objects.uid(pod) for pod in fork.get("pods -A")}
                fork.apply(change) if isinstance(change, str) else change(fork)
                fork.advance(max(0.0, duration.parse(until) - (fork.time_s - began_s)))
                new = [pod for pod in fork.get("pods -A") if objects.uid(pod) not in before]
                found.rows.append(
                    {"workload": cluster.name, "policy": policy.name, "seed": seed, **_measured(fork, new)}
                )
                found.placements[policy.name, seed] = {
                    objects.key(pod): str(pod["spec"].get("nodeName") or "") for pod in new
                }
            finally:
                fork.down()
    return found


def run_under(cluster: "Cluster", policy: "Policy | str") -> None:
    """Let a cluster's scheduler decide by this policy. ValueError if it is neither a profile nor a function."""
    policy = policy_of(policy)
    if policy.function is not None:
        cluster.use_scheduler_plugin(FunctionScore(policy))
        score = {"disabled": [{"name": "*"}], "enabled": [{"name": policy.name}]}
        cluster.configure_scheduler({"profiles": [{"plugins": {"score": score}}], "percentageOfNodesToScore": 100})
    elif policy.maker:
        raise BadArgument(
            f"policy {policy.name!r} needs the engine alone: "
            "take a profile (Policy.profile) or a function (Policy.score)"
        )
    else:
        cluster.configure_scheduler(policy.config)
    cluster.ties = policy.ties


class FunctionScore:
    """A policy's function as a scheduler plugin: it is asked node by node, and the best gets 100, the worst 0."""

    def __init__(self, policy: Policy) -> None:
        assert policy.function is not None
        self.name = policy.name
        self._function = policy.function

    def score(self, state: Any, pod: Any, node: Any) -> float:
        capacity = {name: np.array([float(amount)]) for name, amount in node.allocatable.items()}
        free = {name: amount - float(node.requested.get(name, 0)) for name, amount in capacity.items()}
        return float(np.asarray(self._function(pod.requests, free, capacity), dtype=np.float64).ravel()[0]) * 1e6

    def normalize(self, state: Any, pod: Any, scores: Any) -> Any:
        low, high = float(scores.min()), float(scores.max())
        return np.zeros(len(scores)) if low == high else (scores - low) / (high - low) * 100


def _measured(fork: "Cluster", new: list[Obj]) -> dict[str, Any]:
    waits = sorted(wait for pod in new if (wait := _wait_s(pod)) is not None)
    events = fork.get("events -A")
    return {
        "ties": fork.ties,
        "pods": len(new),
        "pending": len(new) - len(waits),
        "mean_wait_s": sum(waits) / len(waits) if waits else 0.0,
        "p95_wait_s": waits[int(0.95 * (len(waits) - 1))] if waits else 0.0,
        "preemptions": sum(event.get("count") or 1 for event in events if event.get("reason") == "Preempted"),
        "nodes": len({pod["spec"]["nodeName"] for pod in new if pod["spec"].get("nodeName")}),
        **_used(fork),
    }


def _wait_s(pod: Obj) -> float | None:
    """From the pod's creation until it was scheduled; None if it is not."""
    condition = objects.get_condition(pod, "PodScheduled") or {}
    if condition.get("status") != "True":
        return None
    return times.seconds_since(objects.creation_timestamp(pod), times.parse(condition["lastTransitionTime"]))


def _used(fork: "Cluster") -> Mapping[str, float]:
    capacity: dict[str, int] = {}
    for node in fork.get("nodes"):
        for name, amount in requests.amounts(node["status"].get("allocatable")).items():
            capacity[name] = capacity.get(name, 0) + amount
    asked: dict[str, int] = {}
    for pod in fork.get("pods -A"):
        if pod["spec"].get("nodeName") and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            for name, amount in requests.pod_requests(pod["spec"]).items():
                asked[name] = asked.get(name, 0) + amount
    return {
        f"used_{name}": 100 * asked.get(name, 0) / capacity[name] for name in ("cpu", "memory") if capacity.get(name)
    }
