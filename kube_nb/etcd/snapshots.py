"""A store as one file: saved, checked, told about, restored into a data directory.

The file is a data directory's file followed by its SHA-256, as etcd's snapshots end with theirs. Differs: the format
inside is our own, so it restores into our data directories only.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kube_nb.etcd.backend import PUT, Event
from kube_nb.etcd.disk import FILE, Damaged, Disk
from kube_nb.etcd.errors import Code, EtcdError
from kube_nb.etcd.history import History
from kube_nb.etcd.interval import Interval
from kube_nb.etcd.store import Store

_PIECE_BYTES = 64 * 1024
_HASH_BYTES = 32


class SnapshotStatus(NamedTuple):
    """hash: of what is stored. total_keys: versions in the file."""

    hash: int
    revision: int
    total_keys: int
    total_size_bytes: int


def events(history: History) -> Iterator[Event]:
    """Every version that is kept, in the order of their making."""
    compacted = history.compact_revision
    base = history.scan(Interval(b"", None), max(compacted, 0))
    older = sorted((kv for kv in base if kv.mod_revision < compacted), key=lambda kv: kv.mod_revision)
    yield from (Event(PUT, kv) for kv in older)
    for made in history.events(max(compacted, 0)):
        yield from made


def pieces(store: Store) -> Iterator[bytes]:
    """The snapshot's bytes, the hash last."""
    with tempfile.TemporaryDirectory(prefix="kube-nb-snapshot-") as folder:
        disk = Disk(Path(folder) / FILE)
        try:
            leases = [(id, store.leases.get(id).ttl_s) for id in store.leases.ids()]
            auth = store.auth.to_json() if store.auth.revision > 1 else ""
            disk.write(store.revision, events(store.history), leases, auth=auth)
            disk.mark_compacted(store.compact_revision)
        finally:
            disk.close()
        digest = hashlib.sha256()
        with (Path(folder) / FILE).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                yield piece
        yield digest.digest()


def status(path: Path) -> SnapshotStatus:
    """What a snapshot holds; Damaged if it is not whole."""
    with tempfile.TemporaryDirectory(prefix="kube-nb-snapshot-") as folder:
        restore(path, Path(folder) / "data")
        disk = Disk(Path(folder) / "data" / FILE)
        try:
            history = disk.load().history
        finally:
            disk.close()
        total = sum(1 for _ in events(history))
        size_bytes = path.stat().st_size - _HASH_BYTES
        return SnapshotStatus(history.checksum(history.revision), history.revision, total, size_bytes)


def restore(path: Path, data_dir: Path) -> None:
    """Make a data directory of a snapshot. The directory must not be there yet; a damaged snapshot makes none."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise EtcdError(f"data-dir {str(data_dir)!r} not empty or could not be read", Code.FAILED_PRECONDITION)
    try:
        size_bytes = path.stat().st_size - _HASH_BYTES
        with path.open("rb") as source:
            _check(path, size_bytes)
            data_dir.mkdir(parents=True, exist_ok=True)
            draft = data_dir / f"{FILE}.new"
            with draft.open("wb") as target:
                shutil.copyfileobj(source, target)
                target.truncate(size_bytes)
            draft.rename(data_dir / FILE)
    except OSError as error:
        raise EtcdError(str(error)) from error


def _check(path: Path, size_bytes: int) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = max(size_bytes, 0)
        while left and (piece := file.read(min(_PIECE_BYTES, left))):
            digest.update(piece)
            left -= len(piece)
        if size_bytes <= 0 or file.read() != digest.digest():
            raise Damaged(f"expected sha256 of {path} does not match its contents: it is damaged or no snapshot")
