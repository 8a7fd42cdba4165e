"""The store's file: every version, appended; SQLite keeps it whole through crashes.

One table holds versions in the order of their making, each row with a checksum; others the leases and a few numbers. A
file of another program, of a newer format, or with damage is refused before anything is written to it.
"""

import contextlib
import gc
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from kube_nb.etcd.backend import DELETE, PUT, Event, KeyValue
from kube_nb.etcd.errors import Code, EtcdError, NoSpace
from kube_nb.etcd.history import History
from kube_nb.etcd.loading import Loader

#: "kNBe": what SQLite's header says the file is for.
APPLICATION_ID = 0x6B4E4265
FORMAT = 1
#: The file inside a data directory.
FILE = "kube_nb.etcd"
_SCHEMA = """
CREATE TABLE versions (
    id INTEGER PRIMARY KEY, revision INTEGER, type INTEGER, key BLOB, value BLOB,
    create_revision INTEGER, version INTEGER, lease INTEGER, checksum INTEGER
);
CREATE TABLE leases (id INTEGER PRIMARY KEY, ttl_s INTEGER);
CREATE TABLE documents (name TEXT PRIMARY KEY, body TEXT);
CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER);
INSERT INTO numbers VALUES ('revision', 1), ('compact_revision', -1);
"""
_INSERT = (
    "INSERT INTO versions (revision, type, key, value, create_revision, version, lease, checksum)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = "SELECT key, value, create_revision, revision, version, lease, type, checksum FROM versions ORDER BY id"
_FORGET = """
DELETE FROM versions WHERE revision <= :at
    AND id NOT IN (SELECT max(id) FROM versions WHERE revision <= :at GROUP BY key);
"""


class Damaged(EtcdError):
    """The file cannot be used: not ours, too new, or broken. Nothing was written to it."""

    code = Code.DATA_LOSS


class Contents(NamedTuple):
    """What a file holds. leases: id -> TTL in seconds. auth: users and roles as JSON, empty if there are none."""

    history: History
    leases: dict[int, int]
    auth: str


class Disk:
    """An open file. `load` it once, then `append`; every method that writes is one transaction, on disk on return."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists():
            _check_header(path)
            self._db = self._open("rw")
        else:
            self._db = self._create()

    def _open(self, mode: str) -> sqlite3.Connection:
        db: sqlite3.Connection | None = None
        try:
            db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN IMMEDIATE").execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if db is not None:
                db.close()
            is_operational = isinstance(error, sqlite3.OperationalError)
            raise self._fault(error) if is_operational else Damaged(f"{self.path}: {error}") from error
        return db

    def _create(self) -> sqlite3.Connection:
        """A new file, whole or not at all: it gets its name when it is complete."""
        draft = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            db = sqlite3.connect(draft, isolation_level=None)
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={FORMAT}")
            db.executescript(_SCHEMA)
            db.close()
            draft.rename(self.path)
        except (sqlite3.OperationalError, OSError) as error:
            raise self._fault(error) from error
        return self._open("rw")

    def _fault(self, error: Exception) -> EtcdError:
        if "disk is full" in str(error) or getattr(error, "errno", 0) == 28:
            return NoSpace(f"{NoSpace.text}: {self.path.parent} is full")
        if self.path.parent.exists() and not os.access(self.path.parent, os.W_OK):
            return EtcdError(f"etcdserver: data directory {self.path.parent} cannot be written", Code.UNAVAILABLE)
        return EtcdError(f"etcdserver: data directory {self.path.parent}: {error}", Code.UNAVAILABLE)

    def close(self) -> None:
        self._db.close()

    # -- reading -------------------------------------------------------------------------------------------------

    def load(self) -> Contents:
        """Everything, checked; Damaged if a row is not what was written or a revision is missing."""
        try:
            numbers = dict(self._db.execute("SELECT name, value FROM numbers"))
            documents = dict(self._db.execute("SELECT name, body FROM documents"))
            leases = dict(self._db.execute("SELECT id, ttl_s FROM leases ORDER BY id"))
            loader = Loader(numbers["compact_revision"])
            with _no_garbage_collection():
                for row in self._db.execute(_SELECT):
                    kv = KeyValue(*row[:6])
                    if row[7] != _checksum(kv):
                        raise ValueError(f"the row of revision {kv.mod_revision} is not what was written")
                    loader.add(DELETE if row[6] else PUT, kv)
                history = loader.finish(numbers["revision"])
        except (sqlite3.DatabaseError, KeyError, ValueError) as error:
            raise Damaged(f"{self.path} is damaged: {error}") from error
        return Contents(history, leases, documents.get("auth", ""))

    # -- writing -------------------------------------------------------------------------------------------------

    def write(
        self,
        revision: int,
        events: Iterable[Event],
        leases: Sequence[tuple[int, int]] = (),
        compacted: int | None = None,
        auth: str = "",
    ) -> None:
        """One transaction: the events up to `revision`, leases (id, TTL granted or 0: ended), a compaction, and users
        and roles as JSON if they have changed."""
        with self.transaction() as db:
            self.put(db, revision, events, leases, compacted, auth)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is done inside is on disk at the end, all or nothing; NoSpace or another EtcdError says why nothing."""
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise self._fault(error) from error

    @staticmethod
    def put(
        db: sqlite3.Connection,
        revision: int,
        events: Iterable[Event],
        leases: Sequence[tuple[int, int]] = (),
        compacted: int | None = None,
        auth: str = "",
    ) -> None:
        """What `write` writes, inside a transaction."""
        db.executemany(_INSERT, map(_row, events))
        for id, ttl_s in leases:
            if ttl_s:
                db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?)", (id, ttl_s))
            else:
                db.execute("DELETE FROM leases WHERE id = ?", (id,))
        if compacted is not None:
            db.execute(_FORGET, {"at": compacted})
            db.execute("DELETE FROM versions WHERE revision < ? AND type = 1", (compacted,))
            db.execute("UPDATE numbers SET value = ? WHERE name = 'compact_revision'", (compacted,))
        if auth:
            db.execute("INSERT OR REPLACE INTO documents VALUES ('auth', ?)", (auth,))
        db.execute("UPDATE numbers SET value = ? WHERE name = 'revision'", (revision,))

    @staticmethod
    def clear(db: sqlite3.Connection) -> None:
        """Forget everything, inside a transaction that goes on to write another store."""
        db.execute("DELETE FROM versions")
        db.execute("DELETE FROM leases")
        db.execute("DELETE FROM documents")
        db.execute("UPDATE numbers SET value = -1 WHERE name = 'compact_revision'")

    def mark_compacted(self, revision: int) -> None:
        """Say that what was written is what a compaction at `revision` has left."""
        self._db.execute("UPDATE numbers SET value = ? WHERE name = 'compact_revision'", (revision,))

    def defragment(self) -> None:
        """Give the space of forgotten versions back to the file system."""
        try:
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise self._fault(error) from error

    @property
    def size_bytes(self) -> int:
        """What the file takes on disk."""
        wal = self.path.with_name(self.path.name + "-wal")
        return self.path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)


def _row(event: Event) -> tuple[object, ...]:
    kv = event.kv
    return (
        kv.mod_revision,
        int(event.type),
        kv.key,
        kv.value,
        kv.create_revision,
        kv.version,
        kv.lease,
        _checksum(kv),
    )


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Millions of new objects, none of them garbage: collecting would only walk them over and over."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_NUMBERS = struct.Struct(">qqqq")


def _checksum(kv: KeyValue) -> int:
    numbers = _NUMBERS.pack(kv.create_revision, kv.mod_revision, kv.version, kv.lease)
    return crc32(kv.value, crc32(kv.key, crc32(numbers)))


def _check_header(path: Path) -> None:
    """Refuse what is not ours by the file's first bytes, without opening it as a database."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise EtcdError(f"etcdserver: data directory {path.parent}: {error}", Code.UNAVAILABLE) from error
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise Damaged(f"{path} is damaged or not a database")
    version, application = struct.unpack_from(">i4xi", head, 60)
    if application != APPLICATION_ID:
        raise Damaged(f"{path} belongs to another program")
    if version > FORMAT:
        raise Damaged(f"{path} has format {version}; this program knows up to {FORMAT}")
