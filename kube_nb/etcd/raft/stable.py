"""What a member keeps through a crash."""

from dataclasses import dataclass, field

from kube_nb.etcd.raft.messages import Entry, HardState, Ready, Snapshot


@dataclass
class Stable:
    """Hard state, snapshot, the entries after it, and how often the member has started.

    Differs: in memory; it survives the member, not the process.
    """

    hard_state: HardState
    snapshot: Snapshot
    entries: list[Entry] = field(default_factory=list)
    starts: int = 0

    def save(self, ready: Ready) -> None:
        if ready.hard_state is not None:
            self.hard_state = ready.hard_state
        if ready.snapshot is not None:
            self.snapshot, self.entries = ready.snapshot, []
        if ready.entries:
            del self.entries[ready.entries[0].index - self.snapshot.index - 1 :]
            self.entries += ready.entries

    def compact(self, snapshot: Snapshot) -> None:
        del self.entries[: snapshot.index - self.snapshot.index]
        self.snapshot = snapshot
