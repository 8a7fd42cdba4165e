"""`RaftCluster`: members in one kernel, to be broken and mended; `ClusterBackend`: a client of them all."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

from kube_nb.etcd import members
from kube_nb.etcd.backend import Event, Member, WatchBatch
from kube_nb.etcd.errors import EtcdError, NoLeader, Stopped, Unavailable
from kube_nb.etcd.guard import Authenticated, Guarded
from kube_nb.etcd.local import LocalWatcher
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
    """The members by id; those that are down are missing in `running`."""

    def __init__(self, clock: Clock, founders: Sequence[Member], *, network: Network | None = None) -> None:
        self.clock = clock
        self.network = network or Network(clock.stream("etcd/network"))
        self.id = members.cluster_id(founders)
        self.founders = {member.id: member for member in founders}
        self.stable: dict[int, Stable] = {}
        self.running: dict[int, RaftMember] = {}
        conf = Conf(frozenset(self.founders))
        for id in self.founders:
            state = State(Store(), dict(self.founders))
            self.stable[id] = Stable(HardState(1, 0, 1), Snapshot(1, 1, conf, state))

    @classmethod
    def of(cls, clock: Clock, count: int) -> "RaftCluster":
        """`count` members with addresses as kubeadm's stacked etcd gives them."""
        founders = [
            members.new(f"etcd-{n}", [f"https://10.0.0.{n + 2}:2380"], [f"https://10.0.0.{n + 2}:2379"])
            for n in range(count)
        ]
        return cls(clock, founders)

    def start(self, *ids: int) -> None:
        """Start these members (all that are down if none is named) from what they have saved."""
        for id in ids or [id for id in self.stable if id not in self.running]:
            if id not in self.running:
                self.running[id] = RaftMember(id, self.stable[id], self.network, self.clock, self.id)

    def crash(self, id: int) -> None:
        """End a member at once; what it has saved stays."""
        self.running.pop(id).close()

    def stop(self) -> None:
        for id in list(self.running):
            self.crash(id)

    def join(self, member: Member) -> RaftMember:
        """Start a member that `member_add` has made room for; it knows nothing yet."""
        nobody = Snapshot(0, 0, Conf(frozenset()), State(Store(), {member.id: member}))
        self.stable[member.id] = Stable(HardState(), nobody)
        self.start(member.id)
        return self.running[member.id]

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
            for name in [self._name(id)]
        ]

    def _name(self, id: int) -> str:
        known = {**self.founders, **{m.id: m for member in self.running.values() for m in member.members.values()}}
        return known[id].name if id in known else ""


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
        """The running member with this client address; any if nobody's address is that one."""
        known = {
            **self._cluster.founders,
            **{m.id: m for r in self._cluster.running.values() for m in r.members.values()},
        }
        for id, member in known.items():
            if any(
                url.partition("://")[2] == endpoint.partition("://")[2] or url == endpoint for url in member.client_urls
            ):
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
