"""The state machine of one Raft member. Models go.etcd.io/raft, raft.go.

Roles change only by `TRANSITIONS`; `show` tells all that a picture needs.
Differs: no joint consensus (one change at a time, as etcd uses it); entries in flight are limited by message, not by
bytes.
"""

import random
from collections.abc import Sequence
from enum import Enum
from typing import Any

from kube_nb.etcd.raft.log import Log
from kube_nb.etcd.raft.messages import (
    ConfChange,
    Entry,
    EntryKind,
    HardState,
    Kind,
    Message,
    ReadState,
    Ready,
    Snapshot,
)
from kube_nb.etcd.raft.progress import Mode, PendingRead, Progress


class Role(Enum):
    """What a member is in its term."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Event(Enum):
    """What can change a role."""

    TIMEOUT = "no leader heard for an election timeout"
    TIMEOUT_NOW = "the leader hands over"
    PRE_VOTES_WON = "a quorum would vote"
    VOTES_WON = "a quorum has voted"
    VOTES_LOST = "a quorum has refused"
    LEADER_HEARD = "a leader of this term speaks"
    HIGHER_TERM = "somebody is in a later term"
    QUORUM_LOST = "a quorum has not answered for an election timeout"
    REMOVED = "no longer a voter"


F, P, C, L = Role.FOLLOWER, Role.PRE_CANDIDATE, Role.CANDIDATE, Role.LEADER
TRANSITIONS: dict[tuple[Role, Event], Role] = {
    (F, Event.TIMEOUT): P,
    (P, Event.TIMEOUT): P,
    (C, Event.TIMEOUT): P,
    (F, Event.TIMEOUT_NOW): C,
    (P, Event.PRE_VOTES_WON): C,
    (P, Event.VOTES_LOST): F,
    (P, Event.LEADER_HEARD): F,
    (P, Event.HIGHER_TERM): F,
    (C, Event.VOTES_WON): L,
    (C, Event.VOTES_LOST): F,
    (C, Event.LEADER_HEARD): F,
    (C, Event.HIGHER_TERM): F,
    (F, Event.LEADER_HEARD): F,
    (F, Event.HIGHER_TERM): F,
    (L, Event.HIGHER_TERM): F,
    (L, Event.QUORUM_LOST): F,
    (L, Event.REMOVED): F,
}
MAX_ENTRIES = 64


class ProposalDropped(Exception):
    """Nobody leads, or the leader is handing over, or another membership change is still under way."""


class Raft:
    """One member. `ready` after each `step`, `tick` and `propose`; the driver saves before it sends."""

    def __init__(
        self,
        id: int,
        hard_state: HardState,
        snapshot: Snapshot,
        entries: Sequence[Entry],
        stream: random.Random,
        *,
        election_ticks: int = 10,
        heartbeat_ticks: int = 1,
    ) -> None:
        self.id = id
        self.term = hard_state.term
        self.vote = hard_state.vote
        self.log = Log(snapshot, entries, hard_state.commit)
        self.conf = snapshot.conf
        self.role = Role.FOLLOWER
        self.leader = 0
        self.progress: dict[int, Progress] = {}
        self.election_ticks = election_ticks
        self.heartbeat_ticks = heartbeat_ticks
        self._stream = stream
        self._elapsed = 0
        self._beat_elapsed = 0
        self._timeout = 0
        self._votes: dict[int, bool] = {}
        self._transferee = 0
        self._pending_conf = 0
        self._reads: list[PendingRead] = []
        self._early_reads: list[Message] = []
        self._messages: list[Message] = []
        self._read_states: list[ReadState] = []
        self._saved_state = hard_state
        self._new_snapshot: Snapshot | None = None
        self._reset_timeout()

    # -- roles ---------------------------------------------------------------------------------------------------

    def _turn(self, event: Event) -> None:
        before = self.role
        if (before, event) not in TRANSITIONS:
            raise AssertionError(f"member {self.id:x} as {before.value} in term {self.term}: {event.value}")
        self.role = TRANSITIONS[before, event]
        self._reset_timeout()
        self._votes = {}
        if before is Role.LEADER and self.role is not Role.LEADER:
            self.progress, self._reads, self._transferee = {}, [], 0

    def _reset_timeout(self) -> None:
        self._elapsed = self._beat_elapsed = 0
        self._timeout = self.election_ticks + self._stream.randrange(self.election_ticks)

    def _enter_term(self, term: int, leader: int = 0) -> None:
        if term != self.term:
            self.term, self.vote = term, 0
        self.leader = leader

    @property
    def is_voter(self) -> bool:
        return self.id in self.conf.voters

    def _campaign(self, event: Event) -> None:
        """Ask everybody for a vote: first whether they would, unless the leader has asked us to take over."""
        self._turn(event)
        pre = self.role is Role.PRE_CANDIDATE
        term = self.term + 1
        self.leader = 0
        if not pre:
            self._enter_term(term)
            self.vote = self.id
        kind = Kind.PRE_VOTE if pre else Kind.VOTE
        self._record_vote(self.id, True)
        if self.role in (Role.PRE_CANDIDATE, Role.CANDIDATE) and self._votes:
            for id in sorted(self.conf.voters - {self.id}):
                last = {"index": self.log.last_index, "log_term": self.log.last_term}
                self._send(kind, id, term=term, context=event is Event.TIMEOUT_NOW, **last)

    def _record_vote(self, voter: int, granted: bool) -> None:
        if voter in self.conf.voters:
            self._votes.setdefault(voter, granted)
        if sum(self._votes.values()) >= self.conf.quorum:
            if self.role is Role.PRE_CANDIDATE:
                self._campaign(Event.PRE_VOTES_WON)
            else:
                self._lead()
        elif sum(not vote for vote in self._votes.values()) >= self.conf.quorum:
            self._turn(Event.VOTES_LOST)

    def _lead(self) -> None:
        self._turn(Event.VOTES_WON)
        self.leader = self.id
        self._pending_conf = self.log.last_index
        self.progress = {id: Progress(next=self.log.last_index + 1) for id in self.conf.ids}
        self._append([(None, EntryKind.NORMAL)])

    # -- time ----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        self._elapsed += 1
        if self.role is Role.LEADER:
            self._tick_leader()
        elif self._elapsed >= self._timeout and self.is_voter:
            self._campaign(Event.TIMEOUT)

    def _tick_leader(self) -> None:
        if self._elapsed >= self.election_ticks:
            self._elapsed = 0
            self._transferee = 0
            self.progress[self.id].active = True
            active = sum(self.progress[id].active for id in self.conf.voters)
            for progress in self.progress.values():
                progress.active = False
            if active < self.conf.quorum:
                self._turn(Event.QUORUM_LOST)
                self.leader = 0
                return
        self._beat_elapsed += 1
        if self._beat_elapsed >= self.heartbeat_ticks:
            self._beat_elapsed = 0
            self._heartbeat(self._reads[-1].context if self._reads else None)

    def _heartbeat(self, context: Any) -> None:
        for id in self._others():
            commit = min(self.progress[id].match, self.log.commit)
            self._send(Kind.HEARTBEAT, id, commit=commit, context=context)

    def _others(self) -> list[int]:
        return [id for id in self.progress if id != self.id]

    # -- what the application asks -------------------------------------------------------------------------------

    def propose(self, data: Any, kind: EntryKind = EntryKind.NORMAL) -> None:
        """Have an entry appended, here or by the leader; ProposalDropped if that cannot be."""
        self.step(Message(Kind.PROPOSE, self.id, self.id, entries=(Entry(0, 0, data, kind),)))

    def read_index(self, context: Any) -> None:
        """Ask up to where a linearizable read must see; the answer comes as a `ReadState`."""
        self.step(Message(Kind.READ_INDEX, self.id, self.id, context=context))

    def transfer(self, to: int) -> None:
        """Hand leadership to another voter as soon as it has the whole log."""
        self.step(Message(Kind.TRANSFER, self.id, to))

    def apply_conf_change(self, change: ConfChange) -> None:
        """To be called when the entry with the change is applied."""
        self.conf = self.conf.changed(change)
        if self.role is not Role.LEADER:
            return
        for id in self.conf.ids:
            self.progress.setdefault(id, Progress(next=self.log.last_index))
        self.progress = {id: progress for id, progress in self.progress.items() if id in self.conf.ids}
        if not self.is_voter:
            self._turn(Event.REMOVED)
            self.leader = 0
            return
        if self._maybe_commit():
            self._broadcast()
        if self._transferee not in self.conf.voters:
            self._transferee = 0

    # -- messages ------------------------------------------------------------------------------------------------

    def step(self, m: Message) -> None:
        if m.kind is Kind.TRANSFER or m.kind in _LOCAL or not m.term:
            self._dispatch(m)
        elif m.term > self.term:
            self._step_later_term(m)
        elif m.term < self.term:
            self._step_earlier_term(m)
        else:
            self._dispatch(m)

    def _step_later_term(self, m: Message) -> None:
        if m.kind in (Kind.VOTE, Kind.PRE_VOTE) and not m.context and self.leader and self._in_lease():
            return  # a leader was heard a moment ago: whoever asks has only lost touch with it
        if m.kind is Kind.PRE_VOTE or (m.kind is Kind.PRE_VOTE_RESP and not m.reject):
            self._dispatch(m)
            return
        self._turn(Event.HIGHER_TERM)
        self._enter_term(m.term, m.sender if m.kind in _FROM_LEADER else 0)
        self._dispatch(m)

    def _in_lease(self) -> bool:
        return self._elapsed < self.election_ticks

    def _step_earlier_term(self, m: Message) -> None:
        """Tell the sender that its term is over."""
        if m.kind in (Kind.HEARTBEAT, Kind.APPEND):
            self._send(Kind.APPEND_RESP, m.sender)
        elif m.kind is Kind.PRE_VOTE:
            self._send(Kind.PRE_VOTE_RESP, m.sender, reject=True)

    def _dispatch(self, m: Message) -> None:
        match m.kind:
            case Kind.VOTE | Kind.PRE_VOTE:
                self._answer_vote(m)
            case Kind.VOTE_RESP:
                if self.role is Role.CANDIDATE:
                    self._record_vote(m.sender, not m.reject)
            case Kind.PRE_VOTE_RESP:
                if self.role is Role.PRE_CANDIDATE:
                    self._record_vote(m.sender, not m.reject)
            case Kind.APPEND | Kind.HEARTBEAT | Kind.SNAPSHOT:
                self._hear_leader(m)
            case Kind.APPEND_RESP | Kind.HEARTBEAT_RESP:
                if self.role is Role.LEADER and m.sender in self.progress:
                    self._hear_follower(m)
            case Kind.PROPOSE:
                self._propose(m)
            case Kind.READ_INDEX:
                self._ask_read(m)
            case Kind.READ_INDEX_RESP:
                self._read_states.append(ReadState(m.index, m.context))
            case Kind.TRANSFER:
                self._transfer(m.sender)
            case Kind.TIMEOUT_NOW:
                if self.is_voter and self.role is Role.FOLLOWER:
                    self._campaign(Event.TIMEOUT_NOW)

    def _answer_vote(self, m: Message) -> None:
        pre = m.kind is Kind.PRE_VOTE
        free = self.vote == m.sender or (not self.vote and not self.leader) or (pre and m.term > self.term)
        granted = free and self.log.is_up_to_date(m.index, m.log_term)
        kind = Kind.PRE_VOTE_RESP if pre else Kind.VOTE_RESP
        self._send(kind, m.sender, term=m.term if granted else self.term, reject=not granted)
        if granted and not pre:
            self._elapsed = 0
            self.vote = m.sender

    # -- as a follower -------------------------------------------------------------------------------------------

    def _hear_leader(self, m: Message) -> None:
        if self.role is Role.LEADER:
            raise AssertionError(f"two leaders in term {self.term}: {self.id:x} and {m.sender:x}")
        if self.role is not Role.FOLLOWER:
            self._turn(Event.LEADER_HEARD)
        self._elapsed = 0
        self.leader = m.sender
        if m.kind is Kind.HEARTBEAT:
            self.log.commit_to(m.commit)
            self._send(Kind.HEARTBEAT_RESP, m.sender, context=m.context)
        elif m.kind is Kind.APPEND:
            self._take_entries(m)
        else:
            assert m.snapshot is not None
            self._take_snapshot(m, m.snapshot)

    def _take_entries(self, m: Message) -> None:
        if m.index < self.log.commit and m.index + len(m.entries) <= self.log.commit:
            self._send(Kind.APPEND_RESP, m.sender, index=self.log.commit)
        elif self.log.match(m.index, m.log_term, m.entries):
            last = m.index + len(m.entries)
            self.log.commit_to(min(m.commit, last))
            self._send(Kind.APPEND_RESP, m.sender, index=last)
        else:
            hint = self.log.conflict_hint(m.index, m.log_term)
            self._send(Kind.APPEND_RESP, m.sender, index=m.index, reject=True, hint=hint)

    def _take_snapshot(self, m: Message, snapshot: Snapshot) -> None:
        if snapshot.index <= self.log.commit:
            self._send(Kind.APPEND_RESP, m.sender, index=self.log.commit)
            return
        if self.log.term(snapshot.index) == snapshot.term:
            self.log.commit_to(snapshot.index)
            self._send(Kind.APPEND_RESP, m.sender, index=snapshot.index)
            return
        self.log.restore(snapshot)
        self.conf = snapshot.conf
        self._new_snapshot = snapshot
        self._send(Kind.APPEND_RESP, m.sender, index=snapshot.index)

    # -- as the leader -------------------------------------------------------------------------------------------

    def _propose(self, m: Message) -> None:
        if self.role is not Role.LEADER:
            if not self.leader:
                raise ProposalDropped
            self._messages.append(m._replace(to=self.leader))
            return
        if self._transferee:
            raise ProposalDropped
        for entry in m.entries:
            if entry.kind is EntryKind.CONF and self._pending_conf > self.log.applied:
                raise ProposalDropped
        self._append([(entry.data, entry.kind) for entry in m.entries])

    def _append(self, contents: list[tuple[Any, EntryKind]]) -> None:
        start = self.log.last_index + 1
        entries = [Entry(start + n, self.term, data, kind) for n, (data, kind) in enumerate(contents)]
        for entry in entries:
            if entry.kind is EntryKind.CONF:
                self._pending_conf = entry.index
        self.log.append(entries)
        self.progress[self.id].accept(self.log.last_index)
        self._maybe_commit()
        self._broadcast()

    def _maybe_commit(self) -> bool:
        """Commit what a quorum has, if it is of this term (or before such a one)."""
        matches = sorted((self.progress[id].match for id in self.conf.voters), reverse=True)
        index = matches[self.conf.quorum - 1]
        if index <= self.log.commit or self.log.term(index) != self.term:
            return False
        self.log.commit_to(index)
        for read in self._early_reads:
            self._ask_read(read)
        self._early_reads = []
        return True

    def _broadcast(self) -> None:
        for id in self._others():
            self._send_append(id)

    def _send_append(self, id: int) -> None:
        progress = self.progress[id]
        if progress.waiting or progress.mode is Mode.SNAPSHOT:
            return
        before = progress.next - 1
        log_term = self.log.term(before)
        if log_term is None:
            progress.mode, progress.pending_snapshot = Mode.SNAPSHOT, self.log.snapshot.index
            self._send(Kind.SNAPSHOT, id, snapshot=self.log.snapshot)
            return
        entries = tuple(self.log.slice(progress.next, MAX_ENTRIES))
        if progress.mode is Mode.REPLICATE and entries:
            progress.next = entries[-1].index + 1
        elif progress.mode is Mode.PROBE:
            progress.waiting = True
        self._send(Kind.APPEND, id, index=before, log_term=log_term, entries=entries, commit=self.log.commit)

    def _hear_follower(self, m: Message) -> None:
        progress = self.progress[m.sender]
        progress.active = True
        if m.kind is Kind.HEARTBEAT_RESP:
            progress.waiting = False
            if progress.mode is Mode.SNAPSHOT or progress.match < self.log.last_index:
                if progress.mode is Mode.SNAPSHOT:
                    progress.mode = Mode.PROBE  # the snapshot may have been lost; try again
                else:
                    progress.mode, progress.next = Mode.PROBE, progress.match + 1
                self._send_append(m.sender)
            self._acknowledge_read(m)
        elif m.reject:
            if progress.reject(m.index, m.hint):
                self._send_append(m.sender)
        elif progress.accept(m.index):
            self._advance(m.sender, progress)

    def _advance(self, id: int, progress: Progress) -> None:
        if self._maybe_commit():
            self._broadcast()
        elif progress.next <= self.log.last_index:
            self._send_append(id)
        if id == self._transferee and progress.match == self.log.last_index:
            self._send(Kind.TIMEOUT_NOW, id)

    def _transfer(self, to: int) -> None:
        if self.role is not Role.LEADER or to == self.id or to not in self.conf.voters:
            return
        self._elapsed = 0
        self._transferee = to
        if self.progress[to].match == self.log.last_index:
            self._send(Kind.TIMEOUT_NOW, to)
        else:
            self.progress[to].waiting = False
            self._send_append(to)

    # -- reads ---------------------------------------------------------------------------------------------------

    def _ask_read(self, m: Message) -> None:
        if self.role is not Role.LEADER:
            if self.leader:
                self._messages.append(m._replace(to=self.leader))
            return
        if self.log.term(self.log.commit) != self.term:
            self._early_reads.append(m)
            return
        read = PendingRead(self.log.commit, m.sender, m.context, {self.id: None})
        if self.conf.quorum == 1:
            self._answer_read(read)
            return
        self._reads.append(read)
        self._heartbeat(m.context)

    def _acknowledge_read(self, m: Message) -> None:
        """A follower still follows: the read it names, and those before it, come nearer to an answer."""
        place = next((n for n, read in enumerate(self._reads) if read.context == m.context), None)
        if place is None or m.context is None:
            return
        self._reads[place].acks[m.sender] = None
        acks = [id for id in self._reads[place].acks if id in self.conf.voters]
        if len(acks) >= self.conf.quorum:
            answered, self._reads = self._reads[: place + 1], self._reads[place + 1 :]
            for read in answered:
                self._answer_read(read)

    def _answer_read(self, read: PendingRead) -> None:
        if read.origin == self.id:
            self._read_states.append(ReadState(read.index, read.context))
        else:
            self._send(Kind.READ_INDEX_RESP, read.origin, index=read.index, context=read.context)

    # -- the driver's side ---------------------------------------------------------------------------------------

    def _send(self, kind: Kind, to: int, **fields: Any) -> None:
        fields.setdefault("term", self.term)
        self._messages.append(Message(kind, to, self.id, **fields))

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote, self.log.commit)

    def ready(self) -> Ready | None:
        """What there is to do since the last time, None if nothing; counts as done when this is called again."""
        state = self.hard_state
        log = self.log
        entries = log.unsaved()
        committed = log.slice(log.applied + 1, log.commit - log.applied) if log.applied < log.commit else []
        changed = state != self._saved_state
        if not (changed or entries or committed or self._messages or self._read_states or self._new_snapshot):
            return None
        ready = Ready(
            state if changed else None,
            self._new_snapshot,
            entries,
            self._messages,
            committed,
            self._read_states,
        )
        self._saved_state, self._new_snapshot = state, None
        self._messages, self._read_states = [], []
        log.saved, log.applied = log.last_index, log.commit
        return ready

    def show(self) -> dict[str, Any]:
        """The member's state for a picture or a table."""
        return {
            "id": self.id,
            "role": self.role.value,
            "term": self.term,
            "vote": self.vote,
            "leader": self.leader,
            "commit": self.log.commit,
            "applied": self.log.applied,
            "first": self.log.snapshot.index + 1,
            "last": self.log.last_index,
            "voters": sorted(self.conf.voters),
            "learners": sorted(self.conf.learners),
            "followers": {
                id: {"match": progress.match, "next": progress.next, "mode": progress.mode.name.lower()}
                for id, progress in self.progress.items()
                if id != self.id
            },
        }


_LOCAL = (Kind.PROPOSE, Kind.READ_INDEX, Kind.READ_INDEX_RESP)
_FROM_LEADER = (Kind.APPEND, Kind.HEARTBEAT, Kind.SNAPSHOT)
