"""A cluster in a bad world, after a plan that can be cut down until only what makes it fail is left."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple

from kube_nb.etcd.backend import Compare, CompareTarget, Put
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.raft.core import Role
from kube_nb.etcd.raft.member import RaftMember
from kube_nb.etcd.raft.messages import Kind, Message
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd.raft.linearizability import NEVER, Operation, is_linearizable

KEYS = [b"x", b"y"]
CLIENTS, OPERATIONS = 4, 12
MISCHIEF = ["crash", "crash leader", "start", "start", "isolate", "heal", "jump", "compact"]


class Step(NamedTuple):
    """Something that happens at a time. who: a client (from 0), or -1 for mischief. pick: in [0, 1), chooses a member.

    number: the step's own; the value that it writes. other: the value that a compare-and-swap expects, or how far a
    clock jumps.
    """

    at_s: float
    who: int
    what: str
    pick: float
    number: int
    key: bytes = b""
    other: int = 0


class Plan(NamedTuple):
    """Everything that happens; the same plan runs the same way."""

    seed: int
    members: int
    jitter_s: float
    loss: float
    duplication: float
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, seed: int) -> "Plan":
        chance = random.Random(seed)
        members = chance.choice([3, 3, 5])
        network = chance.choice([0.0, 0.01, 0.2]), chance.choice([0.0, 0.05, 0.2]), chance.choice([0.0, 0.1])
        steps: list[Step] = []
        for client in range(CLIENTS):
            at_s = 0.0
            for _ in range(OPERATIONS):
                at_s += chance.uniform(0.0, 0.8)
                verb, key = chance.choice(["put", "get", "get", "cas"]), chance.choice(KEYS)
                steps.append(Step(at_s, client, verb, chance.random(), 0, key))
        at_s = 0.0
        while (at_s := at_s + chance.uniform(0.1, 2.5)) < 40:
            what = chance.choice(MISCHIEF)
            steps.append(Step(at_s, -1, what, chance.random(), 0, other=chance.randint(5, 40)))
        steps.sort()
        numbered = [
            step._replace(number=n, other=step.other if step.who < 0 else chance.randrange(max(n - 12, 1), n + 1))
            for n, step in enumerate(steps, 1)
        ]
        return cls(seed, members, *network, tuple(numbered))


class Failure(AssertionError):
    """What clients saw cannot have been one store, or Raft broke a rule; the message is the story."""


class World:
    """Runs a plan."""

    def __init__(self, plan: Plan, loop: ClusterLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.cluster = RaftCluster.of(loop, plan.members)
        self.ids = sorted(self.cluster.stable)
        self.histories: dict[bytes, list[Operation]] = {key: [] for key in KEYS}
        self.story: list[str] = []

    def note(self, began: float, *what: object) -> None:
        self.story.append(f"{began:8.3f} to {self.loop.time():8.3f}: {' '.join(map(str, what))}")

    async def run(self) -> None:
        network = self.cluster.network
        network.jitter_s, network.loss, network.duplication = self.plan[2:5]
        self.cluster.start()
        mischief = asyncio.create_task(self.follow(-1, self.mischief))
        await asyncio.gather(*(self.follow(client, self.operate) for client in range(CLIENTS)))
        mischief.cancel()
        await asyncio.gather(mischief, return_exceptions=True)
        network.heal()
        network.loss = 0.0
        self.cluster.start()
        await asyncio.sleep(20)
        self.check()
        self.cluster.stop()

    async def follow(self, who: int, do: Callable[[Step], Awaitable[None]]) -> None:
        """Somebody's steps, one after the other, none before its time."""
        for step in self.plan.steps:
            if step.who == who:
                await asyncio.sleep(max(step.at_s - self.loop.time(), 0))
                await do(step)

    # -- clients -------------------------------------------------------------------------------------------------

    async def operate(self, step: Step) -> None:
        running = [member for _, member in sorted(self.cluster.running.items())]
        if not running:
            return
        member = running[int(step.pick * len(running))]
        argument = {"put": step.number, "cas": (step.other, step.number)}.get(step.what)
        told = f"client {step.who} at {self.name(member.id)}: {step.what} {step.key.decode()} {argument or ''}"
        began = self.loop.time()
        try:
            result = await self.ask(member, step)
        except EtcdError as error:
            self.note(began, told, "->", error.message)
            if step.what != "get":
                self.histories[step.key].append(Operation(began, NEVER, step.what, argument, None))
            return
        self.note(began, told, "->", result)
        self.histories[step.key].append(Operation(began, self.loop.time(), step.what, argument, result))

    async def ask(self, member: RaftMember, step: Step) -> object:
        value = b"%d" % step.number
        if step.what == "put":
            await member.put(step.key, value)
            return None
        if step.what == "get":
            kvs = (await member.range(step.key)).kvs
            return int(kvs[0].value) if kvs else None
        condition = Compare(step.key, CompareTarget.VALUE, value=b"%d" % step.other)
        return (await member.txn([condition], [Put(step.key, value)])).succeeded

    # -- mischief ------------------------------------------------------------------------------------------------

    def name(self, id: int) -> int:
        return self.ids.index(id)

    async def mischief(self, step: Step) -> None:
        network, now_s = self.cluster.network, self.loop.time()
        down = [id for id in self.ids if id not in self.cluster.running]
        up = [id for id in self.ids if id in self.cluster.running]
        may_crash = len(down) * 2 + 2 < len(self.ids) + 1
        match step.what:
            case "crash" | "crash leader" if may_crash:
                leader = self.cluster.leader
                if step.what == "crash leader" and leader is None:
                    return
                id = leader.id if step.what == "crash leader" and leader else up[int(step.pick * len(up))]
                self.note(now_s, "crash", self.name(id))
                self.cluster.crash(id)
            case "start" if down:
                self.note(now_s, "start", self.name(down[0]))
                self.cluster.start(down[0])
            case "isolate":
                first, count = int(step.pick * len(self.ids)), 1 + step.other % (len(self.ids) // 2)
                ids = [self.ids[(first + n) % len(self.ids)] for n in range(count)]
                self.note(now_s, "isolate", [self.name(id) for id in ids])
                network.isolate(*ids)
            case "heal":
                self.note(now_s, "heal")
                network.heal()
            case "jump" if up:
                member = self.cluster.running[up[int(step.pick * len(up))]]
                self.note(now_s, "clock jump", self.name(member.id), "by", step.other, "ticks")
                for _ in range(step.other):
                    member.raft.tick()
                member.receive(Message(Kind.HEARTBEAT_RESP, member.id, member.id, member.raft.term))
            case "compact":
                self.note(now_s, "compact")
                for member in self.cluster.running.values():
                    member.compact_log(keep=0)

    # -- judging -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        stores = [member.store for _, member in sorted(self.cluster.running.items())]
        if len({(store.hash_kv(), store.revision) for store in stores}) != 1:
            raise Failure("the members differ in the end:\n" + self.told())
        for key, history in self.histories.items():
            if not is_linearizable(history):
                raise Failure(f"no order of the operations on {key.decode()} explains them:\n" + self.told())

    def told(self) -> str:
        return "\n".join(self.story)


class Invariants:
    """Raft's rules, looked at after every step of every member: one leader a term; entries applied at one place are
    the same everywhere; a leader has every entry that was applied before its term; logs that agree at an entry agree
    before it."""

    def __init__(self) -> None:
        self.leaders: dict[int, int] = {}
        self.applied: dict[int, tuple[int, object]] = {}
        self.applied_in: dict[int, int] = {}
        self.members: dict[int, RaftMember] = {}
        self.checked: dict[int, tuple[int, int, int]] = {}

    def applies(self, member: RaftMember, entry: Any) -> None:
        self.applied_in.setdefault(entry.index, member.raft.term)
        known = self.applied.setdefault(entry.index, (entry.term, entry.data))
        assert known == (entry.term, entry.data), f"entry {entry.index} differs: {known} and {entry}"

    def look(self, member: RaftMember) -> None:
        raft = member.raft
        self.members[member.id] = member
        if raft.role is Role.LEADER:
            assert self.leaders.setdefault(raft.term, raft.id) == raft.id, f"two leaders in term {raft.term}"
        state = (raft.log.last_index, raft.log.last_term, raft.log.snapshot.index)
        if self.checked.get(member.id) == state:
            return
        self.checked[member.id] = state
        if raft.role is Role.LEADER:
            for index, (term, _) in self.applied.items():
                if index > raft.log.snapshot.index and self.applied_in[index] <= raft.term:
                    assert raft.log.term(index) == term, f"the leader of term {raft.term} lacks entry {index}"
        for other in self.members.values():
            self.compare(raft, other.raft)

    def compare(self, raft: Any, other: Any) -> None:
        low = max(raft.log.snapshot.index, other.log.snapshot.index) + 1
        agree = False
        for index in range(min(raft.log.last_index, other.log.last_index), low - 1, -1):
            same = raft.log.term(index) == other.log.term(index)
            assert same or not agree, f"logs of {raft.id:x} and {other.id:x} agree after {index}, not at it"
            agree = agree or same


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Look at Raft's rules after every step of every member made inside."""
    invariants = Invariants()
    process, apply = RaftMember._process, RaftMember._apply

    def processed(self: RaftMember) -> None:
        process(self)
        if not self._closed:
            invariants.look(self)

    def applied(self: RaftMember, entry: Any) -> None:
        invariants.applies(self, entry)
        apply(self, entry)

    RaftMember._process, RaftMember._apply = processed, applied  # type: ignore[method-assign]
    try:
        yield
    finally:
        RaftMember._process, RaftMember._apply = process, apply  # type: ignore[method-assign]


def shrunk(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool], budget: int = 300) -> list[Step]:
    """As few of the steps as still fail, by leaving out ever smaller parts; at most `budget` tries."""
    kept = list(steps)
    size = len(kept) // 2
    while size:
        place = 0
        while place < len(kept) and budget:
            tried = kept[:place] + kept[place + size :]
            budget -= 1
            if fails(tried):
                kept = tried
            else:
                place += size
        size = size // 2 if budget else 0
    return kept
