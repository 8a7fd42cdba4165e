"""`RaftCluster`: members in one kernel, to be broken and mended; `ClusterBackend`: a client of them all."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, cast

from kube_nb.etcd import members
from kube_nb.etcd.backend import Event, Member, WatchBatch
from kube_nb.etcd.disk import FILE, Damaged
from kube_nb.etcd.errors import EtcdError, NoLeader, Stopped, Unavailable
from kube_nb.etcd.guard import Authenticated, Guarded
from kube_nb.etcd.local import LocalWatcher
from kube_nb.etcd.raft.disk import DiskStable
from kube_nb.etcd.raft.member import RaftMember, State
from kube_nb.etcd.raft.messages import Conf, HardState, Snapshot
from kube_nb.etcd.raft.network import Network
from kube_nb.etcd.raft.stable import Stable
from kube_nb.etcd.store import Store
from kube_nb.machinery.clock import Clock

#: How long a client waits before it looks for another member.
RETRY_S = 0.1
#: What can be asked again without harm.
_READS = ("range", "status", "member_list", "hash_kv", "leases", "lease_time_to_live", "lease_keep_alive")


class RaftCluster:
    """The members by id; those that are down are missing in `running`.

    data_dir: keeps a folder for each member, whose file goes on where it ended; in memory if it is None. store: what
    members start from that are new.
    """

    def __init__(
        self,
        clock: Clock,
        founders: Sequence[Member],
        *,
        network: Network | None = None,
        data_dir: Path | None = None,
        store: Store | None = None,
    ) -> None:
        self.clock = clock
        self.data_dir = data_dir
        self.network = network or Network(clock.stream("etcd/network"))
        self.id = members.cluster_id(founders)
        self.founders = {member.id: member for member in founders}
        self.stable: dict[int, Stable] = {}
        self.running: dict[int, RaftMember] = {}
        conf = Conf(frozenset(self.founders))
        if data_dir is not None:
            _check(data_dir, [member.name for member in founders])
        try:
            for member in founders:
                first = Snapshot(1, 1, conf, State(store or Store(), dict(self.founders)))
                self.stable[member.id] = self._stable(member, HardState(1, 0, 1), first)
        except BaseException:
            self.stop()
            raise

    def _stable(self, member: Member, hard_state: HardState, first: Snapshot) -> Stable:
        """What a member keeps; in its file if there is a place for files."""
        if self.data_dir is None:
            return Stable(hard_state, first)
        return DiskStable(self.data_dir / (member.name or f"{member.id:x}"), member.id, hard_state, first)

    @classmethod
    def of(cls, clock: Clock, count: int, data_dir: Path | None = None, store: Store | None = None) -> "RaftCluster":
        """`count` members with addresses as kubeadm's stacked etcd gives them."""
        founders = [
            members.new(f"etcd-{n}", [f"https://10.0.0.{n + 2}:2380"], [f"https://10.0.0.{n + 2}:2379"])
            for n in range(count)
        ]
        return cls(clock, founders, data_dir=data_dir, store=store)

    def recovered(self) -> tuple[Store, int]:
        """The furthest store that a member has saved, and how many writes that and the log after it come to."""
        furthest = max(self.stable.values(), key=lambda stable: stable.snapshot.data.store.revision)
        store: Store = furthest.snapshot.data.store
        return store, store.revision + len(furthest.entries)

    def start(self, *ids: int) -> None:
        """Start these members (all that are down if none is named) from what they have saved."""
        for id in ids or [id for id in self.stable if id not in self.running]:
            if id not in self.running:
                self.running[id] = RaftMember(
                    id, self.stable[id], self.network, self.clock, self.id, on_failure=self._failed
                )

    def crash(self, id: int) -> None:
        """End a member at once; what it has saved stays."""
        member = self.running.pop(id, None)
        if member is not None:
            member.close()
        self.stable[id].close()

    def _failed(self, member: RaftMember) -> None:
        """A member has stopped by itself, because its disk refuses."""
        self.running.pop(member.id, None)
        self.stable[member.id].close()

    def stop(self) -> None:
        for id in self.stable:
            self.crash(id)

    def join(self, member: Member) -> RaftMember:
        """Start a member that `member_add` has made room for; it knows nothing yet."""
        nobody = Snapshot(0, 0, Conf(frozenset()), State(Store(), {member.id: member}))
        self.stable[member.id] = self._stable(member, HardState(), nobody)
        self.start(member.id)
        return self.running[member.id]

    def door(self, id: int) -> "MemberDoor":
        """The member for a server on a socket, which outlives the member's crashes."""
        return MemberDoor(self, id)

    async def advertise(self, id: int, client_urls: tuple[str, ...]) -> None:
        """Tell everybody where a member serves its clients, as etcd does when it starts (--advertise-client-urls)."""
        leader = await self.elected()
        await leader.member_publish(id, client_urls)

    @property
    def leader(self) -> RaftMember | None:
        """The leader of the latest term, as far as one says so."""
        leaders = [member for member in self.running.values() if member.is_leader]
        return max(leaders, key=lambda member: member.raft.term, default=None)

    async def elected(self) -> RaftMember:
        """Wait for a leader."""
        while (leader := self.leader) is None:
            await asyncio.sleep(RETRY_S)
        return leader

    def client(self) -> "ClusterBackend":
        return ClusterBackend(self)

    def show(self) -> list[dict[str, Any]]:
        """Every member's state, for pictures and tables; those that are down with their id and name only."""
        return [
            {**(self.running[id].raft.show() if id in self.running else {"id": id, "role": "down"}), "name": name}
            for id in sorted(self.stable)
            for name in [self.names[id]]
        ]

    @property
    def names(self) -> dict[int, str]:
        """Every member's name, by its id."""
        known = {**self.founders, **{m.id: m for member in self.running.values() for m in member.members.values()}}
        return {id: known[id].name if id in known else "" for id in sorted(self.stable)}


