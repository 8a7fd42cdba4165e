"""Priority levels: how many seats each has, takes and lends.

Models apiserver pkg/util/flowcontrol/apf_controller.go and conc_alloc.go.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kube_nb.apiserver.fairness.queues import Queues

#: How often seats are lent anew at most.
PERIOD_S = 10.0
#: How much of the last demand is still remembered after a period.
SMOOTHING = 0.977


@dataclass(slots=True, eq=False)
class Level:
    """One priority level at work.

    nominal: its share of the server's seats; least and most: what lending and borrowing may make of that; limit: what
    it is now. queues: None if it rejects at once or is exempt. peak: most seats wanted at once in this period.
    """

    name: str
    uid: str = ""
    is_exempt: bool = False
    nominal: int = 0
    least: int = 0
    most: int = 0
    limit: int = 0
    queues: Queues | None = None
    in_use: int = 0
    executing: int = 0
    peak: int = 0
    smooth: float = 0.0
    #: (schema, reason) -> requests that did not.
    rejected: dict[tuple[str, str], int] = field(default_factory=dict)

    def try_take(self, seats: int) -> bool:
        """Take seats if there are that many and nobody waits for them; an exempt level has always enough."""
        in_use = self.in_use + seats
        if not self.is_exempt and (in_use > self.limit or (self.queues is not None and self.queues.length)):
            return False
        self.in_use = in_use
        self.executing += 1
        if in_use > self.peak:
            self.peak = in_use
        return True

    def take(self, seats: int) -> None:
        self.in_use += seats
        self.executing += 1

    def refuse(self, schema: str, reason: str) -> None:
        self.rejected[schema, reason] = self.rejected.get((schema, reason), 0) + 1

    @property
    def free(self) -> int:
        return self.limit - self.in_use

    @property
    def waiting(self) -> int:
        return self.queues.length if self.queues is not None else 0

    def configure(self, spec: Mapping[str, Any]) -> None:
        """Take over a PriorityLevelConfiguration's spec but for its shares."""
        self.is_exempt = spec.get("type") == "Exempt"
        response = ((spec.get("limited") or {}).get("limitResponse") or {}) if not self.is_exempt else {}
        queuing = response.get("queuing") or {}
        if response.get("type") != "Queue":
            self.queues = None
            return
        made = Queues(queuing.get("queues", 64), queuing.get("handSize", 8), queuing.get("queueLengthLimit", 50))
        old, self.queues = self.queues, made
        if old is None or _shape(old) == _shape(made):
            self.queues = old or made
            return
        for each in old.all_waiting():  # whoever waits goes on waiting
            made.adopt(each)


def _shape(queues: Queues) -> tuple[int, int, int]:
    return len(queues.queues), queues.hand_size, queues.length_limit


def share(levels: Sequence[tuple[Level, Mapping[str, Any]]], total: int) -> None:
    """Give every level its nominal seats of the server's total, and its bounds. levels: with their specs."""
    parts = [_part(spec) for _, spec in levels]
    shares = [
        _number(part, "nominalConcurrencyShares", 30 if part is spec.get("limited") else 0)
        for part, (_, spec) in zip(parts, levels, strict=True)
    ]
    whole = max(1, sum(shares))
    for (level, _), part, own in zip(levels, parts, shares, strict=True):
        level.nominal = math.ceil(total * own / whole)
        level.least = level.nominal - round(level.nominal * _number(part, "lendablePercent", 0) / 100)
        borrowing = part.get("borrowingLimitPercent")
        level.most = total if borrowing is None else level.nominal + round(level.nominal * borrowing / 100)
        level.limit = level.nominal


def _part(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = spec.get("exempt") if spec.get("type") == "Exempt" else spec.get("limited")
    return found or {}


def _number(part: Mapping[str, Any], field_name: str, default: int) -> int:
    value = part.get(field_name)
    return default if value is None else int(value)


def lend(levels: Sequence[Level]) -> None:
    """Set every level's limit anew by what it wanted since the last time, within its bounds.

    The seats that exempt levels use are off the table, then each level gets the same part of what it aims at.
    """
    limited = [level for level in levels if not level.is_exempt]
    for level in levels:
        level.smooth = max(level.peak, SMOOTHING * level.smooth + (1 - SMOOTHING) * level.peak)
    least = [max(level.least, min(level.nominal, level.peak)) for level in limited]
    wanted = [max(float(low), level.smooth) for low, level in zip(least, limited, strict=True)]
    total = sum(level.nominal for level in levels) - sum(level.peak for level in levels if level.is_exempt)
    for level, seats in zip(limited, allocate(total, least, wanted, [level.most for level in limited]), strict=True):
        level.limit = seats
    for level in levels:
        level.peak = level.in_use + level.waiting


def allocate(total: int, least: Sequence[int], wanted: Sequence[float], most: Sequence[int]) -> list[int]:
    """Whole seats that add up to `total`, each the same multiple of what is wanted, as far as the bounds let it.

    Models computeConcurrencyAllocation. If the bounds do not let it, the nearest bounds.
    """
    rows = list(zip(least, (max(each, 1e-3) for each in wanted), most, strict=True))

    def exact(factor: float) -> list[float]:
        return [min(max(want * factor, low), high) for low, want, high in rows]

    below, above = 0.0, 1e7
    for _ in range(80):
        middle = (below + above) / 2
        below, above = (middle, above) if sum(exact(middle)) < total else (below, middle)
    found = exact(above)
    whole = [math.floor(each + 1e-6) for each in found]
    by_rest = sorted(range(len(found)), key=lambda index: (whole[index] - found[index], index))
    for index in by_rest[: max(0, min(len(found), total - sum(whole)))]:
        whole[index] += whole[index] < most[index]
    return whole
