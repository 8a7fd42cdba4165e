"""A second cluster out of a moment of the first.

The store is forked copy-on-write, in time that does not depend on its size (only a store outside this kernel is read
whole). All else is made anew on it and comes to terms with what it finds: the nodes are the same machines, and their
pods go on as the same instances (`kubelet.resuming`); no object changes because of the fork. The programs in them begin
from their start, and logs are empty. The random streams are those of a seed that follows from the first cluster's seed
and the revision: equal forks have equal futures, and nothing that the first one has named is named again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kube_nb.cluster.chronicle import Chronicle
from kube_nb.cluster.pki import Authority
from kube_nb.cluster.scheduling import Scheduling
from kube_nb.etcd.backend import PUT, Backend
from kube_nb.etcd.errors import Compacted, FutureRevision
from kube_nb.etcd.lease import Lease, Leases
from kube_nb.etcd.loading import Loader
from kube_nb.etcd.store import Store
from kube_nb.machinery.clock import descendant
from kube_nb.machinery.loop import ClusterLoop, Pace
from kube_nb.machinery.refusals import BadArgument

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine


@dataclass(frozen=True, slots=True)
class Origin:
    """What a fork takes along. away: the components of the control plane that somebody stopped."""

    store: Store
    moment_s: float
    scheduling: Scheduling
    chronicle: Chronicle
    authority: Authority
    service_account_key: bytes
    away: tuple[str, ...]


async def origin(engine: "Engine", at: int | None) -> Origin:
    """What is to be known of a cluster at a revision (None: now); ValueError if the store does not have it."""
    store, moment_s = await store_at(engine, at)
    return Origin(
        store,
        moment_s,
        engine.scheduling.fork(moment_s),
        engine.chronicle,
        engine.authority,
        engine.service_account_key,
        engine.nodes.away,
    )


async def store_at(engine: "Engine", at: int | None) -> tuple[Store, float]:
    """A fork of the store at a revision (None: now), and the cluster time of that; ValueError if it is not there."""
    now_s = engine.clock.time()
    if at is not None and at < 1:
        raise BadArgument(f"a revision is a number from 1 on, not {at}")
    try:
        store = await _fork(engine, at or 0, now_s)
    except FutureRevision:
        newest = (await engine.etcd.range(b"\0", count_only=True)).revision
        raise BadArgument(f"revision {at} is still to come: the store is at {newest}") from None
    except Compacted:
        raise BadArgument(f"revision {at} has been compacted away") from None
    known_s = engine.chronicle.time_of(store.revision)
    return store, now_s if at is None or known_s is None else known_s


def loop(origin: Origin, first: ClusterLoop, pace: Pace, seed: int | None) -> ClusterLoop:
    """The fork's own loop: it shows the time of the moment, and draws what the first one has not drawn."""
    chosen = descendant(first.seed, origin.store.revision) if seed is None else seed
    return ClusterLoop(pace=pace, seed=chosen, epoch=first.epoch, start_s=origin.moment_s)


async def _fork(engine: "Engine", at: int, now_s: float) -> Store:
    if engine.options.store is not None:
        return await _read_whole(engine.etcd.backend, at, now_s)
    store = engine.store
    if engine.members is not None:
        running = engine.members.leader or next(iter(engine.members.running.values()), None)
        if running is None:
            raise BadArgument("no member of etcd runs: start one, then fork")
        store = running.store
    return store.fork(at, now_s=now_s)


async def _read_whole(backend: Backend, at: int, now_s: float) -> Store:
    """A copy of a store outside; leases have their whole time before them again."""
    found = await backend.range(b"\0", b"\0", revision=at)
    revision = at or found.revision
    loader = Loader(revision)
    for kv in sorted(found.kvs, key=lambda kv: kv.mod_revision):
        loader.add(PUT, kv)
    store = Store(history=loader.finish(revision))
    leases = []
    for id in dict.fromkeys(kv.lease for kv in found.kvs if kv.lease):
        ttl_s = (await backend.lease_time_to_live(id)).granted_ttl_s
        if ttl_s > 0:
            leases.append(Lease(id, ttl_s, now_s + ttl_s))
    store.leases = Leases.restored(leases, store.leases)
    return store
