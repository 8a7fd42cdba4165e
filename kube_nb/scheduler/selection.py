"""How many nodes are looked at, and which of those with the best score is taken.

Models numFeasibleNodesToFind and selectHost of pkg/scheduler/schedule_one.go.
"""

import random
from typing import Any

import numpy as np

from kube_nb.machinery.refusals import BadArgument
from kube_nb.scheduler.framework.interface import Ints

MIN_FEASIBLE_NODES = 100
MIN_PERCENTAGE = 5

#: Tie rules: "heap" as servers since 1.35 do, "random" as before (drawn from the seed), "first" in the nodes' order.
TIES = ("heap", "random", "first")


def nodes_to_find(nodes: int, percentage: int | None) -> int:
    """How many feasible nodes are enough; percentage None or 0: adaptive."""
    if nodes < MIN_FEASIBLE_NODES:
        return nodes
    if not percentage:
        percentage = max(MIN_PERCENTAGE, 50 - nodes // 125)
    return max(MIN_FEASIBLE_NODES, nodes * percentage // 100)


class TieBreaker:
    """Picks among equals."""

    def __init__(self, rule: str = "heap", stream: random.Random | None = None) -> None:
        if rule not in TIES:
            raise BadArgument(f"unknown tie rule {rule!r}, known are {', '.join(TIES)}")
        self.rule = rule
        self._stream = stream or random.Random(0)  # a seeded stream of its own
        self._ranks = _heap_ranks(128)

    def state(self) -> Any:
        """What the next lot hangs on."""
        return self._stream.getstate() if self.rule == "random" else None

    def go_back(self, state: Any) -> None:
        if state is not None:
            self._stream.setstate(state)

    def best(self, totals: Ints) -> tuple[int, int]:
        """(position of the chosen maximum, how many maxima there are)."""
        first = int(totals.argmax())
        equals = (totals == totals[first]).nonzero()[0]
        count = len(equals)
        if count == 1 or self.rule == "first":
            return first, count
        if self.rule == "random":
            return int(equals[self._stream.randrange(count)]), count
        if len(totals) > len(self._ranks):
            self._ranks = _heap_ranks(2 * len(totals))
        return int(equals[self._ranks.take(equals).argmin()]), count


def _heap_ranks(size: int) -> Ints:
    """For each index of an implicit binary heap its place in pre-order: 0, 1, 3, 7, ... 4, ... 2, ...

    Building a max-heap and popping its top yields, among equal maxima, the one that comes first in pre-order.
    """
    ranks = np.empty(size, dtype=np.int64)
    stack, place = [0], 0
    while stack:
        index = stack.pop()
        if index < size:
            ranks[index] = place
            place += 1
            stack += (2 * index + 2, 2 * index + 1)
    return ranks
