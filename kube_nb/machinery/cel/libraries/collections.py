"""Optional values, lists, sets and maths of values. Models apiserver pkg/cel/library/lists.go and cel-go ext."""

import math
from datetime import timedelta
from typing import Any

from kube_nb.machinery.cel import values
from kube_nb.machinery.cel.errors import EvalError
from kube_nb.machinery.cel.functions import overload
from kube_nb.machinery.cel.values import NONE, Optional, Uint, in_range

# -- optional values ---------------------------------------------------------------------------------------------------

overload("optional.of", "(A) -> optional(A)")(Optional)
overload("optional.none", "() -> optional(A)")(lambda: NONE)
overload("hasValue", "optional(A).() -> bool")(lambda found: found.present)


@overload("optional.ofNonZeroValue", "(A) -> optional(A)")
def _of_non_zero(value: Any) -> Optional:
    return Optional(value) if value else NONE


@overload("value", "optional(A).() -> A")
def _value(found: Optional) -> Any:
    if not found.present:
        raise EvalError("optional.none() dereference")
    return found.value


def _unreachable(*args: Any) -> Any:
    raise AssertionError("evaluation treats this function by itself")


overload("or", "optional(A).(optional(A)) -> optional(A)")(_unreachable)
overload("orValue", "optional(A).(A) -> A")(_unreachable)


@overload("first", "list(A).() -> optional(A)")
def _first(items: list[Any]) -> Optional:
    return Optional(items[0]) if items else NONE


@overload("last", "list(A).() -> optional(A)")
def _last(items: list[Any]) -> Optional:
    return Optional(items[-1]) if items else NONE


@overload("unwrap", "(list(optional(A))) -> list(A)")
@overload("unwrapOpt", "list(optional(A)).() -> list(A)")
def _unwrap(items: list[Any]) -> list[Any]:
    return [item.value for item in items if item.present]


# -- lists -------------------------------------------------------------------------------------------------------------

_ORDERED = ("int", "uint", "double", "bool", "string", "bytes", "timestamp", "duration")
_SUMMED = ("int", "uint", "double", "duration")


def _same_kind(items: list[Any]) -> list[Any]:
    if len({type(item) for item in items}) > 1:
        raise EvalError("no such overload")
    return items


@overload("isSorted", *(f"list({each}).() -> bool" for each in _ORDERED))
def _is_sorted(items: list[Any]) -> bool:
    _same_kind(items)
    return all(items[index] <= items[index + 1] for index in range(len(items) - 1))


@overload("sort", *(f"list({each}).() -> list({each})" for each in _ORDERED))
def _sort(items: list[Any]) -> list[Any]:
    return sorted(_same_kind(items))


@overload("sum", *(f"list({each}).() -> {each}" for each in _SUMMED))
def _sum(items: list[Any]) -> Any:
    _same_kind(items)
    if not items:
        return 0
    kind = type(items[0])
    if kind is timedelta:
        return sum(items, timedelta(0))
    if kind not in (int, Uint, float):
        raise EvalError("no such overload")
    total = sum(items)
    return total if kind is float else Uint(total) if kind is Uint else in_range(total)


@overload("min", *(f"list({each}).() -> {each}" for each in _ORDERED))
def _min(items: list[Any]) -> Any:
    if not items:
        raise EvalError("min called on empty list")
    return min(_same_kind(items))


@overload("max", *(f"list({each}).() -> {each}" for each in _ORDERED))
def _max(items: list[Any]) -> Any:
    if not items:
        raise EvalError("max called on empty list")
    return max(_same_kind(items))


@overload("indexOf", "list(A).(A) -> int")
def _index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index, item in enumerate(items) if values.equal(item, wanted)), -1)


@overload("lastIndexOf", "list(A).(A) -> int")
def _last_index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index in range(len(items) - 1, -1, -1) if values.equal(items[index], wanted)), -1)


@overload("slice", "list(A).(int, int) -> list(A)")
def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvalError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvalError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise EvalError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


@overload("flatten", "list(list(A)).() -> list(A)", "list(dyn).() -> list(dyn)")
def _flatten(items: list[Any]) -> list[Any]:
    return [inner for item in items for inner in (item if isinstance(item, list) else [item])]


@overload("distinct", "list(A).() -> list(A)")
def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not values.contains(found, item):
            found.append(item)
    return found


overload("reverse", "list(A).() -> list(A)")(lambda items: items[::-1])


@overload("lists.range", "(int) -> list(int)")
def _range(count: int) -> list[int]:
    if count > 100_000:
        raise EvalError("lists.range: the list would be too long")
    return list(range(count))


# -- sets --------------------------------------------------------------------------------------------------------------

overload("sets.contains", "(list(A), list(A)) -> bool")(
    lambda held, wanted: all(values.contains(held, item) for item in wanted)
)
overload("sets.equivalent", "(list(A), list(A)) -> bool")(
    lambda left, right: (
        all(values.contains(left, item) for item in right) and all(values.contains(right, item) for item in left)
    )
)
overload("sets.intersects", "(list(A), list(A)) -> bool")(
    lambda left, right: any(values.contains(left, item) for item in right)
)

# -- maths -------------------------------------------------------------------------------------------------------------

_NUMBERS = ("int", "uint", "double")
_PAIRS = [f"({one}, {one}) -> {one}" for one in _NUMBERS]
_DYNAMIC = [f"({one}, {other}) -> dyn" for one in _NUMBERS for other in _NUMBERS if one != other]
overload("math.greatest", *_PAIRS, *_DYNAMIC, *(f"({one}) -> {one}" for one in _NUMBERS))(lambda *given: max(given))
overload("math.least", *_PAIRS, *_DYNAMIC, *(f"({one}) -> {one}" for one in _NUMBERS))(lambda *given: min(given))
overload("math.greatest", *(f"(list({one})) -> {one}" for one in _NUMBERS))(_max)
overload("math.least", *(f"(list({one})) -> {one}" for one in _NUMBERS))(_min)
overload("math.abs", "(int) -> int")(lambda value: in_range(abs(value)))
overload("math.abs", "(double) -> double", "(uint) -> uint")(lambda value: abs(value) if value < 0 else value)
overload("math.ceil", "(double) -> double")(lambda value: float(math.ceil(value)) if math.isfinite(value) else value)
overload("math.floor", "(double) -> double")(lambda value: float(math.floor(value)) if math.isfinite(value) else value)
overload("math.trunc", "(double) -> double")(lambda value: float(math.trunc(value)) if math.isfinite(value) else value)
overload("math.round", "(double) -> double")(
    lambda value: math.copysign(math.floor(abs(value) + 0.5), value) if math.isfinite(value) else value
)
overload("math.isNaN", "(double) -> bool")(math.isnan)
overload("math.isInf", "(double) -> bool")(math.isinf)
overload("math.isFinite", "(double) -> bool")(math.isfinite)
overload("math.sign", "(int) -> int")(lambda value: (value > 0) - (value < 0))
overload("math.sign", "(double) -> double")(lambda value: float((value > 0) - (value < 0)))