def _check(data_dir: Path, names: Sequence[str]) -> None:
    """Refuse a directory that holds another number of members, or not the data of all of them."""
    if (data_dir / FILE).exists():
        raise Damaged(f"{data_dir} holds the data of a single member: etcd_members=1 goes on with it")
    found = sorted(path.parent.name for path in data_dir.glob(f"*/{FILE}")) if data_dir.is_dir() else []
    missing = [name for name in names if name not in found]
    if found and missing:
        held = f"{data_dir} holds the data of {', '.join(found)}, but none of {', '.join(missing)}"
        raise Damaged(f"{held}: give etcd_members={len(found)}, or what is missing from a backup")


class MemberDoor:
    """One member while it runs; else every call raises `Unavailable`."""

    def __init__(self, cluster: RaftCluster, id: int) -> None:
        self._cluster = cluster
        self._id = id
        self.clock = cluster.clock

    def __getattr__(self, name: str) -> Any:
        member = self._cluster.running.get(self._id)
        if member is None:
            raise Unavailable("etcdserver: the member is not running")
        return getattr(member, name)


class ClusterBackend:
    """A `Backend` that stays with one member for as long as it answers, then takes another.

    A call that did not reach a member is made anew elsewhere; one that may have been carried out is not, its error is
    the caller's to judge. Watches go on elsewhere after the last event that they gave.
    """

    def __init__(self, cluster: RaftCluster) -> None:
        self._cluster = cluster
        self._member: RaftMember | None = None

    def _pick(self) -> RaftMember:
        running = self._cluster.running
        current = self._member
        if current is None or running.get(current.id) is not current or not current.raft.leader:
            led = [member for member in running.values() if member.raft.leader]
            current = self._member = next(iter(led or running.values()), None)
        if current is None:
            raise Unavailable("etcdserver: no member of the cluster can be reached")
        return current

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def call(*arguments: Any, **options: Any) -> Any:
            while True:
                try:
                    return await getattr(self._pick(), name)(*arguments, **options)
                except (Stopped, NoLeader):
                    if name not in _READS or not self._cluster.running:
                        raise
                    await asyncio.sleep(RETRY_S)

        return call

    def at(self, endpoint: str) -> RaftMember:
        """The running member with this client address, or of this name; any if it is nobody's."""
        known = {
            **self._cluster.founders,
            **{m.id: m for r in self._cluster.running.values() for m in r.members.values()},
        }
        place = endpoint.rpartition("://")[2]
        for id, member in known.items():
            own = [url.rpartition("://")[2] for url in member.client_urls]
            if place in own or place.partition(":")[0] == member.name:
                if id not in self._cluster.running:
                    raise Unavailable("context deadline exceeded")
                return self._cluster.running[id]
        return self._pick()

    @property
    def clock(self) -> Clock:
        return self._cluster.clock

    def as_user(self, name: str = "", password: str = "") -> Guarded:
        """See `LocalBackend.as_user`."""
        self._pick().as_user(name, password)
        return Guarded(cast(Authenticated, self), lambda: self._pick().store.auth, name)

    def snapshot(self) -> AsyncIterator[bytes]:
        return self._pick().snapshot()

    async def move_leader(self, to: int) -> None:
        """Ask the leader, as etcdctl does when it is given every endpoint."""
        leader = self._cluster.leader
        if leader is None:
            raise NoLeader
        await leader.move_leader(to)

    def subscribe(
        self, key: bytes, range_end: bytes, callback: Callable[[tuple[Event, ...], int], None]
    ) -> Callable[[], None] | None:
        """None: the member that would call may die; watch instead."""
        return None

    def watch(self, key: bytes, range_end: bytes = b"", **options: Any) -> "ClusterWatcher":
        return ClusterWatcher(self._pick, key, range_end, options)


class ClusterWatcher:
    """A `Watcher` that survives its member."""

    def __init__(self, pick: Callable[[], RaftMember], key: bytes, range_end: bytes, options: dict[str, Any]) -> None:
        self.compact_revision = 0
        self._pick = pick
        self._key, self._range_end, self._options = key, range_end, dict(options)
        self._watcher: LocalWatcher | None = None
        self._batches: deque[WatchBatch] = deque()
        self._cancelled = False
        self._open()

    def _open(self) -> None:
        member = self._pick()
        if not self._options.get("start_revision"):
            self._options["start_revision"] = member.store.revision + 1
        self._watcher = member.watch(self._key, self._range_end, **self._options)

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        while not self._cancelled:
            try:
                if self._watcher is None:
                    self._open()
                assert self._watcher is not None
                batch = await anext(self._watcher)
            except (Stopped, Unavailable):
                self._watcher = None
                await asyncio.sleep(RETRY_S)
            except EtcdError:
                self.compact_revision = self._watcher.compact_revision if self._watcher is not None else 0
                raise
            else:
                self._options["start_revision"] = max(self._options["start_revision"], batch.revision + 1)
                return batch
        raise StopAsyncIteration

    def cancel(self) -> None:
        self._cancelled = True
        if self._watcher is not None:
            self._watcher.cancel()
