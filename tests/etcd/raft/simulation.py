"""Members on a bad network, step by step, with Raft's invariants checked after each."""

import contextlib
import random
from dataclasses import dataclass, field

from kube_nb.etcd.raft.core import ProposalDropped, Raft, Role
from kube_nb.etcd.raft.messages import (
    Conf,
    ConfChange,
    Entry,
    EntryKind,
    HardState,
    Message,
    ReadState,
    Ready,
    Snapshot,
)


@dataclass
class Disk:
    """What a member has saved."""

    hard_state: HardState
    snapshot: Snapshot
    entries: list[Entry] = field(default_factory=list)

    def save(self, ready: Ready) -> None:
        if ready.hard_state is not None:
            self.hard_state = ready.hard_state
        if ready.snapshot is not None:
            self.snapshot, self.entries = ready.snapshot, []
        for entry in ready.entries:
            keep = entry.index - self.snapshot.index - 1
            del self.entries[keep:]
            self.entries.append(entry)

    def compact(self, snapshot: Snapshot) -> None:
        self.entries = self.entries[snapshot.index - self.snapshot.index :]
        self.snapshot = snapshot


class Simulation:
    """members by id 1..n. A message is delivered, lost, duplicated or overtaken as `chance` has it."""

    def __init__(self, count: int, seed: int, *, loss: float = 0.0, duplication: float = 0.0, delay: int = 1) -> None:
        self.chance = random.Random(seed)
        self.loss, self.duplication, self.delay = loss, duplication, delay
        conf = Conf(frozenset(range(1, count + 1)))
        self.disks = {id: Disk(HardState(1, 0, 1), Snapshot(1, 1, conf, ())) for id in sorted(conf.voters)}
        self.members: dict[int, Raft] = {}
        self.applied: dict[int, list[object]] = {}
        self.reads: dict[int, list[ReadState]] = {id: [] for id in self.disks}
        self.cut: set[frozenset[int]] = set()
        self.flying: list[tuple[int, int, Message]] = []
        self.time = 0
        self.number = 0
        self.leaders: dict[int, int] = {}
        self.agreed: dict[int, tuple[int, object]] = {}
        self.committed_in: dict[int, int] = {}  # the term of the first member that applied the entry
        self.checked: dict[int, tuple[int, int, int]] = {}
        self.story: list[str] = []
        for id in self.disks:
            self.start(id)

    # -- what happens to members ---------------------------------------------------------------------------------

    def start(self, id: int) -> None:
        disk = self.disks[id]
        stream = random.Random(self.chance.random())
        self.members[id] = Raft(id, disk.hard_state, disk.snapshot, disk.entries, stream)
        self.applied[id] = list(disk.snapshot.data)
        self.reads[id] = []
        self.process(id)

    def crash(self, id: int) -> None:
        self.story.append(f"{self.time}: {id} crashes")
        del self.members[id]

    def join(self, id: int) -> None:
        """A new member that knows nothing yet."""
        self.disks[id] = Disk(HardState(), Snapshot(0, 0, Conf(frozenset()), ()))
        self.start(id)

    def partition(self, *groups: set[int]) -> None:
        self.story.append(f"{self.time}: partition {groups}")
        self.cut = {frozenset((a, b)) for g in groups for h in groups if g is not h for a in g for b in h}

    def heal(self) -> None:
        self.cut = set()

    def propose(self, id: int, data: object, kind: EntryKind = EntryKind.NORMAL) -> bool:
        try:
            self.members[id].propose(data, kind)
        except ProposalDropped:
            return False
        self.process(id)
        return True

    def compact(self, id: int) -> None:
        """Let a snapshot stand for what the member has applied."""
        raft = self.members[id]
        index = raft.log.applied
        term = raft.log.term(index)
        if term is None or index == raft.log.snapshot.index:
            return
        snapshot = Snapshot(index, term, raft.conf, tuple(self.applied[id]))
        raft.log.compact(snapshot)
        self.disks[id].compact(snapshot)

    # -- time ----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        self.time += 1
        for id in list(self.members):
            if self.chance.random() > 0.02 or not self.loss:  # clocks that now and then stand still
                self.members[id].tick()
                self.process(id)
        due = sorted(item for item in self.flying if item[0] <= self.time)
        self.flying = [item for item in self.flying if item[0] > self.time]
        for _, _, message in due:
            self.deliver(message)

    def deliver(self, message: Message) -> None:
        if message.to in self.members and frozenset((message.sender, message.to)) not in self.cut:
            with contextlib.suppress(ProposalDropped):  # forwarded to one who no longer leads
                self.members[message.to].step(message)
            self.process(message.to)

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick()

    def process(self, id: int) -> None:
        raft = self.members[id]
        while (ready := raft.ready()) is not None:
            self.disks[id].save(ready)
            for message in ready.messages:
                self.fly(message)
            if ready.snapshot is not None:
                self.applied[id] = list(ready.snapshot.data)
            for entry in ready.committed:
                self.apply(id, entry)
            self.reads[id] += ready.reads
        self.check(id)

    def fly(self, message: Message) -> None:
        copies = 1 + (self.chance.random() < self.duplication)
        for _ in range(copies):
            if self.chance.random() >= self.loss:
                self.number += 1
                self.flying.append((self.time + self.chance.randint(1, self.delay), self.number, message))

    def apply(self, id: int, entry: Entry) -> None:
        self.committed_in.setdefault(entry.index, self.members[id].term)
        previous = self.agreed.setdefault(entry.index, (entry.term, entry.data))
        assert previous == (entry.term, entry.data), f"entry {entry.index} differs at {id}: {previous} and {entry}"
        if entry.kind is EntryKind.CONF:
            assert isinstance(entry.data, ConfChange)
            self.members[id].apply_conf_change(entry.data)
        elif entry.data is not None:
            self.applied[id].append(entry.data)

    # -- invariants ----------------------------------------------------------------------------------------------

    def check(self, id: int) -> None:
        raft = self.members[id]
        if raft.role is Role.LEADER:
            assert self.leaders.setdefault(raft.term, id) == id, f"two leaders in term {raft.term}"
            for index, (term, _) in self.agreed.items():
                if self.committed_in[index] > raft.term:
                    continue  # a leader of the past, which has not heard yet
                assert index <= raft.log.snapshot.index or raft.log.term(index) == term, f"leader {id} lacks {index}"
        state = (raft.log.last_index, raft.log.last_term, raft.log.snapshot.index)
        if self.checked.get(id) != state:  # else nothing that could have broken it
            self.check_logs(raft)
            self.checked[id] = state

    def check_logs(self, raft: Raft) -> None:
        """Logs that agree at an entry agree before it."""
        for other in self.members.values():
            low = max(raft.log.snapshot.index, other.log.snapshot.index) + 1
            agree = False
            for index in range(min(raft.log.last_index, other.log.last_index), low - 1, -1):
                same = raft.log.term(index) == other.log.term(index)
                agree = agree or same
                assert same or not agree, f"logs of {raft.id} and {other.id} agree after {index}, not at it"

    # -- looking -------------------------------------------------------------------------------------------------

    @property
    def leader(self) -> int:
        """The leader of the latest term, 0 if there is none."""
        leaders = [(raft.term, id) for id, raft in self.members.items() if raft.role is Role.LEADER]
        return max(leaders)[1] if leaders else 0

    def elect(self) -> int:
        for _ in range(400):
            if self.leader:
                return self.leader
            self.tick()
        raise AssertionError("no leader gets elected:\n" + "\n".join(self.story))
