"""Reading an interval: revision, filters, sorting, limit, as etcd applies them one after the other.

Models server/etcdserver/txn/range.go.
"""

from collections.abc import Callable
from itertools import islice
from operator import attrgetter
from typing import Any

from kube_nb.etcd import interval
from kube_nb.etcd.backend import KeyValue, Range, RangeResult, SortOrder, SortTarget
from kube_nb.etcd.errors import Compacted, EmptyKey, FutureRevision, InvalidSortOption
from kube_nb.etcd.history import History

_SORT_KEYS: dict[int, Callable[[KeyValue], Any]] = {
    SortTarget.KEY: attrgetter("key"),
    SortTarget.VERSION: attrgetter("version"),
    SortTarget.CREATE: attrgetter("create_revision"),
    SortTarget.MOD: attrgetter("mod_revision"),
    SortTarget.VALUE: attrgetter("value"),
}


def check(op: Range) -> None:
    """Refuse what no store could answer."""
    if not op.key:
        raise EmptyKey
    if op.sort_order not in (0, 1, 2) or op.sort_target not in _SORT_KEYS:
        raise InvalidSortOption


def check_revision(history: History, revision: int) -> None:
    if revision > history.revision:
        raise FutureRevision
    if 0 < revision < history.compact_revision:
        raise Compacted


def read(history: History, op: Range, revision: int) -> RangeResult:
    """The result of an `op` that passed both checks. revision: the header's, one ahead of the history's
    inside a txn that has written.

    Quirk kept: a sort by anything but keys in order NONE sorts only what the limit let through, plus one.
    """
    at = op.revision if 0 < op.revision < revision else None
    within = interval.of(op.key, op.range_end)
    if not op.range_end:
        return _read_key(history, op, revision, at)
    if op.count_only:
        return RangeResult(revision, [], history.count(within, at))
    if within.empty:
        return RangeResult(revision, [], 0)
    whole = op.sort_order != SortOrder.NONE or _filters(op) or op.limit <= 0
    found = history.scan(within, at)
    if whole or at is not None or history.base is not None:
        kvs = list(found)
        count = len(kvs)
        kvs = kvs if whole else kvs[: op.limit + 1]
    else:
        kvs = list(islice(found, op.limit + 1))
        count = len(kvs) if len(kvs) <= op.limit else history.count(within)
    return _finish(op, revision, kvs, count)


def _read_key(history: History, op: Range, revision: int, at: int | None) -> RangeResult:
    kv = history.get(op.key) if at is None else history.at(op.key, at)
    if kv is None:
        return RangeResult(revision, [], 0)
    if op.count_only:
        return RangeResult(revision, [], 1)
    return _finish(op, revision, [kv], 1)


def _filters(op: Range) -> bool:
    return bool(op.min_mod_revision or op.max_mod_revision or op.min_create_revision or op.max_create_revision)


def _finish(op: Range, revision: int, kvs: list[KeyValue], count: int) -> RangeResult:
    if _filters(op):
        kvs = [kv for kv in kvs if _passes(op, kv)]
    if op.sort_order != SortOrder.NONE or op.sort_target != SortTarget.KEY:
        kvs.sort(key=_SORT_KEYS[op.sort_target], reverse=op.sort_order == SortOrder.DESCEND)
    more = 0 < op.limit < len(kvs)
    if more:
        kvs = kvs[: op.limit]
    if op.keys_only:
        kvs = [kv._replace(value=b"") for kv in kvs]
    return RangeResult(revision, kvs, count, more)


def _passes(op: Range, kv: KeyValue) -> bool:
    return (
        (not op.max_mod_revision or kv.mod_revision <= op.max_mod_revision)
        and (not op.min_mod_revision or kv.mod_revision >= op.min_mod_revision)
        and (not op.max_create_revision or kv.create_revision <= op.max_create_revision)
        and (not op.min_create_revision or kv.create_revision >= op.min_create_revision)
    )
