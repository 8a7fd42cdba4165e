"""Transactions: what is refused before anything runs, which branch runs, and the running.

A `Writing` collects the events of one revision. All refusals come before the first write, so a txn is never half done.

Models server/etcdserver/api/v3rpc/key.go (checks) and server/etcdserver/txn/txn.go (apply).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kube_nb.etcd import interval, ranges
from kube_nb.etcd.backend import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    DeleteRangeResult,
    Event,
    KeyValue,
    Op,
    OpResult,
    Put,
    PutResult,
    Range,
    Txn,
    TxnResult,
)
from kube_nb.etcd.errors import (
    Compacted,
    DuplicateKey,
    EmptyKey,
    KeyNotFound,
    LeaseNotFound,
    LeaseProvided,
    TooManyOps,
    ValueProvided,
)
from kube_nb.etcd.history import History
from kube_nb.etcd.interval import Interval
from kube_nb.etcd.lease import Leases

#: How many compares, and how many operations a branch, one txn may have (--max-txn-ops).
MAX_TXN_OPS = 128
_ABSENT = KeyValue(b"")


# -- checks that need no store ---------------------------------------------------------------------------------------


def check_put(op: Put) -> None:
    if not op.key:
        raise EmptyKey
    if op.ignore_value and op.value:
        raise ValueProvided
    if op.ignore_lease and op.lease:
        raise LeaseProvided


def check_delete(op: DeleteRange) -> None:
    if not op.key:
        raise EmptyKey


def check(op: Txn, max_ops: int = MAX_TXN_OPS) -> None:
    """Refuse a txn that is malformed in any branch, taken or not."""
    _check_shape(op, max_ops)
    for branch in (op.success, op.failure):
        _check_duplicates(branch)


def size_bytes(op: Txn) -> int:
    """What the txn's keys and values weigh, both branches."""
    total = sum(len(c.key) + len(c.range_end) + (len(c.value) if isinstance(c.value, bytes) else 8) for c in op.compare)
    for sub in (*op.success, *op.failure):
        match sub:
            case Put():
                total += len(sub.key) + len(sub.value)
            case Txn():
                total += size_bytes(sub)
            case _:
                total += len(sub.key) + len(sub.range_end)
    return total


def puts(op: Txn) -> bool:
    """Whether one of its branches may put something."""
    return any(isinstance(sub, Put) or (isinstance(sub, Txn) and puts(sub)) for sub in (*op.success, *op.failure))


def _check_shape(op: Txn, max_ops: int) -> None:
    if max(len(op.compare), len(op.success), len(op.failure)) > max_ops:
        raise TooManyOps
    for compare in op.compare:
        if not compare.key:
            raise EmptyKey
    for sub in (*op.success, *op.failure):
        match sub:
            case Range():
                ranges.check(sub)
            case Put():
                check_put(sub)
            case DeleteRange():
                check_delete(sub)
            case Txn():
                _check_shape(sub, max_ops)


def _check_duplicates(ops: Sequence[Op]) -> tuple[dict[bytes, None], list[Interval]]:
    """Refuse two writes to one key in one branch; returns the keys that the branch puts and the intervals it deletes.

    Quirks kept: a put by a nested txn is not held against the deletions of a later nested one, nor any put against a
    deletion "from key on", whose end is taken literally here.
    """
    dels = [Interval(op.key, op.range_end or op.key + b"\0") for op in ops if isinstance(op, DeleteRange)]
    puts: dict[bytes, None] = {}
    for op in ops:
        if isinstance(op, Txn):
            then_puts, then_dels = _check_duplicates(op.success)
            else_puts, else_dels = _check_duplicates(op.failure)
            # the two branches exclude each other, so neither is held against the other
            either = {**then_puts, **else_puts}
            _refuse(either, puts, dels)
            puts.update(either)
            dels += then_dels + else_dels
    for op in ops:
        if isinstance(op, Put):
            _refuse((op.key,), puts, dels)
            puts[op.key] = None
    return puts, dels


def _refuse(keys: Iterable[bytes], puts: dict[bytes, None], dels: list[Interval]) -> None:
    for key in keys:
        if key in puts or any(key in deleted for deleted in dels):
            raise DuplicateKey


# -- choosing the branches -------------------------------------------------------------------------------------------


