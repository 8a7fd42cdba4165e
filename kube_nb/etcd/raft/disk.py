"""A member's file: its log and its applied store, in one SQLite database.

Entries and votes are on disk before anything is sent or acknowledged because of them. What the store has made of
committed entries is written along with the next entries, and those entries then go: after a crash the member reads the
store and applies the few entries that came after it once more. So a restart never reads a long log, and a request
stands on disk twice for a moment only.

Models server/storage/wal and the consistent index of server/storage/mvcc.
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from kube_nb.etcd import snapshots
from kube_nb.etcd.auth import AuthStore
from kube_nb.etcd.backend import Event, Member
from kube_nb.etcd.disk import FILE, Damaged, Disk
from kube_nb.etcd.interval import Interval
from kube_nb.etcd.lease import Lease, Leases
from kube_nb.etcd.raft import encoding
from kube_nb.etcd.raft.member import REMEMBERED_REQUESTS, State
from kube_nb.etcd.raft.messages import Conf, Entry, EntryKind, HardState, Ready, Snapshot
from kube_nb.etcd.raft.stable import Stable
from kube_nb.etcd.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    place INTEGER PRIMARY KEY, term INTEGER, kind TEXT, data BLOB, checksum INTEGER
);
CREATE TABLE IF NOT EXISTS done (id INTEGER PRIMARY KEY, member TEXT, number INTEGER);
CREATE TABLE IF NOT EXISTS raft (name TEXT PRIMARY KEY, value TEXT);
"""
_NUMBERS = ("term", "vote", "commit", "starts", "applied", "applied_term")
_SAVE = "INSERT OR REPLACE INTO raft VALUES (?, ?)"


