"""Revisions, ranges, puts, deletes, transactions and compaction of the plain store."""

import pytest

from kube_nb.etcd import errors
from kube_nb.etcd.backend import (
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    KeyValue,
    Put,
    Range,
    RangeResult,
    SortOrder,
    SortTarget,
    Txn,
    TxnResult,
    prefix_end,
)
from kube_nb.etcd.store import Store

ALL = (b"\0", b"\0")


def filled(*keys: str) -> Store:
    """A store with these keys, the first written at revision 2; each value is the key in capitals."""
    store = Store()
    for key in keys:
        store.put(Put(key.encode(), key.upper().encode()))
    return store


def keys(result: RangeResult) -> list[bytes]:
    return [kv.key for kv in result.kvs]


def test_a_new_store_is_at_revision_1() -> None:
    store = Store()
    assert store.range(Range(*ALL)) == RangeResult(1, [], 0, False)
    assert store.compact_revision == -1


def test_a_put_makes_one_revision_and_counts_versions() -> None:
    store = Store()
    assert store.put(Put(b"a", b"1")).revision == 2
    result = store.put(Put(b"a", b"2", prev_kv=True))
    assert result.revision == 3
    assert result.prev_kv == KeyValue(b"a", b"1", 2, 2, 1)
    assert store.range(Range(b"a")).kvs == [KeyValue(b"a", b"2", 2, 3, 2)]


def test_a_key_put_after_its_deletion_starts_a_new_life() -> None:
    store = filled("a")
    store.delete_range(DeleteRange(b"a"))
    store.put(Put(b"a", b"new"))
    assert store.range(Range(b"a")).kvs == [KeyValue(b"a", b"new", 4, 4, 1)]
    assert store.range(Range(b"a", revision=3)).kvs == []
    assert store.range(Range(b"a", revision=2)).kvs == [KeyValue(b"a", b"A", 2, 2, 1)]


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        pytest.param(Range(b"b"), [b"b"], id="one key"),
        pytest.param(Range(b"x"), [], id="an absent key"),
        pytest.param(Range(b"b", b"d"), [b"b", b"c"], id="the end is exclusive"),
        pytest.param(Range(b"b", b"\0"), [b"b", b"c", b"d"], id="from key on"),
        pytest.param(Range(b"\0", b"\0"), [b"a", b"b", b"c", b"d"], id="everything"),
        pytest.param(Range(b"c", b"c"), [], id="an empty interval"),
        pytest.param(Range(b"d", b"b"), [], id="an interval that ends before it starts"),
        pytest.param(Range(*ALL, limit=2), [b"a", b"b"], id="a limit"),
        pytest.param(Range(*ALL, limit=9), [b"a", b"b", b"c", b"d"], id="a limit above the size"),
        pytest.param(Range(*ALL, limit=-3), [b"a", b"b", b"c", b"d"], id="a negative limit is none"),
        pytest.param(Range(*ALL, sort_order=SortOrder.DESCEND, limit=1), [b"d"], id="the last key"),
        pytest.param(
            Range(*ALL, sort_order=SortOrder.DESCEND, sort_target=SortTarget.MOD),
            [b"a", b"d", b"c", b"b"],
            id="by last change",
        ),
        pytest.param(Range(*ALL, sort_target=SortTarget.MOD), [b"b", b"c", b"d", b"a"], id="no order means ascending"),
        pytest.param(Range(*ALL, min_mod_revision=4, max_mod_revision=5), [b"c", b"d"], id="by mod revision"),
        pytest.param(Range(*ALL, min_create_revision=3, max_create_revision=4), [b"b", b"c"], id="by create revision"),
        pytest.param(Range(*ALL, revision=3), [b"a", b"b"], id="at an old revision"),
    ],
)
def test_a_range_gives(op: Range, expected: list[bytes]) -> None:
    store = filled("a", "b", "c", "d", "a")
    assert keys(store.range(op)) == expected


