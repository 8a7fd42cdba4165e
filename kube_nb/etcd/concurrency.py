"""Locks and elections as recipes over any `Backend`: the key that was created first under a prefix wins.

Each contender's key hangs on its lease, so whoever dies loses its place. Models client/v3/concurrency.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from kube_nb.etcd.backend import (
    DELETE,
    Backend,
    Compare,
    CompareTarget,
    DeleteRange,
    KeyValue,
    Put,
    Range,
    RangeResult,
    SortOrder,
    SortTarget,
    prefix_end,
)
from kube_nb.etcd.errors import EtcdError, LeaseNotFound
from kube_nb.machinery.clock import periodic_sleep

#: What a session's lease lasts when nobody says.
TTL_S = 60


class NotLeader(EtcdError):
    text = "election: not leader"


class NoLeaderElected(EtcdError):
    text = "election: no leader"


class LockLost(EtcdError):
    """The contender's key vanished while it waited: its lease has ended."""

    text = "mutex: session is expired"


class Session:
    """A lease kept alive for as long as the session is open; ``async with Session(backend) as session``."""

    def __init__(self, backend: Backend, ttl_s: int = TTL_S) -> None:
        self.backend = backend
        self.ttl_s = ttl_s
        self.lease = 0
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Session":
        self.lease = (await self.backend.lease_grant(self.ttl_s)).id
        self._renewal = asyncio.create_task(self._renew())
        return self

    async def _renew(self) -> None:
        """Ends when the lease has."""
        while ttl_s := await self.backend.lease_keep_alive(self.lease):
            await periodic_sleep(ttl_s / 3)

    async def expired(self) -> None:
        """Return when the lease has ended in spite of the renewals."""
        assert self._renewal is not None
        await asyncio.shield(self._renewal)

    async def __aexit__(self, *exc: object) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        try:
            await self.backend.lease_revoke(self.lease)
        except LeaseNotFound:
            return  # it has expired, which is as good


class Claim(NamedTuple):
    """A contender's key and the revision that created it; `revision` is the header's of what made it the first."""

    name: bytes
    key: bytes
    created: int
    lease: int
    revision: int


async def claim(backend: Backend, name: bytes, lease: int, value: bytes = b"") -> Claim:
    """Put the contender's key, unless it is there already, and wait until it is the oldest under ``name/``."""
    key = b"%b/%x" % (name, lease)
    absent = Compare(key, CompareTarget.CREATE, value=0)
    result = await backend.txn([absent], [Put(key, value, lease)], [Range(key)])
    created = result.revision
    if not result.succeeded:
        (mine,) = (kv for found in result.responses if isinstance(found, RangeResult) for kv in found.kvs)
        created = mine.create_revision
        if mine.value != value:
            await backend.put(key, value, lease=lease)
    try:
        revision = await _wait_for_older(backend, name, created)
        found = await backend.range(key)
    except BaseException:
        await backend.delete_range(key)
        raise
    if not found.kvs:
        raise LockLost
    return Claim(name, key, created, lease, revision)


async def _wait_for_older(backend: Backend, name: bytes, created: int) -> int:
    """Wait until no key under ``name/`` is older than `created`; only the next older one is watched at a time."""
    prefix = name + b"/"
    while True:
        older = await backend.range(
            prefix,
            prefix_end(prefix),
            limit=1,
            sort_target=SortTarget.CREATE,
            sort_order=SortOrder.DESCEND,
            max_create_revision=created - 1,
        )
        if not older.kvs:
            return older.revision
        watcher = backend.watch(older.kvs[0].key, start_revision=older.revision)
        try:
            async for batch in watcher:
                if any(event.type is DELETE for event in batch.events):
                    break
        finally:
            watcher.cancel()


async def release(backend: Backend, key: bytes) -> int:
    """Give a lock back; returns the header's revision."""
    return (await backend.delete_range(key)).revision


async def proclaim(backend: Backend, held: Claim, value: bytes) -> int:
    """Change the value that the leader is known by; NotLeader if the claim is lost."""
    still = Compare(held.key, CompareTarget.CREATE, value=held.created)
    result = await backend.txn([still], [Put(held.key, value, held.lease)])
    if not result.succeeded:
        raise NotLeader
    return result.revision


async def resign(backend: Backend, held: Claim) -> int:
    still = Compare(held.key, CompareTarget.CREATE, value=held.created)
    return (await backend.txn([still], [DeleteRange(held.key)])).revision


async def leader(backend: Backend, name: bytes) -> tuple[KeyValue, int]:
    """The leader's key and value, and the header's revision; NoLeaderElected if there is none."""
    prefix = name + b"/"
    found = await backend.range(
        prefix, prefix_end(prefix), limit=1, sort_target=SortTarget.CREATE, sort_order=SortOrder.ASCEND
    )
    if not found.kvs:
        raise NoLeaderElected
    return found.kvs[0], found.revision


async def observe(backend: Backend, name: bytes) -> AsyncIterator[tuple[KeyValue, int]]:
    """The leader, then each new leader and each value that one proclaims, for ever."""
    prefix = name + b"/"
    shown: KeyValue | None = None
    watcher = backend.watch(prefix, prefix_end(prefix))
    try:
        while True:
            try:
                kv, revision = await leader(backend, name)
            except NoLeaderElected:
                kv, revision = None, 0
            if kv is not None and kv != shown:
                shown = kv
                yield kv, revision
            await anext(aiter(watcher))
    finally:
        watcher.cancel()