class DiskStable(Stable):
    """See the module's docstring. id: the member's. first: what it begins with if there is no file yet."""

    def __init__(self, folder: Path, id: int, hard_state: HardState, first: Snapshot) -> None:
        super().__init__(hard_state, first)
        self.folder = folder
        self._id = id
        self._disk: Disk | None = None
        self._forget()
        self._read()  # now, so that whoever makes a cluster hears of a file that cannot be used

    def _forget(self) -> None:
        """What is applied and not written yet."""
        self._store: Store | None = None
        self._events: list[Event] = []
        self._done: list[tuple[int, int]] = []
        self._place: Entry | None = None
        self._membership: tuple[Conf, dict[int, Member]] | None = None
        self._saved_auth = self._saved_compaction = 0

    # -- opening -------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Open the file, make it if it is not there, and take from it what it has."""
        disk = self._disk = Disk(self.folder / FILE)
        try:
            with disk.transaction() as db:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                known = dict(db.execute("SELECT name, value FROM raft"))
                if not known:
                    self._write_first(db)
                    return
            self._load(disk, known)
        except BaseException:
            self.close()
            raise

    def _write_first(self, db: sqlite3.Connection) -> None:
        state: State = self.snapshot.data
        numbers = (*self.hard_state, self.starts, self.snapshot.index, self.snapshot.term)
        db.executemany(_SAVE, [("id", f"{self._id:x}"), *zip(_NUMBERS, map(str, numbers), strict=True)])
        _write_membership(db, self.snapshot.conf, state.members)

    def _load(self, disk: Disk, known: dict[str, str]) -> None:
        try:
            if known["id"] != f"{self._id:x}":
                raise Damaged(f"{disk.path} belongs to member {known['id']}, not to {self._id:x}")
            numbers = {name: int(known[name]) for name in _NUMBERS}
            conf, members = _membership(json.loads(known["membership"]))
            with disk.transaction() as db:
                rows = db.execute("SELECT place, term, kind, data, checksum FROM entries ORDER BY place").fetchall()
                done = tuple((int(m, 16), n) for m, n in db.execute("SELECT member, number FROM done ORDER BY id"))
            entries = [_entry(*row) for row in rows]
        except (KeyError, ValueError, TypeError) as error:
            raise Damaged(f"{disk.path} is damaged: {error}") from error
        contents = disk.load()
        store = Store(history=contents.history)
        store.leases = Leases.restored([Lease(id, ttl_s, 0.0) for id, ttl_s in contents.leases.items()], store.leases)
        if contents.auth:
            store.auth = AuthStore.from_json(contents.auth)
        self.starts = numbers["starts"]
        self.hard_state = HardState(numbers["term"], numbers["vote"], numbers["commit"])
        self.snapshot = Snapshot(numbers["applied"], numbers["applied_term"], conf, State(store, members, done))
        self.entries = [entry for entry in entries if entry.index > self.snapshot.index]
        for wanted, entry in enumerate(self.entries, self.snapshot.index + 1):
            if entry.index != wanted:
                raise Damaged(f"{disk.path} is damaged: entry {wanted} is missing")

    def open(self, now_s: float) -> Store:
        if self._disk is None:
            self._read()
        assert self._disk is not None
        self.starts += 1
        with self._disk.transaction() as db:
            db.execute(_SAVE, ("starts", str(self.starts)))
        state: State = self.snapshot.data
        store = state.store
        store.leases.promote(now_s)
        self.snapshot = self.snapshot._replace(data=state._replace(store=store.fork(now_s=now_s)))
        return store

    def attach(self, store: Store) -> None:
        if self._store is None:
            store.audience.join(Interval(b"", None), self._hear)
        self._store = store
        store.leases.journal = []
        self._saved_auth, self._saved_compaction = store.auth.revision, store.compact_revision

    def close(self) -> None:
        if self._disk is not None:
            self._disk.close()
            self._disk = None
        self._forget()

    # -- writing -------------------------------------------------------------------------------------------------

    def save(self, ready: Ready) -> None:
        """On disk on return; what is only about commits can wait, the leader says it again."""
        before = self.hard_state
        self.hard_state = ready.hard_state or before
        if not ready.entries and ready.snapshot is None and self.hard_state[:2] == before[:2]:
            return
        assert self._disk is not None
        with self._disk.transaction() as db:
            if ready.snapshot is not None:
                self._write_snapshot(db, ready.snapshot)
            else:
                self._write_applied(db)
            self._write_entries(db, ready.entries)
            db.executemany(_SAVE, zip(_NUMBERS, map(str, self.hard_state), strict=False))

    def _write_entries(self, db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        if entries:
            db.execute("DELETE FROM entries WHERE place >= ?", (entries[0].index,))
            db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", map(_row, entries))

    def _write_applied(self, db: sqlite3.Connection) -> None:
        """What was applied since the last time; the entries that it came from go."""
        store, place = self._store, self._place
        if store is None or place is None:
            return
        leases, store.leases.journal = store.leases.journal or (), []
        compacted = store.compact_revision if store.compact_revision != self._saved_compaction else None
        auth = store.auth.to_json() if store.auth.revision != self._saved_auth else ""
        Disk.put(db, store.revision, self._events, leases, compacted, auth)
        _write_done(db, self._done)
        if self._membership is not None:
            _write_membership(db, *self._membership)
        _write_place(db, place.index, place.term)
        self._events, self._done, self._place, self._membership = [], [], None, None
        self._saved_auth, self._saved_compaction = store.auth.revision, store.compact_revision

    def _write_snapshot(self, db: sqlite3.Connection, snapshot: Snapshot) -> None:
        """The leader's store in place of ours."""
        state: State = snapshot.data
        store = state.store
        Disk.clear(db)
        leases = [(id, store.leases.get(id).ttl_s) for id in store.leases.ids()]
        Disk.put(db, store.revision, snapshots.events(store.history), leases, auth=store.auth.to_json())
        db.execute("UPDATE numbers SET value = ? WHERE name = 'compact_revision'", (store.compact_revision,))
        db.execute("DELETE FROM done")
        _write_done(db, state.done)
        _write_membership(db, snapshot.conf, state.members)
        _write_place(db, snapshot.index, snapshot.term)
        self._events, self._done, self._place, self._membership = [], [], None, None

    # -- what the member has applied -----------------------------------------------------------------------------

    def _hear(self, events: tuple[Event, ...], revision: int) -> None:
        self._events += events

    def applied(self, entry: Entry, conf: Conf, members: dict[int, Member]) -> None:
        self._place = entry
        if entry.data is not None:
            self._done.append(entry.data.id)
        if entry.kind is EntryKind.CONF:
            self._membership = (conf, dict(members))

    def compact(self, snapshot: Snapshot) -> None:
        """Nothing to do: what is applied leaves the log on disk anyway."""


def _row(entry: Entry) -> tuple[int, int, str, bytes, int]:
    data = encoding.encode(entry.data)
    return entry.index, entry.term, entry.kind.name, data, crc32(data, entry.index ^ entry.term)


def _entry(place: int, term: int, kind: str, data: bytes, checksum: int) -> Entry:
    """ValueError: the row is not what was written."""
    if crc32(data, place ^ term) != checksum:
        raise ValueError(f"entry {place} is not what was written")
    return Entry(place, term, encoding.decode(data), EntryKind[kind])


def _write_done(db: sqlite3.Connection, done: Sequence[tuple[int, int]]) -> None:
    db.executemany("INSERT INTO done (member, number) VALUES (?, ?)", [(f"{m:x}", n) for m, n in done])
    db.execute("DELETE FROM done WHERE id <= (SELECT max(id) FROM done) - ?", (REMEMBERED_REQUESTS,))


def _write_place(db: sqlite3.Connection, index: int, term: int) -> None:
    db.execute("DELETE FROM entries WHERE place <= ?", (index,))
    db.executemany(_SAVE, [("applied", str(index)), ("applied_term", str(term))])


def _write_membership(db: sqlite3.Connection, conf: Conf, members: dict[int, Member]) -> None:
    told = {
        "voters": [f"{id:x}" for id in sorted(conf.voters)],
        "learners": [f"{id:x}" for id in sorted(conf.learners)],
        "members": [[f"{m.id:x}", *m[1:]] for m in members.values()],
    }
    db.execute(_SAVE, ("membership", json.dumps(told)))


def _membership(told: dict[str, list[list[str]]]) -> tuple[Conf, dict[int, Member]]:
    voters, learners = ([int(str(id), 16) for id in told[kind]] for kind in ("voters", "learners"))
    members = [
        Member(int(id, 16), name, tuple(peers), tuple(clients), bool(learner))
        for id, name, peers, clients, learner in told["members"]
    ]
    return Conf(frozenset(voters), frozenset(learners)), {member.id: member for member in members}