def test_count_is_of_the_interval_and_more_tells_of_the_cut() -> None:
    store = filled("a", "b", "c")
    result = store.range(Range(*ALL, limit=2))
    assert (result.count, result.more) == (3, True)
    result = store.range(Range(*ALL, limit=3))
    assert (result.count, result.more) == (3, False)
    result = store.range(Range(*ALL, limit=1, count_only=True))
    assert (result.count, result.more, result.kvs) == (3, False, [])
    result = store.range(Range(*ALL, max_mod_revision=2))
    assert (result.count, keys(result)) == (3, [b"a"])
    result = store.range(Range(*ALL, revision=3, limit=1))
    assert (result.count, result.more, result.revision) == (2, True, 4)


def test_keys_only_drops_the_values() -> None:
    store = filled("a")
    assert store.range(Range(*ALL, keys_only=True)).kvs == [KeyValue(b"a", b"", 2, 2, 1)]


@pytest.mark.parametrize(
    ("op", "error"),
    [
        pytest.param(Range(b""), errors.EmptyKey, id="empty key"),
        pytest.param(Range(b"a", revision=9), errors.FutureRevision, id="future revision"),
        pytest.param(Range(b"a", revision=2), errors.Compacted, id="compacted revision"),
        pytest.param(Range(b"a", sort_order=7), errors.InvalidSortOption, id="unknown order"),
        pytest.param(Range(b"a", sort_target=9), errors.InvalidSortOption, id="unknown target"),
    ],
)
def test_a_range_refuses(op: Range, error: type[errors.EtcdError]) -> None:
    store = filled("a", "b", "c")
    store.compact(3)
    with pytest.raises(error):
        store.range(op)


@pytest.mark.parametrize(
    ("op", "error"),
    [
        pytest.param(Put(b""), errors.EmptyKey, id="empty key"),
        pytest.param(Put(b"a", b"x", ignore_value=True), errors.ValueProvided, id="value with ignore_value"),
        pytest.param(Put(b"a", lease=3, ignore_lease=True), errors.LeaseProvided, id="lease with ignore_lease"),
        pytest.param(Put(b"x", ignore_value=True), errors.KeyNotFound, id="ignore_value of an absent key"),
        pytest.param(Put(b"x", ignore_lease=True), errors.KeyNotFound, id="ignore_lease of an absent key"),
        pytest.param(Put(b"a", lease=77), errors.LeaseNotFound, id="unknown lease"),
        pytest.param(Put(b"a", b"x" * 1_600_000), errors.RequestTooLarge, id="too large"),
    ],
)
def test_a_put_refuses_and_stores_nothing(op: Put, error: type[errors.EtcdError]) -> None:
    store = filled("a")
    with pytest.raises(error):
        store.put(op)
    assert store.revision == 2
    assert store.range(Range(*ALL)).kvs == [KeyValue(b"a", b"A", 2, 2, 1)]


def test_ignore_value_and_ignore_lease_keep_what_is_there() -> None:
    store = Store()
    store.lease_grant(10, 5, 0.0)
    store.put(Put(b"a", b"v", lease=5))
    store.put(Put(b"a", ignore_value=True))
    assert store.range(Range(b"a")).kvs == [KeyValue(b"a", b"v", 2, 3, 2, 0)]
    store.put(Put(b"a", b"w", lease=5))
    store.put(Put(b"a", b"x", ignore_lease=True))
    assert store.range(Range(b"a")).kvs == [KeyValue(b"a", b"x", 2, 5, 4, 5)]


def test_a_delete_of_nothing_leaves_the_revision() -> None:
    store = filled("a", "b", "c")
    assert store.delete_range(DeleteRange(b"x", b"z")) == (4, 0, [])
    result = store.delete_range(DeleteRange(b"a", b"c", prev_kv=True))
    assert (result.revision, result.deleted, [kv.value for kv in result.prev_kvs]) == (5, 2, [b"A", b"B"])
    assert store.revision == 5


