"""Random commands for a store, and running them on any `Backend`."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from hypothesis import strategies as st

from kube_nb.etcd.backend import Backend, Compare, CompareTarget, DeleteRange, Op, Put, Range, Txn
from kube_nb.etcd.errors import EtcdError


class Grant(NamedTuple):
    id: int
    ttl_s: int


class Revoke(NamedTuple):
    id: int


class TimeToLive(NamedTuple):
    id: int


class Compact(NamedTuple):
    back: int


class OptimisticPut(NamedTuple):
    key: bytes
    value: bytes
    back: int
    get_on_failure: bool


Command: TypeAlias = Op | Grant | Revoke | TimeToLive | Compact | OptimisticPut

KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"aa", b"b\xff"])
ENDS = st.sampled_from([b"", b"b", b"c", b"e", b"\0", b"a", b"\xff"])
LEASES = st.sampled_from([0, 0, 0, 101, 102, 103])
VALUES = st.binary(max_size=3)
#: How far behind (or ahead of, below 0) the present revision a read looks; 99 is "now".
BACK = st.sampled_from([99, 99, 99, 99, 0, 1, 2, 5, -1])
FILTER = st.sampled_from([99, 99, 99, 99, 99, 0, 1, 3])

RANGES = st.builds(
    Range,
    KEYS | st.just(b""),
    ENDS,
    limit=st.sampled_from([0, 0, 0, 1, 2, 9, -1]),
    revision=BACK,
    sort_order=st.sampled_from([0, 0, 1, 2]),
    sort_target=st.integers(0, 4),
    serializable=st.booleans(),
    keys_only=st.booleans(),
    count_only=st.sampled_from([False, False, False, True]),
    min_mod_revision=FILTER,
    max_mod_revision=FILTER,
    min_create_revision=FILTER,
    max_create_revision=FILTER,
)
PUTS = st.one_of(
    st.builds(Put, KEYS, VALUES, lease=LEASES, prev_kv=st.booleans()),
    st.builds(
        Put,
        KEYS | st.just(b""),
        st.just(b"") | VALUES,
        lease=LEASES,
        prev_kv=st.booleans(),
        ignore_value=st.booleans(),
        ignore_lease=st.booleans(),
    ),
)
DELETES = st.builds(DeleteRange, KEYS | st.just(b""), ENDS, prev_kv=st.booleans())


@st.composite
def _compares(draw: Callable[[Any], Any]) -> Compare:
    target = CompareTarget(draw(st.integers(0, 4)))
    numbers = {CompareTarget.LEASE: LEASES, CompareTarget.VERSION: st.integers(0, 3)}
    value = draw(VALUES if target is CompareTarget.VALUE else numbers.get(target, BACK))
    return Compare(draw(KEYS), target, draw(st.integers(0, 3)), value, draw(ENDS))


def _txns(inner: "st.SearchStrategy[Op]") -> "st.SearchStrategy[Txn]":
    ops = st.lists(inner, max_size=4)
    return st.builds(Txn, st.lists(_compares(), max_size=2), ops, ops)


OPS = st.one_of(RANGES, PUTS, DELETES)
TXNS = st.one_of(_txns(OPS), _txns(OPS | _txns(OPS)), _txns(OPS | _txns(OPS | _txns(OPS))))
COMMANDS: "st.SearchStrategy[Command]" = st.one_of(
    PUTS,
    PUTS,
    RANGES,
    DELETES,
    TXNS,
    TXNS,
    st.builds(OptimisticPut, KEYS, VALUES, st.sampled_from([0, 1, 2, 99]), st.booleans()),
    st.builds(Grant, st.sampled_from([101, 102, 103]), st.sampled_from([100, 200, 300, 10_000_000_000])),
    st.builds(Revoke, st.sampled_from([101, 102, 103])),
    st.builds(TimeToLive, st.sampled_from([101, 102, 103])),
    st.builds(Compact, st.sampled_from([0, 1, 2, 3, 8, -1])),
)


def placed(command: Any, revision: int) -> Any:
    """The command with its revisions counted from the present one."""

    def at(back: int) -> int:
        return 0 if back == 99 else max(revision - back, 0)

    match command:
        case Range():
            fields = ("revision", "min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision")
            return command._replace(**{field: at(getattr(command, field)) for field in fields})
        case Txn():
            compare = [
                c._replace(value=at(c.value)) if c.target in (CompareTarget.MOD, CompareTarget.CREATE) else c
                for c in command.compare
            ]
            branches = [[placed(op, revision) for op in branch] for branch in command[1:]]
            return Txn(compare, *branches)
    return command


async def run(command: Command, backend: Backend, revision: int) -> Any:
    """The result of a placed command, or the text and code of its error."""
    try:
        return await _run(command, backend, revision)
    except EtcdError as error:
        return error.message, int(error.code)


async def _run(command: Command, backend: Backend, revision: int) -> Any:
    match command:
        case Range():
            return _settled(command, await backend.range(**command._asdict()))
        case Put():
            return await backend.put(**command._asdict())
        case DeleteRange():
            return await backend.delete_range(**command._asdict())
        case Txn():
            return _settled(command, await backend.txn(*command))
        case OptimisticPut():
            expected = 0 if command.back == 99 else revision - command.back
            result = await backend.optimistic_put(
                command.key, command.value, expected, get_on_failure=command.get_on_failure
            )
            return result._replace(revision=0) if not result.succeeded else result
        case Grant():
            return await backend.lease_grant(command.ttl_s, command.id)
        case Revoke():
            return await backend.lease_revoke(command.id)
        case TimeToLive():
            found = await backend.lease_time_to_live(command.id, keys=True)
            return found._replace(ttl_s=min(found.ttl_s, 0), keys=sorted(found.keys))
        case Compact():
            return await backend.compact(revision - command.back)


def _settled(command: Any, result: Any) -> Any:
    """The result with ties in sorted ranges put in order: etcd's sort is not stable, so their order means nothing."""
    match command:
        case Range() if command.sort_target != 0:
            if 0 < command.limit < result.count:
                return result._replace(kvs=len(result.kvs))
            return result._replace(kvs=sorted(result.kvs))
        case Txn():
            ops = command.success if result.succeeded else command.failure
            return result._replace(responses=[_settled(*pair) for pair in zip(ops, result.responses, strict=True)])
    return result
