"""From a checked tree to closures, and their run. Models cel-go interpreter.

A closure takes the `Run`, reads its variables, returns a value or raises EvalError. Logical operators and loops of
``all`` and ``exists`` let an error pass if the other side decides: then errors are held as values of the accumulator.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kube_nb.machinery.cel import types, values
from kube_nb.machinery.cel.errors import CostExceeded, EvalError
from kube_nb.machinery.cel.functions import FUNCTIONS
from kube_nb.machinery.cel.syntax import Call, Const, Fold, Ident, ListOf, MapOf, Node, Select, Struct
from kube_nb.machinery.cel.values import NONE, Message, Optional, TypeValue

#: Words that a field's name is escaped from. Models apiserver pkg/cel/escaping.go.
_ESCAPES = (("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__"))


class Run:
    """One evaluation: its variables, and how much it may still cost."""

    __slots__ = ("left", "variables")

    def __init__(self, variables: Mapping[str, Any], budget: int) -> None:
        self.variables = variables
        self.left = budget

    def spend(self, amount: int = 1) -> None:
        self.left -= amount
        if self.left < 0:
            raise CostExceeded("operation cancelled: actual cost limit exceeded")

    def inside(self, variables: Mapping[str, Any]) -> "Run":
        return Run(variables, self.left)


Closure = Callable[[Run], Any]


def compiled(node: Node) -> Closure:
    if isinstance(node, Const):
        value = node.value
        return lambda run: value
    if isinstance(node, Ident):
        return _ident(node)
    if isinstance(node, Select):
        return _test(node) if node.test else _select(node)
    if isinstance(node, Call):
        special = _SPECIAL.get(node.function)
        return special(node) if special is not None else _call(node)
    if isinstance(node, ListOf):
        return _list(node)
    if isinstance(node, MapOf):
        return _map(node)
    return _struct(node) if isinstance(node, Struct) else _fold(node)


def _ident(node: Ident) -> Closure:
    name = node.name
    type_value = TypeValue(name) if name in types.NAMED else None

    def read(run: Run) -> Any:
        value = run.variables.get(name, type_value)
        if value is None and name not in run.variables:
            raise EvalError(f"no such attribute(s): {name}")
        if isinstance(value, EvalError):
            raise value
        return value() if callable(value) else value

    return read


# -- fields and items --------------------------------------------------------------------------------------------------


def _unescaped(name: str) -> str:
    if name.startswith("__") and name.endswith("__") and name[2:-2].isalpha() and len(name) > 4:
        return name[2:-2]
    for escaped, plain in _ESCAPES:
        name = name.replace(escaped, plain)
    return name


def _member(operand: Any, name: str) -> Any:
    if isinstance(operand, Optional):
        return _maybe(operand, name)
    if isinstance(operand, dict):
        if name in operand:
            return operand[name]
        if "__" in name and (plain := _unescaped(name)) in operand:
            return operand[plain]
        raise EvalError(f"no such key: {name}")
    raise EvalError(f"no such key: {name}" if operand is None else "no such overload")


def _maybe(operand: Any, key: Any) -> Optional:
    """The field or item as an optional. Models cel-go's optional selection and indexing."""
    if isinstance(operand, Optional):
        if not operand.present:
            return NONE
        operand = operand.value
    try:
        found = _item(operand, key)
    except CostExceeded:
        raise
    except EvalError:
        if not isinstance(operand, (dict, list)) and operand is not None:
            raise
        return NONE
    return found if isinstance(found, Optional) else Optional(found)


def _item(operand: Any, key: Any) -> Any:
    if isinstance(operand, Optional):
        return _maybe(operand, key)
    if isinstance(operand, dict):
        wanted = values.key_of(key)
        if type(key) is str:
            return _member(operand, key)
        if wanted in operand and type(wanted) is not bool:
            return operand[wanted]
        for name, value in operand.items():
            if values.equal(name, key):
                return value
        raise EvalError(f"no such key: {key}")
    if isinstance(operand, list):
        index = values.key_of(key)
        if not isinstance(index, int) or isinstance(index, bool):
            raise EvalError("no such overload")
        if not 0 <= index < len(operand):
            raise EvalError(f"index out of bounds: {index}")
        return operand[index]
    raise EvalError("no such overload")