def compare(target: CompareTarget, result: CompareResult, value: int | bytes, key: bytes = b"a") -> Compare:
    return Compare(key, target, result, value)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(compare(CompareTarget.MOD, CompareResult.EQUAL, 3), True, id="mod revision"),
        pytest.param(compare(CompareTarget.CREATE, CompareResult.LESS, 3), True, id="create revision"),
        pytest.param(compare(CompareTarget.VERSION, CompareResult.GREATER, 1), True, id="version"),
        pytest.param(compare(CompareTarget.VERSION, CompareResult.NOT_EQUAL, 2), False, id="not equal"),
        pytest.param(compare(CompareTarget.VALUE, CompareResult.EQUAL, b"A"), True, id="value"),
        pytest.param(compare(CompareTarget.LEASE, CompareResult.EQUAL, 0), True, id="lease"),
        pytest.param(compare(CompareTarget.MOD, CompareResult.EQUAL, 0, b"x"), True, id="an absent key counts as 0"),
        pytest.param(compare(CompareTarget.VALUE, CompareResult.EQUAL, b"", b"x"), False, id="it has no value"),
        pytest.param(
            compare(CompareTarget.VALUE, CompareResult.NOT_EQUAL, b"y", b"x"), False, id="so no value compare holds"
        ),
        pytest.param(
            Compare(b"a", CompareTarget.VERSION, CompareResult.GREATER, 0, b"c"), True, id="every key of an interval"
        ),
        pytest.param(
            Compare(b"a", CompareTarget.VERSION, CompareResult.EQUAL, 1, b"c"), False, id="one key of it does not"
        ),
    ],
)
def test_a_compare_holds(condition: Compare, expected: bool) -> None:
    store = filled("a", "a", "b")
    assert store.txn(Txn([condition])).succeeded is expected


def test_a_txn_makes_one_revision_and_reads_its_own_writes() -> None:
    store = filled("a")
    result = store.txn(
        Txn([], [Range(b"b"), Put(b"b", b"1"), Range(*ALL), DeleteRange(b"a"), Range(*ALL), Range(b"a", revision=2)])
    )
    assert result.revision == 3
    before, put, between, deleted, after, old = result.responses
    assert before == RangeResult(2, [], 0)
    assert put == (3, None)
    assert isinstance(between, RangeResult)
    assert keys(between) == [b"a", b"b"]
    assert deleted == (3, 1, [])
    assert isinstance(after, RangeResult)
    assert after.kvs == [KeyValue(b"b", b"1", 3, 3, 1)]
    assert old == RangeResult(3, [KeyValue(b"a", b"A", 2, 2, 1)], 1)


def test_a_read_only_txn_and_one_that_deletes_nothing_leave_the_revision() -> None:
    store = filled("a")
    assert store.txn(Txn([], [Range(b"a"), DeleteRange(b"x")])).revision == 2
    assert store.revision == 2


def test_nested_txns_choose_by_the_state_before_any_write() -> None:
    store = filled("a")
    nested = Txn(
        [compare(CompareTarget.VERSION, CompareResult.EQUAL, 0, b"b")], [Put(b"c", b"yes")], [Put(b"c", b"no")]
    )
    result = store.txn(Txn([], [Put(b"b", b"1"), nested]))
    assert isinstance(result.responses[1], TxnResult)
    assert result.responses[1].succeeded
    assert store.range(Range(b"c")).kvs[0].value == b"yes"


@pytest.mark.parametrize(
    ("op", "error"),
    [
        pytest.param(Txn([], [Put(b"a"), Put(b"a")]), errors.DuplicateKey, id="two puts"),
        pytest.param(Txn([], [Put(b"a"), DeleteRange(b"a")]), errors.DuplicateKey, id="put and delete"),
        pytest.param(Txn([], [DeleteRange(b"a", b"c"), Put(b"b")]), errors.DuplicateKey, id="delete range and put"),
        pytest.param(Txn([], [Put(b"a"), Txn([], [Put(b"a")])]), errors.DuplicateKey, id="put again in a nested txn"),
        pytest.param(Txn([], [], [Put(b"a"), Put(b"a")]), errors.DuplicateKey, id="in the branch not taken too"),
        pytest.param(Txn([], [Put(b"%d" % n) for n in range(129)]), errors.TooManyOps, id="129 operations"),
        pytest.param(Txn([Compare(b"a")] * 129), errors.TooManyOps, id="129 compares"),
        pytest.param(Txn([], [], [Put(b"")]), errors.EmptyKey, id="an empty key in the branch not taken"),
        pytest.param(Txn([Compare(b"")]), errors.EmptyKey, id="an empty key in a compare"),
        pytest.param(Txn([], [Put(b"n"), Range(b"a", revision=9)]), errors.FutureRevision, id="future revision"),
        pytest.param(Txn([], [Put(b"n"), Range(b"a", revision=2)]), errors.Compacted, id="compacted revision"),
        pytest.param(Txn([], [Put(b"n"), Put(b"m", lease=5)]), errors.LeaseNotFound, id="unknown lease"),
        pytest.param(Txn([], [Put(b"n"), Put(b"m", ignore_value=True)]), errors.KeyNotFound, id="nothing to keep"),
    ],
)
def test_a_txn_refuses_whole(op: Txn, error: type[errors.EtcdError]) -> None:
    store = filled("a", "b")
    store.compact(3)
    with pytest.raises(error):
        store.txn(op)
    assert store.revision == 3
    assert keys(store.range(Range(*ALL))) == [b"a", b"b"]


