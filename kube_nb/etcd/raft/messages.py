"""What members say to each other, and what a member keeps on disk."""

from enum import Enum, auto
from typing import Any, NamedTuple


class EntryKind(Enum):
    """NORMAL carries a request for the store (None: nothing, a new leader's first), CONF a `ConfChange`."""

    NORMAL = auto()
    CONF = auto()


class Entry(NamedTuple):
    """One place in the log."""

    index: int  # type: ignore[assignment]  # Raft's name; hides tuple.index, which nobody needs
    term: int
    data: Any = None
    kind: EntryKind = EntryKind.NORMAL


class ConfKind(Enum):
    """What happens to a member."""

    ADD = auto()
    ADD_LEARNER = auto()
    PROMOTE = auto()
    REMOVE = auto()
    UPDATE = auto()


class ConfChange(NamedTuple):
    """context: what the application attaches, e.g. the member's addresses."""

    kind: ConfKind
    id: int
    context: Any = None


class Conf(NamedTuple):
    """Who votes and who only listens."""

    voters: frozenset[int]
    learners: frozenset[int] = frozenset()

    @property
    def quorum(self) -> int:
        return len(self.voters) // 2 + 1

    @property
    def ids(self) -> list[int]:
        return sorted(self.voters | self.learners)

    def changed(self, change: ConfChange) -> "Conf":
        """After the change; one that says nothing new changes nothing."""
        match change.kind:
            case ConfKind.ADD | ConfKind.PROMOTE:
                return Conf(self.voters | {change.id}, self.learners - {change.id})
            case ConfKind.ADD_LEARNER if change.id not in self.voters:
                return Conf(self.voters, self.learners | {change.id})
            case ConfKind.REMOVE:
                return Conf(self.voters - {change.id}, self.learners - {change.id})
        return self


class Snapshot(NamedTuple):
    """The state after the entry `index`; what stands for all of the log up to there."""

    index: int  # type: ignore[assignment]  # Raft's name; hides tuple.index, which nobody needs
    term: int
    conf: Conf
    data: Any = None


class HardState(NamedTuple):
    """What a member must not forget: its term, whom it voted for in it, how far the log is committed."""

    term: int = 0
    vote: int = 0
    commit: int = 0


class Kind(Enum):
    """Messages; *_RESP answer those of the same name."""

    PRE_VOTE = auto()
    PRE_VOTE_RESP = auto()
    VOTE = auto()
    VOTE_RESP = auto()
    APPEND = auto()
    APPEND_RESP = auto()
    HEARTBEAT = auto()
    HEARTBEAT_RESP = auto()
    SNAPSHOT = auto()
    PROPOSE = auto()
    READ_INDEX = auto()
    READ_INDEX_RESP = auto()
    TRANSFER = auto()
    TIMEOUT_NOW = auto()


class Message(NamedTuple):
    """index, log_term: the place before `entries`, or what a response is about. hint: where a rejected append should be
    tried again. context: a read's name; True in a vote that a leader has asked for."""

    kind: Kind
    to: int
    sender: int = 0
    term: int = 0
    index: int = 0  # type: ignore[assignment]  # as in Entry
    log_term: int = 0
    entries: tuple[Entry, ...] = ()
    commit: int = 0
    reject: bool = False
    hint: int = 0
    snapshot: Snapshot | None = None
    context: Any = None


class ReadState(NamedTuple):
    """A read named `context` may be answered once everything up to `index` is applied."""

    index: int  # type: ignore[assignment]  # Raft's name; hides tuple.index, which nobody needs
    context: Any


class Ready(NamedTuple):
    """What the driver does, in this order: save hard_state, snapshot and entries; send messages; apply committed."""

    hard_state: HardState | None
    snapshot: Snapshot | None
    entries: list[Entry]
    messages: list[Message]
    committed: list[Entry]
    reads: list[ReadState]
