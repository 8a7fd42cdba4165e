"""The scheduling cycle written down plainly, one node at a time, by the plain forms; `Engine` must equal it."""

from typing import Any

import numpy as np

from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.status import Code
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.selection import nodes_to_find


def go_heap_top(totals: list[int]) -> int:
    """The index that Go's heap.Init and heap.Pop give of a max-heap ordered by the total alone."""
    heap = list(range(len(totals)))

    def less(i: int, j: int) -> bool:
        return totals[heap[i]] > totals[heap[j]]

    def down(start: int, size: int) -> None:
        i = start
        while (left := 2 * i + 1) < size:
            j = left
            if left + 1 < size and less(left + 1, left):
                j = left + 1
            if not less(j, i):
                break
            heap[i], heap[j] = heap[j], heap[i]
            i = j

    for start in range(len(heap) // 2 - 1, -1, -1):
        down(start, len(heap))
    return heap[0]


def plain_schedule(engine: Engine, pod: PodInfo, start: int) -> dict[str, Any]:
    """{"node", "processed", "refused": {node: (plugin, reasons)}, "totals"}, or "message" if a PreFilter refused."""
    columns = engine.columns
    state, refusal, names = engine.state_for(pod)
    if refusal is not None:
        return {"node": "", "message": refusal.message}
    framework = engine.framework_of(pod)
    size = len(columns.nodes)
    ring = [columns.nodes[(start + offset) % size] for offset in range(size)]
    candidates = [node for node in ring if names is None or node.name in names]
    wanted = nodes_to_find(len(candidates), engine.percentage_of_nodes_to_score)
    feasible, refused, processed = [], {}, 0
    for node in candidates:
        status = framework.filter(state, pod, node)
        if status is None:
            if len(feasible) == wanted:
                break
            feasible.append(node)
        else:
            refused[node.name] = (status.plugin, status.reasons)
        processed += 1
    if not feasible:
        return {"node": "", "refused": refused, "processed": processed, "totals": {}}
    totals = {node.name: 0 for node in feasible}
    if len(feasible) > 1:
        rows = np.array([node.row for node in feasible])
        for plugin in framework.points["score"]:
            if hasattr(plugin, "pre_score"):
                status = plugin.pre_score(state, pod, columns, rows)
                if status is not None and status.code is Code.SKIP:
                    continue
            scores = np.array([plugin.score(state, pod, node) for node in feasible], dtype=np.int64)
            if hasattr(plugin, "normalize"):
                scores = plugin.normalize(state, pod, scores)
            for node, score in zip(feasible, scores.tolist(), strict=True):
                assert 0 <= score <= 100, plugin.name
                totals[node.name] += framework.weight(plugin) * score
    best = feasible[go_heap_top(list(totals.values()))].name
    return {"node": best, "refused": refused, "processed": processed, "totals": totals}