def holds(history: History, compare: Compare) -> bool:
    """Whether every key of the compare's interval satisfies it; an absent one counts as zeros, and has no value."""
    if not compare.range_end:
        kv = history.get(compare.key)
        kvs: Iterator[KeyValue] = iter(() if kv is None else (kv,))
    else:
        within = interval.of(compare.key, compare.range_end)
        kvs = iter(()) if within.empty else history.scan(within)
    present = False
    for kv in kvs:
        present = True
        if not _satisfies(compare, kv):
            return False
    return present or (compare.target != CompareTarget.VALUE and _satisfies(compare, _ABSENT))


_FIELDS = {
    CompareTarget.VERSION: "version",
    CompareTarget.CREATE: "create_revision",
    CompareTarget.MOD: "mod_revision",
    CompareTarget.VALUE: "value",
    CompareTarget.LEASE: "lease",
}


def _satisfies(compare: Compare, kv: KeyValue) -> bool:
    found: Any = getattr(kv, _FIELDS[CompareTarget(compare.target)])
    wanted: Any = compare.value
    match compare.result:
        case CompareResult.EQUAL:
            return bool(found == wanted)
        case CompareResult.NOT_EQUAL:
            return bool(found != wanted)
        case CompareResult.GREATER:
            return bool(found > wanted)
        case CompareResult.LESS:
            return bool(found < wanted)
    return True


def choose(history: History, op: Txn) -> dict[int, bool]:
    """Which branch each txn takes, by the identity of the txn value; nested ones see the state before any write."""
    path: dict[int, bool] = {}
    _choose(history, op, path)
    return path


def _choose(history: History, op: Txn, path: dict[int, bool]) -> None:
    chosen = path[id(op)] = all(holds(history, compare) for compare in op.compare)
    for sub in op.success if chosen else op.failure:
        if isinstance(sub, Txn):
            _choose(history, sub, path)


def check_branches(history: History, leases: Leases, op: Txn, path: dict[int, bool]) -> None:
    """Refuse what the chosen branches cannot do in this state; faults of puts come before those of reads."""
    chosen = list(_chosen(op, path))
    for sub in chosen:
        if isinstance(sub, Put):
            check_put_state(history, leases, sub)
    for sub in chosen:
        if isinstance(sub, Range) and sub.revision:
            ranges.check_revision(history, sub.revision)
            if sub.revision < history.compact_revision:
                raise Compacted


def _chosen(op: Txn, path: dict[int, bool]) -> Iterator[Op]:
    for sub in op.success if path[id(op)] else op.failure:
        if isinstance(sub, Txn):
            yield from _chosen(sub, path)
        else:
            yield sub


def check_put_state(history: History, leases: Leases, op: Put) -> None:
    if (op.ignore_value or op.ignore_lease) and history.get(op.key) is None:
        raise KeyNotFound
    if op.lease and op.lease not in leases:
        raise LeaseNotFound


# -- running ---------------------------------------------------------------------------------------------------------


class Writing:
    """The writes of one revision under way. `events` is what `Store` commits; empty: nothing happened."""

    __slots__ = ("events", "history", "leases")

    def __init__(self, history: History, leases: Leases) -> None:
        self.history = history
        self.leases = leases
        self.events: list[Event] = []

    @property
    def revision(self) -> int:
        return self.history.revision + (1 if self.events else 0)

    def put(self, op: Put) -> PutResult:
        old = self.history.get(op.key)
        value, lease = op.value, op.lease
        if old is not None:
            value = old.value if op.ignore_value else value
            lease = old.lease if op.ignore_lease else lease
        event = self.history.put(op.key, value, lease, old)
        self.events.append(event)
        self.leases.move(op.key, old.lease if old is not None else 0, lease)
        return PutResult(self.revision, old if op.prev_kv else None)

    def delete(self, op: DeleteRange) -> DeleteRangeResult:
        if op.range_end:
            within = interval.of(op.key, op.range_end)
            found = [] if within.empty else list(self.history.scan(within))
        else:
            kv = self.history.get(op.key)
            found = [] if kv is None else [kv]
        for kv in found:
            self.events.append(self.history.delete(kv))
            self.leases.move(kv.key, kv.lease, 0)
        return DeleteRangeResult(self.revision, len(found), found if op.prev_kv else [])

    def txn(self, op: Txn, path: dict[int, bool]) -> TxnResult:
        chosen = path[id(op)]
        responses = [self._run(sub, path) for sub in (op.success if chosen else op.failure)]
        return TxnResult(self.revision, chosen, responses)

    def _run(self, op: Op, path: dict[int, bool]) -> OpResult:
        match op:
            case Range():
                return ranges.read(self.history, op, self.revision)
            case Put():
                return self.put(op)
            case DeleteRange():
                return self.delete(op)
            case Txn():
                return self.txn(op, path)._replace(revision=0)
