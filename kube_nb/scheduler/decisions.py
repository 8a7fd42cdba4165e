"""Every attempt to place a pod, whole: who refused which node and why, what each plugin gave, who won and by which tie.

An attempt keeps the arrays that the cycle worked with (copies of the rows that were looked at) and renders nothing
until somebody asks. The log is bounded in attempts and in cells; the oldest go first.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.framework.interface import Ints
from kube_nb.scheduler.framework.status import Status

#: Shared by all attempts that have nothing to say.
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


def nothing() -> Mapping[Any, Any]:
    """An empty mapping that costs nothing."""
    return _NOTHING


@dataclass
class Attempt:
    """One scheduling cycle of one pod.

    names: all nodes in the order in which they are looked at; start: where this cycle began; processed: how many nodes
    it looked at; candidates: the only ones that a PreFilter let through, absent: why the others did not count. rows:
    the feasible ones in order. plugins, weights and lines run parallel; lines: which row of `raw` has the scores, -1 if
    they are all 0; normalized: {plugin: scores, or one for all}, raw is final for the others.
    verdict: number in `refusals` per node (0: not refused). node: the winner, or "".

    One is made for every pod, so most fields are the class's until something is noted.
    """

    pod: str
    uid: str
    time_s: float
    profile: str
    names: tuple[str, ...]
    start: int = field(default=0, init=False)
    processed: int = field(default=0, init=False)
    node: str = field(default="", init=False)
    rows: Ints | None = field(default=None, init=False)
    plugins: Sequence[str] = field(default=(), init=False)
    weights: Sequence[int] = field(default=(), init=False)
    lines: Sequence[int] = field(default=(), init=False)
    raw: npt.NDArray[np.signedinteger[Any]] | None = field(default=None, init=False)
    normalized: Mapping[str, Ints] = field(default_factory=nothing, init=False)
    verdict: npt.NDArray[np.int16] | None = field(default=None, init=False)
    refusals: Sequence[Status] = field(default=(), init=False)
    late_refusals: Mapping[int, Status] = field(default_factory=nothing, init=False)
    tie_rule: str = field(default="", init=False)
    tied: int = field(default=0, init=False)
    pre_filter: Status | None = field(default=None, init=False)
    candidates: frozenset[str] | None = field(default=None, init=False)
    absent: Status | None = field(default=None, init=False)
    post_filter: str = field(default="", init=False)
    nominated: str = field(default="", init=False)
    preemption: Any = field(default=None, init=False)
    fault: str = field(default="", init=False)
    warnings: tuple[str, ...] = field(default=(), init=False)
    told: str = field(default="", init=False)
    state: Any = field(default=None, init=False)

    def refused_by(self) -> tuple[str, ...]:
        """The plugins that refused some node, or the pod altogether."""
        if self.pre_filter is not None:
            return (self.pre_filter.plugin,)
        names = [status.plugin for status in self.refusals[1:]]
        names += [status.plugin for status in self.late_refusals.values()]
        return tuple(dict.fromkeys(names))

    @property
    def message(self) -> str:
        """Why there is no node; made when somebody asks. Empty for a pod that has one."""
        return self.told or ("" if self.node else self._fit_error())

    @message.setter
    def message(self, text: str) -> None:
        self.told = text

    def _fit_error(self) -> str:
        """Models framework.FitError: reasons with their counts, sorted as texts; then what PostFilter said."""
        message = f"0/{len(self.names)} nodes are available:"
        if self.pre_filter is not None:
            if self.pre_filter.message:
                message += f" {self.pre_filter.message}."
        elif reasons := self.histogram():
            message += " " + ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items())) + "."
        return f"{message} {self.post_filter}" if self.post_filter else message

    # -- rendering -------------------------------------------------------------------------------------------------

    @property
    def scheduled(self) -> bool:
        return bool(self.node)

    def refused(self) -> dict[str, Status]:
        """{node: why}, of the nodes that this cycle looked at, in the order in which it did."""
        if self.pre_filter is not None:
            return dict.fromkeys(self.names, self.pre_filter)
        found: dict[str, Status] = {}
        for row in self._looked_at().tolist():
            if self.absent is not None and not self._inside(row):
                found[self.names[row]] = self.absent
            elif row in self.late_refusals:
                found[self.names[row]] = self.late_refusals[row]
            elif self.verdict is not None and self.verdict[row]:
                found[self.names[row]] = self.refusals[self.verdict[row]]
        return found

    def _looked_at(self) -> Ints:
        size = len(self.names)
        count = size if self.candidates is not None else min(self.processed, size)
        return (np.arange(self.start, self.start + count) % max(1, size)).astype(np.int64)

    def _inside(self, row: int) -> bool:
        return self.candidates is None or self.names[row] in self.candidates

    def histogram(self) -> dict[str, int]:
        """{reason: how many nodes gave it}; a node with two reasons counts for both."""
        counts: dict[str, int] = {}
        if self.candidates is not None:
            statuses = list(self.refused().values())
        else:
            statuses = list(self.late_refusals.values())
            seen = self.verdict[self._looked_at()] if self.verdict is not None else np.zeros(0, dtype=np.int16)
            for number, count in enumerate(np.bincount(seen).tolist()):
                if number and count:
                    for reason in self.refusals[number].reasons:
                        counts[reason] = counts.get(reason, 0) + count
        for status in statuses:
            for reason in status.reasons:
                counts[reason] = counts.get(reason, 0) + 1
        return counts

    def scores(self) -> list[dict[str, Any]]:
        """A row per feasible node, best first: node, total, rank, and per plugin raw, normalized and weighted score."""
        if self.rows is None:
            return []
        table = [self._score_row(position) for position in range(len(self.rows))]
        table.sort(key=lambda row: (-row["total"], row["node"] != self.node))
        for rank, row in enumerate(table, 1):
            row["rank"] = rank
        return table

    def _score_row(self, position: int) -> dict[str, Any]:
        assert self.rows is not None
        plugins: dict[str, dict[str, int]] = {}
        for name, weight, line in zip(self.plugins, self.weights, self.lines, strict=True):
            raw = int(self.raw[line, position]) if self.raw is not None and line >= 0 else 0
            column = self.normalized.get(name)
            normalized = raw if column is None else int(column[position] if len(column) > 1 else column[0])
            plugins[name] = {"raw": raw, "normalized": normalized, "weight": weight, "weighted": weight * normalized}
        node = self.names[int(self.rows[position])]
        return {"node": node, "total": sum(score["weighted"] for score in plugins.values()), "plugins": plugins}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for views: {pod, time_s, node, message, nodes: [{node, refused_by, reasons} or a score row]}."""
        refused = [
            {"node": name, "refusedBy": status.plugin, "code": str(status.code), "reasons": list(status.reasons)}
            for name, status in self.refused().items()
        ]
        return {
            "pod": self.pod,
            "timeSeconds": self.time_s,
            "profile": self.profile,
            "node": self.node,
            "message": self.message,
            "allNodes": len(self.names),
            "examined": self.processed,
            "scores": self.scores(),
            "refused": refused,
            "tieRule": self.tie_rule,
            "tied": self.tied,
            "nominatedNode": self.nominated,
            "preemption": self.preemption.to_dict() if self.preemption is not None else None,
            "warnings": list(self.warnings),
            "fault": self.fault,
        }


