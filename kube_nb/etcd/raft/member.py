"""`RaftMember`: a `Backend` whose writes every member agrees on before any of them makes them.

A write is proposed as the name of a `Store` method and its arguments; each member applies it to its own store when it
is committed, and the one that proposed it answers. Linearizable reads ask the leader how far they must see,
serializable ones look at what is here. Leases expire by the leader's clock only.

Models server/etcdserver/{raft,v3_server}.go.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from kube_nb.etcd import VERSION, members
from kube_nb.etcd.backend import (
    Identity,
    LeaseGrantResult,
    LeaseTimeToLiveResult,
    Member,
    RangeResult,
    StatusResult,
)
from kube_nb.etcd.errors import (
    BadTransferee,
    EtcdError,
    LearnerNotReady,
    LearnerNotServing,
    MemberNotFound,
    NoLeader,
    NotLeader,
    NotLearner,
    RequestTimedOut,
    Stopped,
)
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.core import ProposalDropped, Raft, Role
from kube_nb.etcd.raft.messages import ConfChange, ConfKind, Entry, EntryKind, Message, Ready, Snapshot
from kube_nb.etcd.raft.network import Network
from kube_nb.etcd.raft.stable import Stable
from kube_nb.etcd.store import Store
from kube_nb.etcd.watch import Callback
from kube_nb.machinery import clock as clocks
from kube_nb.machinery.clock import Clock

T = TypeVar("T")
#: --heartbeat-interval and --election-timeout.
TICK_S = 0.1
ELECTION_TICKS = 10
#: How long a request waits to be agreed on: five seconds for the disks and two election timeouts.
REQUEST_TIMEOUT_S = 7.0
#: --snapshot-count, and how many entries stay in the log for slow followers.
SNAPSHOT_ENTRIES = 10_000
CATCH_UP_ENTRIES = 5_000
#: How many applied requests are remembered, so that none is applied twice.
REMEMBERED_REQUESTS = 10_000
#: How often the leader tells everybody what is left of long leases (--lease-checkpoint-interval).
CHECKPOINT_S = 300.0


class Request(NamedTuple):
    """What an entry asks of every store. id: who waits for the answer, and its number for it."""

    id: tuple[int, int]
    method: str
    arguments: tuple[Any, ...]


class State(NamedTuple):
    """A snapshot's data: a store to fork, the members' addresses, which requests were applied last."""

    store: Store
    members: dict[int, Member]
    done: tuple[tuple[int, int], ...] = ()


class RaftMember(LocalBackend):
    """See the module's docstring. Runs on the loop of `clock` from its making until `close`.

    on_failure: called when the member has stopped by itself because its disk refuses; then `failed` is done
    and `failure` says why.
    """

    def __init__(
        self,
        id: int,
        stable: Stable,
        network: Network,
        clock: Clock,
        cluster_id: int,
        on_failure: Callable[["RaftMember"], None] = lambda member: None,
    ) -> None:
        store = stable.open(clock.time())
        state: State = stable.snapshot.data
        self.failure: EtcdError | None = None
        self.failed: asyncio.Future[None] = _loop_of(clock).create_future()
        self._on_failure = on_failure
        self.id = id
        self.stable = stable
        self.network = network
        self.cluster_id = cluster_id
        self.members = dict(state.members)
        self.raft = Raft(
            id,
            stable.hard_state,
            stable.snapshot,
            stable.entries,
            clock.stream(f"etcd/raft/{id:x}/{clock.time()}"),
            election_ticks=ELECTION_TICKS,
        )
        self._number = stable.starts << 32  # no number is ever used twice, or an old entry could answer a new request
        self._done = dict.fromkeys(state.done)
        self._waiting: dict[Any, asyncio.Future[Any]] = {}
        self._readers: list[tuple[int, asyncio.Future[Any]]] = []
        self._leading = False
        self._checkpoint_s = 0.0
        self._processing_soon = False
        self._ticker: asyncio.TimerHandle | None = None
        super().__init__(store, clock, member=self.members.get(id))
        stable.attach(store)
        network.attach(id, self)
        self._tick_later()
        self._process()

    def close(self) -> None:
        """Stop at once, as a crash does; only `stable` is left."""
        self._stop(Stopped())

    def _stop(self, why: EtcdError) -> None:
        super().close()
        self.network.detach(self.id)
        if self._ticker is not None:
            self._ticker.cancel()
        for future in [*self._waiting.values(), *(future for _, future in self._readers)]:
            if not future.done():
                future.set_exception(why)
        self._waiting, self._readers = {}, []

    @property
    def has_leader(self) -> bool:
        return bool(self.raft.leader)

    @property
    def is_leader(self) -> bool:
        return self.raft.role is Role.LEADER

    # -- turning the state machine -------------------------------------------------------------------------------

    def _tick_later(self) -> None:
        with clocks.periodic():
            self._ticker = _loop_of(self.clock).call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._tick_later()
        self.raft.tick()
        self._process()
        if self.is_leader and self.clock.time() >= self._checkpoint_s:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Tell everybody what is left of leases longer than the interval, so that the next leader goes on from there.

        Models server/lease/lessor.go. Differs: done always, as with etcd's feature LeaseCheckpoint.
        """
        now_s = self.clock.time()
        self._checkpoint_s = now_s + CHECKPOINT_S
        if remaining := self.store.leases.remaining(now_s, CHECKPOINT_S):
            self._propose_alone("lease_checkpoint", remaining)

    def _propose_alone(self, method: str, *arguments: Any) -> bool:
        """Propose what nobody waits for; False if it cannot be now."""
        self._number += 1
        try:
            self.raft.propose(Request((self.id, self._number), method, arguments))
        except ProposalDropped:
            return False
        self._process()
        return True

    def receive(self, message: Message) -> None:
        try:
            self.raft.step(message)
        except ProposalDropped:
            return  # whoever proposed it waits, and times out
        self._process_soon()

    def _process_soon(self) -> None:
        """Process what comes in one turn of the loop together: one write to disk, fewer messages."""
        if not self._processing_soon:
            self._processing_soon = True
            asyncio.get_running_loop().call_soon(self._process)

    def _process(self) -> None:
        """Save, send, apply, until there is nothing left to do."""
        self._processing_soon = False
        while not self._closed and (ready := self.raft.ready()) is not None:
            try:
                self.stable.save(ready)
            except EtcdError as error:
                self._fail(error)
                return
            for message in ready.messages:
                self.network.send(message)
            if ready.snapshot is not None:
                self._install(ready.snapshot.data)
            for entry in ready.committed:
                self._apply(entry)
            self._answer_reads(ready)
        if self.is_leader != self._leading:
            self._leading = self.is_leader
            if self._leading:
                self.store.leases.promote(self.clock.time())
                self._checkpoint_s = self.clock.time() + CHECKPOINT_S
        self._arm()
        if len(self.raft.log.entries) > SNAPSHOT_ENTRIES:
            self.compact_log()

    def _fail(self, error: EtcdError) -> None:
        """Stop: a member that cannot save must not speak."""
        self.failure = error
        if not self.failed.done():
            self.failed.set_result(None)
        self._stop(error)
        self._on_failure(self)

    def _install(self, state: State) -> None:
        """Take the leader's state; our watchers read on in its history."""
        fork = state.store.fork(now_s=self.clock.time())
        self.store.history, self.store.leases, self.store.auth = fork.history, fork.leases, fork.auth
        self.members = dict(state.members)
        self._done = dict.fromkeys(state.done)
        self.stable.attach(self.store)
        self.store.audience.wake_all(self.store.revision)

    def compact_log(self, keep: int = CATCH_UP_ENTRIES) -> None:
        """Let a snapshot of the store stand for all but the last `keep` applied entries."""
        log = self.raft.log
        index = log.applied
        term = log.term(index)
        if term is None or index <= log.snapshot.index:
            return
        snapshot = Snapshot(
            index, term, self.raft.conf, State(self.store.fork(), dict(self.members), tuple(self._done))
        )
        self.stable.compact(snapshot)
        log.compact(snapshot)

    # -- applying ------------------------------------------------------------------------------------------------

    def _apply(self, entry: Entry) -> None:
        self._carry_out(entry)
        self.stable.applied(entry, self.raft.conf, self.members)

    def _carry_out(self, entry: Entry) -> None:
        request: Request | None = entry.data
        if request is None or request.id in self._done:
            if entry.kind is EntryKind.CONF:
                self.raft.apply_conf_change(ConfChange(ConfKind.UPDATE, 0))
            return
        self._done[request.id] = None
        if len(self._done) > REMEMBERED_REQUESTS:
            del self._done[next(iter(self._done))]
        if entry.kind is EntryKind.CONF:
            self._apply_conf_change(request)
            return
        try:
            result = getattr(self.store, request.method)(*request.arguments)
        except EtcdError as error:
            result = error
        self._answer(request.id, result)

    def _apply_conf_change(self, request: Request) -> None:
        change: ConfChange = request.arguments[0]
        member: Member | None = change.context
        if change.kind is ConfKind.REMOVE:
            self.members.pop(change.id, None)
        elif member is not None:
            self.members[change.id] = member
        elif change.id in self.members:
            self.members[change.id] = self.members[change.id]._replace(is_learner=False)
        self.raft.apply_conf_change(change)
        self._answer(request.id, list(self.members.values()))
        if change.kind is ConfKind.REMOVE and change.id == self.id:
            self.close()

    def _answer(self, id: tuple[int, int], result: Any) -> None:
        future = self._waiting.pop(id, None) if id[0] == self.id else None
        if future is None or future.done():
            return
        if isinstance(result, EtcdError):
            future.set_exception(result)
        else:
            future.set_result(result)

    # -- writing -------------------------------------------------------------------------------------------------

    async def _write(self, operation: Callable[..., T], *arguments: Any) -> T:
        result: T = await self._propose(operation.__name__, arguments)
        return result

    async def _propose(self, method: str, arguments: tuple[Any, ...], kind: EntryKind = EntryKind.NORMAL) -> Any:
        """Have it agreed on. RequestTimedOut: nobody knows whether it was, as in any etcd.

        It is proposed again while no answer comes, for it may have gone to a leader that is no more; a request is
        applied once however often it stands in the log. Differs: etcd proposes once and lets the client time out.
        """
        if self._closed:
            raise Stopped
        self._number += 1
        request = Request((self.id, self._number), method, arguments)
        future = self._waiting[request.id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                while not future.done():
                    await self._submit(request, kind)
                    await asyncio.wait([future], timeout=TICK_S * ELECTION_TICKS)
                return future.result()
        except TimeoutError:
            raise RequestTimedOut from None
        finally:
            self._waiting.pop(request.id, None)

    async def _submit(self, request: Request, kind: EntryKind) -> None:
        while True:
            try:
                self.raft.propose(request, kind)
            except ProposalDropped:
                await asyncio.sleep(TICK_S)
                if self._closed:
                    return  # whoever waits has been told
            else:
                self._process_soon()
                return

    # -- reading -------------------------------------------------------------------------------------------------

    async def range(self, key: bytes, range_end: bytes = b"", **options: Any) -> RangeResult:
        if not options.get("serializable"):
            await self._read_barrier()
        return await super().range(key, range_end, **options)

    async def _read_barrier(self) -> None:
        """Return when everything that was committed before this call is applied here."""
        if self.raft.conf.quorum == 1 and self.is_leader:
            return
        if self.id in self.raft.conf.learners:
            raise LearnerNotServing
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                while not await self._ask_index():
                    pass
        except TimeoutError:
            raise RequestTimedOut from None

    async def _ask_index(self) -> bool:
        """One try; False if no answer came within an election timeout."""
        if self._closed:
            raise Stopped
        self._number += 1
        context = (self.id, self._number)
        future = self._waiting[context] = asyncio.get_running_loop().create_future()
        self.raft.read_index(context)
        self._process_soon()
        try:
            async with asyncio.timeout(TICK_S * ELECTION_TICKS / 2):
                await future
                return True
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(context, None)

    def _answer_reads(self, ready: Ready) -> None:
        for read in ready.reads:
            future = self._waiting.get(read.context)
            if future is not None:
                self._readers.append((read.index, future))
        applied = self.raft.log.applied
        for index, future in self._readers:
            if index <= applied and not future.done():
                future.set_result(None)
        self._readers = [(index, future) for index, future in self._readers if not future.done()]

    def subscribe(self, key: bytes, range_end: bytes, callback: Callback) -> None:  # type: ignore[override]
        """None: a snapshot from the leader skips events, which only a watch can make up for."""

    # -- leases --------------------------------------------------------------------------------------------------

    async def lease_grant(self, ttl_s: int, id: int = 0) -> LeaseGrantResult:
        while not id:
            self._number += 1
            id = (self.id >> 48 << 48 | self._number) & (2**63 - 1)
            id = 0 if id in self.store.leases else id
        return await super().lease_grant(ttl_s, id)

    async def lease_keep_alive(self, id: int) -> int:
        leader = self._leader_or_refuse()
        if leader is not self:
            return int(await leader.lease_keep_alive(id))
        if id in self.store.leases and self.store.leases.get(id).remaining_s:
            self._propose_alone("lease_checkpoint", ((id, 0),))
        return await super().lease_keep_alive(id)

    async def lease_time_to_live(self, id: int, *, keys: bool = False) -> LeaseTimeToLiveResult:
        leader = self._leader_or_refuse()
        if leader is not self:
            return await leader.lease_time_to_live(id, keys=keys)
        return await super().lease_time_to_live(id, keys=keys)

    def _leader_or_refuse(self) -> "RaftMember":
        if self.is_leader:
            return self
        leader: RaftMember | None = self.network.reachable(self.id, self.raft.leader)
        if leader is None or not leader.is_leader:
            raise NoLeader
        return leader

    def _arm(self) -> None:
        if self.is_leader:
            super()._arm()

    def _expire(self) -> None:
        """Have the expired leases revoked by everybody; only the leader's clock counts."""
        self._timer = None
        if self.is_leader:
            for id in self.store.leases.expired(self.clock.time()):
                if not self._propose_alone("lease_revoke", id) and id in self.store.leases:
                    self.store.leases.renew(id, self.clock.time())  # leadership is changing hands
            self._arm()

    # -- members and the server ----------------------------------------------------------------------------------

    def identity(self) -> Identity:
        return Identity(self.cluster_id, self.id, self.raft.term)

    async def status(self) -> StatusResult:
        raft = self.raft
        size_bytes = self.store.history.size_bytes
        return StatusResult(
            self.store.revision,
            VERSION,
            size_bytes,
            size_bytes,
            raft.leader,
            raft.log.commit,
            raft.term,
            raft.log.applied,
            () if raft.leader else ("etcdserver: no leader",),
            self.id in raft.conf.learners,
            self.cluster_id,
            self.id,
        )

    async def member_list(self) -> list[Member]:
        await self._read_barrier()
        return sorted(self.members.values(), key=lambda member: member.id)

    async def member_add(self, name: str, peer_urls: tuple[str, ...], *, learner: bool = False) -> Member:
        """Make room for a member; it has to be started with the id that is returned."""
        token = f"{members.CLUSTER_TOKEN}{self.clock.now().timestamp():.0f}"
        member = members.new(name, peer_urls, token=token)._replace(is_learner=learner)
        kind = ConfKind.ADD_LEARNER if learner else ConfKind.ADD
        await self._change(ConfChange(kind, member.id, member))
        return member

    async def member_remove(self, id: int) -> list[Member]:
        self._known(id)
        return await self._change(ConfChange(ConfKind.REMOVE, id))

    async def member_update(self, id: int, peer_urls: tuple[str, ...]) -> list[Member]:
        return await self._change(ConfChange(ConfKind.UPDATE, id, self._known(id)._replace(peer_urls=peer_urls)))

    async def member_publish(self, id: int, client_urls: tuple[str, ...]) -> None:
        """Say where a member serves clients."""
        await self._change(ConfChange(ConfKind.UPDATE, id, self._known(id)._replace(client_urls=client_urls)))

    async def member_promote(self, id: int) -> list[Member]:
        """Give a learner a vote, once it has nine tenths of the leader's log."""
        if not self._known(id).is_learner:
            raise NotLearner
        leader = self._leader_or_refuse()
        progress = leader.raft.progress.get(id)
        if progress is None or progress.match < leader.raft.log.last_index * 0.9:
            raise LearnerNotReady
        return await self._change(ConfChange(ConfKind.PROMOTE, id))

    def _known(self, id: int) -> Member:
        if id not in self.members:
            raise MemberNotFound
        return self.members[id]

    async def _change(self, change: ConfChange) -> list[Member]:
        changed: list[Member] = await self._propose("", (change,), EntryKind.CONF)
        return changed

    async def move_leader(self, to: int) -> None:
        """Hand leadership over; only the leader can, and it waits until it has happened."""
        if not self.is_leader:
            raise NotLeader
        if to not in self.raft.conf.voters:
            raise BadTransferee
        self.raft.transfer(to)
        self._process()
        try:
            async with asyncio.timeout(TICK_S * ELECTION_TICKS * 2):
                while self.raft.leader != to:
                    await asyncio.sleep(TICK_S / 10)
        except TimeoutError:
            raise RequestTimedOut from None


def _loop_of(clock: Clock) -> asyncio.AbstractEventLoop:
    """The clock itself where it is a loop, which need not run yet."""
    return clock if isinstance(clock, asyncio.AbstractEventLoop) else asyncio.get_running_loop()