@pytest.mark.parametrize(
    "op",
    [
        pytest.param(Txn([], [DeleteRange(b"a", b"c"), DeleteRange(b"b", b"d")]), id="overlapping deletes"),
        pytest.param(Txn([], [Txn([], [Put(b"a")], [Put(b"a")])]), id="one key in branches that exclude each other"),
        pytest.param(Txn([], [Put(b"a")], [Put(b"b", lease=9)]), id="an unknown lease in the branch not taken"),
    ],
)
def test_a_txn_allows(op: Txn) -> None:
    store = filled("a", "b", "c")
    assert store.txn(op).succeeded


def test_compaction_forgets_what_was_before_and_says_so() -> None:
    store = filled("a", "a", "b", "a")  # revisions 2 to 5
    store.delete_range(DeleteRange(b"b"))
    assert store.compact(4) == 6
    with pytest.raises(errors.Compacted):
        store.range(Range(*ALL, revision=3))
    assert store.range(Range(*ALL, revision=4)).kvs == [KeyValue(b"a", b"A", 2, 3, 2), KeyValue(b"b", b"B", 4, 4, 1)]
    assert keys(store.range(Range(*ALL))) == [b"a"]
    for revision in (4, 3, 0, -1):
        with pytest.raises(errors.Compacted):
            store.compact(revision)
    with pytest.raises(errors.FutureRevision):
        store.compact(7)
    store.compact(6)
    assert store.history.past == {}
    assert list(store.history.dead) == []
    assert keys(store.range(Range(*ALL))) == [b"a"]


def test_compaction_gives_the_bytes_back() -> None:
    store = filled("a")
    one = store.history.size_bytes
    for _ in range(9):
        store.put(Put(b"a", b"A"))
    assert store.history.size_bytes == 10 * one
    store.compact(store.revision)
    assert store.history.size_bytes == one


def test_optimistic_writes_are_the_txns_of_kube_apiserver() -> None:
    store = Store()
    assert store.optimistic_put(b"a", b"1", 0) == (2, True, KeyValue(b"a", b"1", 2, 2, 1))
    assert store.optimistic_put(b"a", b"2", 0) == (2, False, None)
    assert store.optimistic_put(b"a", b"2", 0, get_on_failure=True).kv == KeyValue(b"a", b"1", 2, 2, 1)
    assert store.optimistic_put(b"a", b"2", 2).kv == KeyValue(b"a", b"2", 2, 3, 2)
    assert store.optimistic_delete(b"a", 2, get_on_failure=True) == (3, False, KeyValue(b"a", b"2", 2, 3, 2))
    assert store.optimistic_delete(b"a", 3) == (4, True, KeyValue(b"a", b"2", 2, 3, 2))
    assert store.optimistic_delete(b"a", 0) == (4, True, None)
    with pytest.raises(errors.LeaseNotFound):
        store.optimistic_put(b"a", b"1", 0, lease=3)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        pytest.param(b"/registry/", b"/registry0", id="plain"),
        pytest.param(b"a\xff", b"b", id="last byte full"),
        pytest.param(b"\xff\xff", b"\0", id="all bytes full"),
        pytest.param(b"", b"\0", id="everything"),
    ],
)
def test_the_end_of_a_prefix(prefix: bytes, end: bytes) -> None:
    assert prefix_end(prefix) == end
