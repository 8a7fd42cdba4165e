"""Asking the engine "what if" on the snapshot as it is: a pod, a node or a weight changed for one question, then back.

Nothing is left of a question: not the place in the ring, not the order of the nodes, not a drawn lot.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo


@contextmanager
def lifted(engine: Engine, pod: PodInfo) -> Iterator[PodInfo]:
    """While it lasts a placed pod is off its node; yields the pod as if it had never been bound."""
    mark = engine.mark()
    node = engine.columns.node(pod.node_name)
    placed = node.pods.get(pod.key) if node is not None else None
    if placed is not None:
        engine.forget(placed)
    engine.columns.refresh()
    spec = {key: value for key, value in pod.spec.items() if key != "nodeName"}
    try:
        yield engine.pod({**pod.obj, "spec": spec}, "")
    finally:
        if placed is not None and node is not None:
            engine.assume(placed, node.name)
        engine.go_back(mark)


@contextmanager
def node_changed(engine: Engine, obj: Obj) -> Iterator[None]:
    """While it lasts a node is another, in the same place."""
    columns = engine.columns
    old = columns.nodes[columns.row(obj["metadata"]["name"])].obj
    columns.update_node(obj, keep_order=True)
    try:
        yield
    finally:
        columns.update_node(old, keep_order=True)


@contextmanager
def weight_changed(engine: Engine, profile: str, plugin: str, weight: int) -> Iterator[None]:
    """While it lasts a score plugin has another weight."""
    framework = engine.profiles[profile]
    old = framework.weights.get(plugin)
    framework.weights[plugin] = weight
    engine.replace_profiles(engine.profiles)
    try:
        yield
    finally:
        if old is None:
            del framework.weights[plugin]
        else:
            framework.weights[plugin] = old
        engine.replace_profiles(engine.profiles)


def refusals(engine: Engine, pod: PodInfo, node: NodeInfo) -> Iterator[Status]:
    """What every filter says of the node, not only the first."""
    state, refusal, names = engine.state_for(pod)
    if refusal is not None:
        yield refusal
        return
    if names is not None and node.name not in names:
        yield Status(Code.UNSCHEDULABLE, (f"only {', '.join(sorted(names))} are asked for",), "PreFilter")
    for plugin in engine.framework_of(pod).points["filter"]:
        if plugin.name not in state["skipped"]:
            status = plugin.filter(state, pod, node)
            if status is not None and status.code is not Code.SUCCESS:
                yield status.by(plugin.name)


def attempt(engine: Engine, pod: PodInfo) -> Attempt:
    """A cycle that looks at every node and leaves no trace."""
    mark, explain = engine.mark(), engine.explain
    framework = engine.framework_of(pod)
    percentages = framework.percentage_of_nodes_to_score, engine.percentage_of_nodes_to_score
    framework.percentage_of_nodes_to_score, engine.explain = 100, True
    try:
        return engine.schedule(pod)
    finally:
        framework.percentage_of_nodes_to_score, engine.percentage_of_nodes_to_score = percentages
        engine.explain = explain
        engine.go_back(mark)
