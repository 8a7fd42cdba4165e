"""Whether the parts of an expression fit, and of what type it is. Models cel-go checker/checker.go.

Faults are collected, and a part that has one counts as dyn, so that one mistake is told once.
"""

from collections.abc import Callable, Mapping

from kube_nb.machinery.cel import types
from kube_nb.machinery.cel.functions import FUNCTIONS
from kube_nb.machinery.cel.syntax import Call, Const, Fold, Ident, ListOf, MapOf, Node, Select, Struct
from kube_nb.machinery.cel.types import BOOL, BYTES, DOUBLE, DYN, INT, NULL, STRING, UINT, Bindings, Type
from kube_nb.machinery.cel.values import type_name

#: The struct of a name; None if there is none.
Structs = Callable[[str], Type | None]
_CONSTANTS = {
    "null_type": NULL,
    "bool": BOOL,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
}
#: What loops collect into: its type is that of what goes in.
_GROWING: dict[str, Callable[..., Type]] = {
    "@append": lambda into, item: types.list_of(item),
    "@put": lambda into, key, value: types.map_of(key, value),
    "@merge": lambda into, entries: entries if entries.name == "map" else into,
}
_CONTAINER = " (in container '')"


def no_structs(name: str) -> Type | None:
    return None


class Checker:
    """One check. variables: name -> type. `faults` holds (offset, message) afterwards."""

    def __init__(self, variables: Mapping[str, Type], structs: Structs = no_structs) -> None:
        self._structs = structs
        self._scope: dict[str, Type] = dict(variables)
        self._mixes = False  #: whether literals may hold several types here, as the arguments of format do
        self.faults: list[tuple[int, str]] = []

    def check(self, node: Node) -> Type:
        if isinstance(node, Const):
            return _CONSTANTS[type_name(node.value)]
        if isinstance(node, Ident):
            return self._ident(node)
        if isinstance(node, Select):
            return self._select(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, ListOf):
            return self._list(node)
        if isinstance(node, MapOf):
            return self._map(node)
        return self._struct(node) if isinstance(node, Struct) else self._fold(node)

    def _fault(self, at: int, message: str) -> Type:
        self.faults.append((at, message))
        return DYN

    def _ident(self, node: Ident) -> Type:
        if node.name in self._scope:
            return self._scope[node.name]
        if node.name in types.NAMED:
            return Type("type", (types.NAMED[node.name],))
        return self._fault(node.at, f"undeclared reference to '{node.name}'{_CONTAINER}")

    def _select(self, node: Select) -> Type:
        found = self._field(node.at, self.check(node.operand), node.field)
        return BOOL if node.test else found

    def _field(self, at: int, operand: Type, name: str) -> Type:
        if operand.name == "optional_type":
            inner = self._field(at, operand.args[0], name)
            return inner if inner.name == "optional_type" else types.optional_of(inner)
        if operand.fields is not None:
            found = operand.fields.get(name)
            return self._fault(at, f"undefined field '{name}'") if found is None else found
        if operand.name == "map":
            return operand.args[1]
        if operand == DYN:
            return DYN
        return self._fault(at, f"type '{operand}' does not support field selection")

    def _call(self, node: Call) -> Type:
        if node.function == "_?._" and isinstance(node.args[1], Const):
            found = self._field(node.at, self.check(node.args[0]), str(node.args[1].value))
            return found if found.name == "optional_type" else types.optional_of(found)
        targets = () if node.target is None else (node.target,)
        mixes, self._mixes = self._mixes, self._mixes or node.function == "format"
        given = [self.check(part) for part in (*targets, *node.args)]
        self._mixes = mixes
        if node.function in _GROWING:
            return _GROWING[node.function](*given)
        function = FUNCTIONS.get(node.function)
        if function is None:
            return self._fault(node.at, f"undeclared reference to '{node.function}'{_CONTAINER}")
        result: Type | None = None
        for row in function.candidates(node.target is not None, len(given)):
            bound: Bindings = {}
            if all(types.fits(wanted, part, bound) for wanted, part in zip(row.signature.params, given, strict=True)):
                found = types.filled(row.signature.result, bound)
                if result is not None and result != found:
                    return DYN  # which of them it is shows when it runs
                result = found
        if result is None:
            return self._fault(node.at, _no_overload(node, given))
        return result

    def _list(self, node: ListOf) -> Type:
        item: Type | None = None
        for index, part in enumerate(node.items):
            found = self.check(part)
            if index in node.optional:
                found = self._optional(part.at, found)
            item = self._joined(part.at, item, found)
        return types.list_of(item or DYN)

    def _map(self, node: MapOf) -> Type:
        key: Type | None = None
        value: Type | None = None
        for key_part, value_part, optional in node.entries:
            key = self._joined(key_part.at, key, self.check(key_part))
            found = self.check(value_part)
            value = self._joined(value_part.at, value, self._optional(value_part.at, found) if optional else found)
        return types.map_of(key or DYN, value or DYN)

    def _joined(self, at: int, known: Type | None, found: Type) -> Type:
        """Literals hold one type only. Models cel-go's ValidateHomogeneousAggregateLiterals."""
        together = types.joined(known, found)
        if together is not None or self._mixes:
            return together or DYN
        return self._fault(at, f"expected type '{known}' but found '{found}'")

    def _optional(self, at: int, found: Type) -> Type:
        if found == DYN:
            return DYN
        if found.name != "optional_type":
            return self._fault(at, f"expected type 'optional_type({found})' but found '{found}'")
        return found.args[0]

    def _struct(self, node: Struct) -> Type:
        struct = self._structs(node.name)
        if struct is None or struct.fields is None:
            return self._fault(node.at, f"undeclared reference to '{node.name}'{_CONTAINER}")
        for name, part, optional, at in node.fields:
            found = self.check(part)
            if optional:
                found = self._optional(part.at, found)
            wanted = struct.fields.get(name)
            if wanted is None:
                self._fault(at, f"undefined field '{name}'")
            elif not types.fits(wanted, found, {}):
                self._fault(at, f"expected type of field '{name}' is '{wanted}' but provided type is '{found}'")
        return struct

    def _fold(self, node: Fold) -> Type:
        over = self.check(node.range)
        start = self.check(node.start)
        outer = self._scope
        self._scope = {**outer, **self._iterated(node, over)}
        self._scope[node.accumulator] = start
        if node.variables[0] != "#unused":
            self.check(node.condition)
            step = self.check(node.step)
            self._scope[node.accumulator] = step if start.name in ("list", "map") else start
        result = self.check(node.result)
        self._scope = outer
        return result

    def _iterated(self, node: Fold, over: Type) -> dict[str, Type]:
        """The types of the loop's variables."""
        one = len(node.variables) == 1
        found: tuple[Type, ...]
        if over.name == "list":
            found = (over.args[0],) if one else (INT, over.args[0])
        elif over.name == "map":
            found = (over.args[0],) if one else over.args
        else:
            if over != DYN:
                why = f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)"
                self._fault(node.range.at, why)
            found = (DYN,) * len(node.variables)
        return dict(zip(node.variables, found, strict=True))


def _no_overload(node: Call, given: list[Type]) -> str:
    if node.target is None:
        shown = f"({', '.join(map(str, given))})"
    else:
        shown = f"{given[0]}.({', '.join(map(str, given[1:]))})"
    return f"found no matching overload for '{node.function}' applied to '{shown}'"
