"""`DurableBackend`: a `LocalBackend` whose writes are on disk before anybody hears of them.

Writes that arrive in one turn of the loop are one batch: applied to the store, written in one transaction, then told to
watchers and acknowledged. All of that happens without giving the loop away, so nobody can read what a crash could take
back. When the disk refuses, the store goes back to what the disk has, and every writer of the batch is told.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kube_nb.etcd.auth import AuthStore
from kube_nb.etcd.backend import Member
from kube_nb.etcd.disk import FILE, Contents, Damaged, Disk
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.lease import Lease, Leases
from kube_nb.etcd.local import PROGRESS_INTERVAL_S, LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.clock import Clock

T = TypeVar("T")


def open_store(data_dir: str | Path, clock: Clock, **options: Any) -> tuple[Store, Disk]:
    """The store of a data directory, made if it is not there. options: of `Store`.

    Leases have their whole time before them again, as after any change of leader.
    """
    held = sorted(path.parent.name for path in Path(data_dir).glob(f"*/{FILE}"))
    if held:
        raise Damaged(f"{data_dir} holds the data of {', '.join(held)}: etcd_members={len(held)} goes on with it")
    disk = Disk(Path(data_dir) / FILE)
    try:
        store = Store(**options)
        _adopt(store, disk.load(), clock.time())
    except BaseException:
        disk.close()
        raise
    return store, disk


def _adopt(store: Store, contents: Contents, now_s: float) -> None:
    """Make the store what the disk says. A lease that it has already keeps its time."""
    expiries = {id: store.leases.get(id).expires_s for id in store.leases.ids()}
    store.history = contents.history
    leases = Leases.restored(
        [Lease(id, ttl_s, expiries.get(id, now_s + ttl_s)) for id, ttl_s in contents.leases.items()],
        store.leases,
    )
    leases.journal = []
    store.leases = leases
    store.auth = AuthStore.from_json(contents.auth) if contents.auth else AuthStore()


class DurableBackend(LocalBackend):
    """See the module's docstring."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        clock: Clock,
        *,
        member: Member | None = None,
        progress_interval_s: float = PROGRESS_INTERVAL_S,
    ) -> None:
        self._disk = disk
        self._batch: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._compacted: int | None = None
        super().__init__(store, clock, member=member, progress_interval_s=progress_interval_s)

    def close(self) -> None:
        """Write what has arrived, then close the file."""
        self._flush()
        super().close()
        self._disk.close()

    async def _write(self, operation: Callable[..., T], *arguments: Any) -> T:
        """Have the operation done with the next batch."""
        return await self._enqueue(lambda: operation(*arguments))

    def _enqueue(self, operation: Callable[[], T]) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._batch:
            loop.call_soon(self._flush)
        self._batch.append((operation, future))
        return future

    def _expire(self) -> None:
        self._timer = None
        self._enqueue(lambda: self.store.expire(self.clock.time())).add_done_callback(self._expired)

    def _expired(self, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._arm()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        results: list[Any] = []
        with self.store.quiet():
            compacted_before, auth_before = self.store.compact_revision, self.store.auth.revision
            for operation, _ in batch:
                try:
                    results.append(operation())
                except EtcdError as error:
                    results.append(error)
            try:
                self._save(compacted_before, auth_before)
            except EtcdError as error:
                self._undo()
                results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, EtcdError):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _save(self, compacted_before: int, auth_before: int) -> None:
        leases, self.store.leases.journal = self.store.leases.journal, []
        compacted = self.store.compact_revision if self.store.compact_revision != compacted_before else None
        events = [event for events, _ in self.store.untold for event in events]
        auth = self.store.auth.to_json() if self.store.auth.revision != auth_before else ""
        if events or leases or auth or compacted is not None:
            self._disk.write(self.store.revision, events, leases or (), compacted, auth)

    def _undo(self) -> None:
        self.store.untold.clear()
        _adopt(self.store, self._disk.load(), self.clock.time())

    async def defragment(self) -> None:
        self._flush()
        self._disk.defragment()
