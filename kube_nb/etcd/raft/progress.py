"""What a leader knows of a follower's log."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Mode(Enum):
    """PROBE: one append at a time, until one is accepted. REPLICATE: appends follow one another. SNAPSHOT: wait."""

    PROBE = auto()
    REPLICATE = auto()
    SNAPSHOT = auto()


@dataclass(slots=True)
class Progress:
    """match: the last place known to agree. next: the first to send. active: heard of since the last quorum check."""

    match: int = 0
    next: int = 1
    mode: Mode = Mode.PROBE
    pending_snapshot: int = 0
    waiting: bool = False
    active: bool = True

    def accept(self, index: int) -> bool:
        """The follower has everything up to `index`; False if that was known."""
        news = index > self.match
        self.match = max(self.match, index)
        self.next = max(self.next, index + 1)
        self.waiting = False
        if self.mode is Mode.PROBE or (self.mode is Mode.SNAPSHOT and self.match >= self.pending_snapshot):
            self.mode = Mode.REPLICATE
            self.next = self.match + 1
        return news

    def reject(self, index: int, hint: int) -> bool:
        """An append after `index` was refused; False if that is an old story."""
        if self.mode is Mode.REPLICATE:
            if index <= self.match:
                return False
            self.next = self.match + 1
        else:
            if self.next - 1 != index:
                return False
            self.next = max(min(index, hint + 1), self.match + 1)
        self.mode = Mode.PROBE
        self.waiting = False
        return True


@dataclass(slots=True)
class PendingRead:
    """A read that waits for a quorum to say that the leader still leads."""

    index: int
    origin: int
    context: object
    acks: dict[int, None] = field(default_factory=dict)