def _select(node: Select) -> Closure:
    operand, name = compiled(node.operand), node.field

    def select(run: Run) -> Any:
        run.spend()
        return _member(operand(run), name)

    return select


def _test(node: Select) -> Closure:
    operand, name = compiled(node.operand), node.field

    def test(run: Run) -> Any:
        run.spend()
        held = operand(run)
        if isinstance(held, Optional):
            return _maybe(held, name).present
        if held is not None and not isinstance(held, dict):
            raise EvalError("no such overload")
        return held is not None and (name in held or ("__" in name and _unescaped(name) in held))

    return test


def _index(node: Call) -> Closure:
    operand, key = compiled(node.args[0]), compiled(node.args[1])

    def index(run: Run) -> Any:
        run.spend()
        return _item(operand(run), key(run))

    return index


def _optional(node: Call) -> Closure:
    operand, key = compiled(node.args[0]), compiled(node.args[1])

    def optional(run: Run) -> Any:
        run.spend()
        return _maybe(operand(run), key(run))

    return optional


# -- calls -------------------------------------------------------------------------------------------------------------


def _call(node: Call) -> Closure:
    call, member = FUNCTIONS[node.function].call, node.target is not None
    parts = [compiled(part) for part in (*((node.target,) if node.target is not None else ()), *node.args)]
    if len(parts) == 2:
        first, second = parts

        def both(run: Run) -> Any:
            run.spend()
            return call(member, (first(run), second(run)))

        return both

    def every(run: Run) -> Any:
        args = [part(run) for part in parts]
        run.spend(1 + sum(len(arg) // 10 for arg in args if isinstance(arg, (str, bytes, list))))
        return call(member, args)

    return every


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise EvalError("no such overload")
    return value


def _logical(node: Call, decides: bool) -> Closure:
    """``&&`` is decided by false, ``||`` by true, on whichever side; else an error counts."""
    left, right = compiled(node.args[0]), compiled(node.args[1])

    def logical(run: Run) -> Any:
        fault: EvalError | None = None
        try:
            if _boolean(left(run)) is decides:
                return decides
        except CostExceeded:
            raise
        except EvalError as error:
            fault = error
        if _boolean(right(run)) is decides:
            return decides
        if fault is not None:
            raise fault
        return not decides

    return logical


def _conditional(node: Call) -> Closure:
    test, yes, no = (compiled(part) for part in node.args)
    return lambda run: yes(run) if _boolean(test(run)) else no(run)


def _not_strictly_false(node: Call) -> Closure:
    part = compiled(node.args[0])

    def going(run: Run) -> Any:
        try:
            return part(run) is not False
        except CostExceeded:
            raise
        except EvalError:
            return True

    return going


def _append(node: Call) -> Closure:
    into, item = compiled(node.args[0]), compiled(node.args[1])

    def append(run: Run) -> Any:
        value = item(run)
        found = into(run)
        found.append(value)
        return found

    return append


def _put(node: Call) -> Closure:
    into, key, item = (compiled(part) for part in node.args)

    def put(run: Run) -> Any:
        found = into(run)
        found[values.key_of(key(run))] = item(run)
        return found

    return put


def _merge(node: Call) -> Closure:
    into, entries = compiled(node.args[0]), compiled(node.args[1])

    def merge(run: Run) -> Any:
        found = into(run)
        for key, value in entries(run).items():
            if key in found:
                raise EvalError(f"insert failed: key {key} already exists")
            found[key] = value
        return found

    return merge


def _or(node: Call) -> Closure:
    """``a.or(b)``: the other is looked at only if it is needed."""
    assert node.target is not None
    first, second = compiled(node.target), compiled(node.args[0])

    def chosen(run: Run) -> Any:
        found = first(run)
        if not isinstance(found, Optional):
            raise EvalError("no such overload")
        return found if found.present else second(run)

    return chosen


def _or_value(node: Call) -> Closure:
    assert node.target is not None
    first, second = compiled(node.target), compiled(node.args[0])

    def chosen(run: Run) -> Any:
        found = first(run)
        if not isinstance(found, Optional):
            raise EvalError("no such overload")
        return found.value if found.present else second(run)

    return chosen


_SPECIAL: dict[str, Callable[[Call], Closure]] = {
    "_[_]": _index,
    "_?._": _optional,
    "_[?_]": _optional,
    "_&&_": lambda node: _logical(node, False),
    "_||_": lambda node: _logical(node, True),
    "_?_:_": _conditional,
    "@not_strictly_false": _not_strictly_false,
    "@append": _append,
    "@put": _put,
    "@merge": _merge,
    "or": _or,
    "orValue": _or_value,
}


# -- literals ----------------------------------------------------------------------------------------------------------


def _list(node: ListOf) -> Closure:
    parts = [(compiled(item), index in node.optional) for index, item in enumerate(node.items)]

    def build(run: Run) -> Any:
        found = []
        for part, optional in parts:
            value = part(run)
            if not optional:
                found.append(value)
            elif _expect_optional(value).present:
                found.append(value.value)
        return found

    return build


def _expect_optional(value: Any) -> Optional:
    if not isinstance(value, Optional):
        raise EvalError("no such overload")
    return value


def _map(node: MapOf) -> Closure:
    parts = [(compiled(key), compiled(value), optional) for key, value, optional in node.entries]

    def build(run: Run) -> Any:
        found: dict[Any, Any] = {}
        for key_part, value_part, optional in parts:
            key, value = values.key_of(key_part(run)), value_part(run)
            if optional:
                if not _expect_optional(value).present:
                    continue
                value = value.value
            if key in found:
                raise EvalError(f"Failed with repeated key: {key}")
            found[key] = value
        return found

    return build


def _struct(node: Struct) -> Closure:
    name = node.name
    parts = [(field, compiled(value), optional) for field, value, optional, _ in node.fields]

    def build(run: Run) -> Any:
        found: dict[str, Any] = {}
        for field, part, optional in parts:
            value = part(run)
            if optional:
                if not _expect_optional(value).present:
                    continue
                value = value.value
            found[_unescaped(field) if "__" in field else field] = value
        return Message(name, found)

    return build


# -- loops -------------------------------------------------------------------------------------------------------------


def _fold(node: Fold) -> Closure:
    over, start = compiled(node.range), compiled(node.start)
    condition, step, result = compiled(node.condition), compiled(node.step), compiled(node.result)
    names, accumulator = node.variables, node.accumulator
    holds_errors = isinstance(node.condition, Call)  # all and exists; every other loop ends with its first error
    lazy = names[0] == "#unused"

    def fold(run: Run) -> Any:
        scope = dict(run.variables)
        inner = run.inside(scope)
        scope[accumulator] = start(run)
        if not lazy:
            for found in _items(over(run), len(names)):
                inner.spend()
                scope.update(zip(names, found, strict=True))
                if not condition(inner):
                    break
                try:
                    scope[accumulator] = step(inner)
                except CostExceeded:
                    raise
                except EvalError as error:
                    if not holds_errors:
                        raise
                    scope[accumulator] = error
        value = result(inner)
        run.left = inner.left
        return value

    return fold


def _items(over: Any, count: int) -> Iterator[tuple[Any, ...]]:
    if isinstance(over, dict):
        yield from (over.items() if count == 2 else ((key,) for key in over))
    elif isinstance(over, list):
        yield from (enumerate(over) if count == 2 else ((item,) for item in over))
    else:
        raise EvalError("no such overload")
