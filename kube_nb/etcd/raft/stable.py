"""What a member keeps through a crash: in memory, where it outlives the member but not the process."""

from dataclasses import dataclass, field

from kube_nb.etcd.backend import Member
from kube_nb.etcd.raft.messages import Conf, Entry, HardState, Ready, Snapshot
from kube_nb.etcd.store import Store


@dataclass
class Stable:
    """Hard state, snapshot, the entries after it, and how often the member has started.

    `disk.DiskStable` is the one in a file; there it matters what a member has applied, and it is told.
    """

    hard_state: HardState
    snapshot: Snapshot
    entries: list[Entry] = field(default_factory=list)
    starts: int = 0

    def open(self, now_s: float) -> Store:
        """The member starts: the store as of the snapshot, for it to go on with."""
        self.starts += 1
        store: Store = self.snapshot.data.store
        return store.fork(now_s=now_s)

    def attach(self, store: Store) -> None:
        """The store that the member writes to from now on."""

    def save(self, ready: Ready) -> None:
        if ready.hard_state is not None:
            self.hard_state = ready.hard_state
        if ready.snapshot is not None:
            self.snapshot, self.entries = ready.snapshot, []
        if ready.entries:
            del self.entries[ready.entries[0].index - self.snapshot.index - 1 :]
            self.entries += ready.entries

    def applied(self, entry: Entry, conf: Conf, members: dict[int, Member]) -> None:
        """The member's store has this entry."""

    def compact(self, snapshot: Snapshot) -> None:
        del self.entries[: snapshot.index - self.snapshot.index]
        self.snapshot = snapshot

    def close(self) -> None:
        """The member has stopped."""
