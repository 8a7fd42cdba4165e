"""A member's log: entries after a snapshot, how much is saved, committed and applied."""

from collections.abc import Sequence

from kube_nb.etcd.raft.messages import Entry, Snapshot


class Log:
    """Places are counted from 1; `snapshot.index` is the last one that the snapshot stands for."""

    def __init__(self, snapshot: Snapshot, entries: Sequence[Entry], commit: int) -> None:
        self.snapshot = snapshot
        self.entries = list(entries)
        self.commit = max(commit, snapshot.index)
        self.applied = snapshot.index
        self.saved = self.last_index

    @property
    def last_index(self) -> int:
        return self.entries[-1].index if self.entries else self.snapshot.index

    @property
    def last_term(self) -> int:
        return self.entries[-1].term if self.entries else self.snapshot.term

    def term(self, index: int) -> int | None:
        """The term of the entry there; None if it is compacted away or not there yet."""
        if index == self.snapshot.index:
            return self.snapshot.term
        place = index - self.snapshot.index - 1
        return self.entries[place].term if 0 <= place < len(self.entries) else None

    def slice(self, start: int, limit: int | None = None) -> list[Entry]:
        """Entries from `start` on, at most `limit`."""
        place = start - self.snapshot.index - 1
        return self.entries[place : None if limit is None else place + limit]

    def is_up_to_date(self, index: int, term: int) -> bool:
        """Whether a log that ends so has all that this one has committed."""
        return term > self.last_term or (term == self.last_term and index >= self.last_index)

    def append(self, entries: Sequence[Entry]) -> None:
        """Put entries at their places; what stood there and after, if it differs, goes."""
        for place, entry in enumerate(entries):
            if self.term(entry.index) != entry.term:
                keep = entry.index - self.snapshot.index - 1
                assert entry.index > self.commit, f"entry {entry.index} is committed, and to be overwritten"
                del self.entries[keep:]
                self.entries += entries[place:]
                self.saved = min(self.saved, entry.index - 1)
                return

    def match(self, index: int, term: int, entries: Sequence[Entry]) -> bool:
        """Append if this log has the entry (index, term) before them."""
        if self.term(index) != term and index > self.commit:
            return False
        self.append([entry for entry in entries if entry.index > self.commit])
        return True

    def conflict_hint(self, index: int, term: int) -> int:
        """The last place, not after `index`, that may agree with a log whose term there is at most `term`."""
        index = min(index, self.last_index)
        while index > self.snapshot.index and (self.term(index) or 0) > term:
            index -= 1
        return index

    def commit_to(self, index: int) -> None:
        self.commit = max(self.commit, min(index, self.last_index))

    def unsaved(self) -> list[Entry]:
        return self.slice(self.saved + 1) if self.saved < self.last_index else []

    def restore(self, snapshot: Snapshot) -> None:
        """Begin anew after a leader's snapshot."""
        self.snapshot = snapshot
        self.entries = []
        self.commit = self.applied = self.saved = snapshot.index

    def compact(self, snapshot: Snapshot) -> None:
        """Let the snapshot stand for everything up to its index."""
        self.entries = self.slice(snapshot.index + 1)
        self.snapshot = snapshot
