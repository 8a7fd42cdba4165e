"""Macros: what looks like a call and is a loop, a test or a binding. Models cel-go parser/macro.go and ext.

Standard ones (has, all, exists, exists_one, map, filter), those of two variables, ``cel.bind`` and optMap, optFlatMap.
"""

from collections.abc import Callable
from typing import Protocol

from kube_nb.machinery.cel.errors import CompileError
from kube_nb.machinery.cel.syntax import Call, Const, Fold, Ident, ListOf, MapOf, Node, Select

ACCUMULATOR = "@result"


class Faults(Protocol):
    """Makes the error of a macro that is used wrongly."""

    def fault(self, at: int, message: str) -> CompileError: ...


def expanded(parser: Faults, at: int, name: str, target: Node | None, args: tuple[Node, ...]) -> Node | None:
    """What a macro stands for; None if the call is none."""
    if name == "has" and target is None and len(args) == 1:
        operand = args[0]
        if not isinstance(operand, Select) or operand.test:
            raise parser.fault(at, "invalid argument to has() macro")
        return Select(operand.at, operand.operand, operand.field, test=True)
    if name == "cel.bind" and len(args) == 3:
        return bind(at, _variable(parser, args[0]), args[1], args[2])
    macro = _MACROS.get((name, len(args))) if target is not None else None
    return None if macro is None or target is None else macro(parser, at, target, args)


def bind(at: int, name: str, value: Node, body: Node) -> Node:
    """A loop that never runs, whose accumulator is the variable."""
    return Fold(at, ListOf(at, ()), ("#unused",), name, value, Const(at, False), Ident(at, name), body)


def _variable(parser: Faults, node: Node) -> str:
    if not isinstance(node, Ident):
        raise parser.fault(node.at, "argument must be a simple name")
    if node.name == ACCUMULATOR:
        raise parser.fault(node.at, "iteration variable overwrites accumulator variable")
    return node.name


def _variables(parser: Faults, nodes: tuple[Node, ...]) -> tuple[str, ...]:
    names = tuple(_variable(parser, node) for node in nodes)
    if len(set(names)) != len(names):
        raise parser.fault(nodes[1].at, f"duplicate variable name: {names[1]}")
    return names


def _accumulated(at: int) -> Node:
    return Ident(at, ACCUMULATOR)


def _all(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    so_far = _accumulated(at)
    going = Call(at, "@not_strictly_false", None, (so_far,))
    step = Call(at, "_&&_", None, (so_far, args[-1]))
    return Fold(at, target, _variables(parser, args[:-1]), ACCUMULATOR, Const(at, True), going, step, so_far)


def _exists(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    so_far = _accumulated(at)
    going = Call(at, "@not_strictly_false", None, (Call(at, "!_", None, (so_far,)),))
    step = Call(at, "_||_", None, (so_far, args[-1]))
    return Fold(at, target, _variables(parser, args[:-1]), ACCUMULATOR, Const(at, False), going, step, so_far)


def _exists_one(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    so_far = _accumulated(at)
    more = Call(at, "_+_", None, (so_far, Const(at, 1)))
    step = Call(at, "_?_:_", None, (args[-1], more, so_far))
    one = Call(at, "_==_", None, (so_far, Const(at, 1)))
    return Fold(at, target, _variables(parser, args[:-1]), ACCUMULATOR, Const(at, 0), Const(at, True), step, one)


def _collected(at: int, target: Node, names: tuple[str, ...], test: Node | None, value: Node) -> Node:
    so_far = _accumulated(at)
    step: Node = Call(at, "@append", None, (so_far, value))
    if test is not None:
        step = Call(at, "_?_:_", None, (test, step, so_far))
    return Fold(at, target, names, ACCUMULATOR, ListOf(at, ()), Const(at, True), step, so_far)


def _map(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    test = args[1] if len(args) == 3 else None
    return _collected(at, target, (_variable(parser, args[0]),), test, args[-1])


def _filter(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    name = _variable(parser, args[0])
    return _collected(at, target, (name,), args[1], Ident(args[0].at, name))


def _transform_list(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    test = args[2] if len(args) == 4 else None
    return _collected(at, target, _variables(parser, args[:2]), test, args[-1])


def _transform_map(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    names = _variables(parser, args[:2])
    so_far = _accumulated(at)
    step: Node = Call(at, "@put", None, (so_far, Ident(args[0].at, names[0]), args[-1]))
    return _mapped(at, target, names, args, step)


def _transform_map_entry(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    names = _variables(parser, args[:2])
    return _mapped(at, target, names, args, Call(at, "@merge", None, (_accumulated(at), args[-1])))


def _mapped(at: int, target: Node, names: tuple[str, ...], args: tuple[Node, ...], step: Node) -> Node:
    so_far = _accumulated(at)
    if len(args) == 4:
        step = Call(at, "_?_:_", None, (args[2], step, so_far))
    return Fold(at, target, names, ACCUMULATOR, MapOf(at, ()), Const(at, True), step, so_far)


def _opt_map(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    return _opt_flat_map(parser, at, target, (args[0], Call(at, "optional.of", None, (args[1],))))


def _opt_flat_map(parser: Faults, at: int, target: Node, args: tuple[Node, ...]) -> Node:
    """The optional is a variable of its own, so that it is computed once."""
    held = Ident(at, "@optional")
    inner = bind(at, _variable(parser, args[0]), Call(at, "value", held, ()), args[1])
    there = Call(at, "hasValue", held, ())
    return bind(at, held.name, target, Call(at, "_?_:_", None, (there, inner, Call(at, "optional.none", None, ()))))


_Macro = Callable[[Faults, int, Node, tuple[Node, ...]], Node]
#: (name, number of arguments) -> macro.
_MACROS: dict[tuple[str, int], _Macro] = {
    ("all", 2): _all,
    ("all", 3): _all,
    ("exists", 2): _exists,
    ("exists", 3): _exists,
    ("exists_one", 2): _exists_one,
    ("existsOne", 2): _exists_one,
    ("existsOne", 3): _exists_one,
    ("map", 2): _map,
    ("map", 3): _map,
    ("filter", 2): _filter,
    ("transformList", 3): _transform_list,
    ("transformList", 4): _transform_list,
    ("transformMap", 3): _transform_map,
    ("transformMap", 4): _transform_map,
    ("transformMapEntry", 3): _transform_map_entry,
    ("transformMapEntry", 4): _transform_map_entry,
    ("optMap", 2): _opt_map,
    ("optFlatMap", 2): _opt_flat_map,
}
