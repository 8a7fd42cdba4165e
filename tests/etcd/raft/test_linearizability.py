"""What clients see of members that crash, get cut off and lose messages is what one store would have shown them.

KUBE_NB_SEEDS=N looks at N seeds; a failing one prints its story.
"""

import asyncio
import os
import random

import pytest

from kube_nb.etcd.backend import Compare, CompareTarget, Put
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.raft.member import RaftMember
from kube_nb.etcd.raft.messages import Kind, Message
from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd.raft.linearizability import NEVER, Operation, is_linearizable

SEEDS = int(os.environ.get("KUBE_NB_SEEDS", "500" if os.environ.get("KUBE_NB_NO_SKIP") == "1" else "25"))
KEYS = [b"x", b"y"]
MISCHIEF = ["crash", "crash leader", "start", "start", "isolate", "heal", "jump", "compact"]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param([Operation(0, 1, "put", 1, None), Operation(2, 3, "get", None, 1)], True, id="read your write"),
        pytest.param([Operation(0, 1, "put", 1, None), Operation(2, 3, "get", None, None)], False, id="a stale read"),
        pytest.param([Operation(0, 5, "put", 1, None), Operation(1, 2, "get", None, None)], True, id="both at once"),
        pytest.param(
            [Operation(0, 9, "put", 1, None), Operation(1, 2, "get", None, 1), Operation(3, 4, "get", None, None)],
            False,
            id="a value that comes and goes",
        ),
        pytest.param(
            [Operation(0, NEVER, "put", 1, None), Operation(5, 6, "get", None, 1)], True, id="unknown, then seen"
        ),
        pytest.param(
            [Operation(0, NEVER, "put", 1, None), Operation(5, 6, "get", None, None)], True, id="unknown, never seen"
        ),
        pytest.param(
            [Operation(0, 1, "cas", (None, 1), True), Operation(0, 1, "cas", (None, 2), True)], False, id="two winners"
        ),
    ],
)
def test_the_checker_tells_right_from_wrong(history: list[Operation], expected: bool) -> None:
    assert is_linearizable(history) is expected


class World:
    """Clients and a mischief-maker around a cluster."""

    def __init__(self, seed: int, loop: ClusterLoop) -> None:
        self.chance = random.Random(seed)
        self.loop = loop
        self.cluster = RaftCluster.of(loop, self.chance.choice([3, 3, 5]))
        self.ids = sorted(self.cluster.stable)
        self.histories: dict[bytes, list[Operation]] = {key: [] for key in KEYS}
        self.story: list[str] = []
        self.value = 0

    async def client(self) -> None:
        for _ in range(12):
            await asyncio.sleep(self.chance.uniform(0.0, 0.8))
            running = [member for _, member in sorted(self.cluster.running.items())]
            if running:
                await self.operate(self.chance.choice(running))

    async def operate(self, member: RaftMember) -> None:
        key = self.chance.choice(KEYS)
        verb = self.chance.choice(["put", "get", "get", "cas"])
        self.value += 1
        argument: object = None
        began = self.loop.time()
        try:
            if verb == "put":
                argument = self.value
                await member.put(key, b"%d" % self.value)
                result: object = None
            elif verb == "get":
                kvs = (await member.range(key)).kvs
                result = int(kvs[0].value) if kvs else None
            else:
                old = self.chance.randrange(max(self.value - 6, 1), self.value + 1)
                argument = (old, self.value)
                condition = Compare(key, CompareTarget.VALUE, value=b"%d" % old)
                result = (await member.txn([condition], [Put(key, b"%d" % self.value)])).succeeded
        except EtcdError as error:
            if verb == "get":
                return
            self.note(began, key, verb, argument, error.message)
            self.histories[key].append(Operation(began, NEVER, verb, argument, None))
            return
        self.note(began, key, verb, argument, result)
        self.histories[key].append(Operation(began, self.loop.time(), verb, argument, result))

    def note(self, began: float, *what: object) -> None:
        self.story.append(f"{began:8.3f} to {self.loop.time():8.3f}: {' '.join(map(str, what))}")

    async def mischief(self) -> None:
        network = self.cluster.network
        network.jitter_s = self.chance.choice([0.0, 0.01, 0.2])
        network.loss = self.chance.choice([0.0, 0.05, 0.2])
        network.duplication = self.chance.choice([0.0, 0.1])
        while True:
            await asyncio.sleep(self.chance.uniform(0.1, 2.5))
            down = [id for id in self.ids if id not in self.cluster.running]
            match self.chance.choice(MISCHIEF):
                case "crash" if len(down) * 2 + 2 < len(self.ids) + 1:
                    self.crash(self.chance.choice([id for id in self.ids if id not in down]))
                case "crash leader" if self.cluster.leader and len(down) * 2 + 2 < len(self.ids) + 1:
                    self.crash(self.cluster.leader.id)
                case "start" if down:
                    self.note(self.loop.time(), "start", f"{down[0]:x}")
                    self.cluster.start(down[0])
                case "isolate":
                    ids = self.chance.sample(self.ids, self.chance.randint(1, len(self.ids) // 2))
                    self.note(self.loop.time(), "isolate", [f"{id:x}" for id in ids])
                    network.isolate(*ids)
                case "heal":
                    self.note(self.loop.time(), "heal")
                    network.heal()
                case "jump" if self.cluster.running:
                    member = self.chance.choice([member for _, member in sorted(self.cluster.running.items())])
                    self.note(self.loop.time(), "clock jump", f"{member.id:x}")
                    for _ in range(self.chance.randint(5, 40)):
                        member.raft.tick()
                    member.receive(Message(Kind.HEARTBEAT_RESP, member.id, member.id, member.raft.term))
                case "compact":
                    for member in self.cluster.running.values():
                        member.compact_log(keep=0)

    def crash(self, id: int) -> None:
        self.note(self.loop.time(), "crash", f"{id:x}")
        self.cluster.crash(id)

    async def run(self) -> None:
        self.cluster.start()
        mischief = asyncio.create_task(self.mischief())
        await asyncio.gather(*(self.client() for _ in range(4)))
        mischief.cancel()
        await asyncio.gather(mischief, return_exceptions=True)
        self.cluster.network.heal()
        self.cluster.network.loss = 0.0
        self.cluster.start()
        await asyncio.sleep(20)
        self.check()
        self.cluster.stop()

    def check(self) -> None:
        stores = [member.store for _, member in sorted(self.cluster.running.items())]
        assert len({store.hash_kv() for store in stores}) == 1, "the members differ in the end"
        assert len({store.revision for store in stores}) == 1
        for key, history in self.histories.items():
            assert is_linearizable(history), f"{key!r}:\n" + "\n".join(self.story)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_clients_see_one_store(seed: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        await World(seed, loop).run()

    cluster_loop.run(main(), seed=seed)