class Decisions:
    """The last attempts of all pods, oldest first; at most so many, and so many numbers (cells) in them."""

    def __init__(self, attempts: int = 20000, cells: int = 8_000_000) -> None:
        self._log: deque[Attempt] = deque()
        self._sizes: deque[int] = deque()
        self._attempts = attempts
        self._cells = cells
        self._held = 0

    def __len__(self) -> int:
        return len(self._log)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._log)

    def append(self, attempt: Attempt) -> None:
        log, raw, verdict = self._log, attempt.raw, attempt.verdict
        size = 0 if raw is None else raw.size
        if verdict is not None:
            size += verdict.size // 4
        log.append(attempt)
        self._sizes.append(size)
        self._held += size
        while len(log) > self._attempts or (self._held > self._cells and len(log) > 1):
            log.popleft()
            self._held -= self._sizes.popleft()

    def of(self, pod: str) -> list[Attempt]:
        """The attempts of this pod ("namespace/name"), oldest first."""
        return [attempt for attempt in self._log if attempt.pod == pod]

    def last(self, pod: str) -> Attempt | None:
        return next((attempt for attempt in reversed(self._log) if attempt.pod == pod), None)

    def to_dict(self, pod: str) -> list[dict[str, Any]]:
        return [attempt.to_dict() for attempt in self.of(pod)]
