"""Sets of fields as FieldsV1 writes them, and their algebra.

    {"f:spec": {"f:replicas": {}, "f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}}

A node without children is a member (``.spec.replicas``); a node with children is one only if it has "." (the container,
not the list of containers). The root is never a member; the empty set is ``{}``. Sets are never changed: a result
shares the branches that came through untouched, and is the first operand itself if nothing was to be done.

Models structured-merge-diff fieldpath/set.go.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from kube_nb.machinery.managed.elements import SELF, shown
from kube_nb.machinery.patch.types import TypeSchema

Fields: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]

EMPTY: Fields = {}
#: A member without children. It is one object wherever it stands: a pod has sixty of them.
LEAF: Fields = {}


def is_member(node: Fields) -> bool:
    """Whether a node, not the root, is itself in the set."""
    return not node or SELF in node


def node(member: bool, children: Fields) -> Fields | None:
    """A node from its parts, its elements in order; None if there is nothing in it."""
    if not children:
        return LEAF if member else None
    if len(children) > 1:
        children = dict(sorted(children.items()))
    return {SELF: LEAF, **children} if member else children


def union(first: Fields, second: Fields) -> Fields:
    """What is in either."""
    if first is second or not second:
        return first
    return _union(first, second) if first else second


def _union(first: Fields, second: Fields) -> Fields:
    joined = first
    for element, other in second.items():
        old = first.get(element)
        if old is None:
            new = other
        elif element == SELF:
            continue
        else:
            new = _union_nodes(old, other)
        if new is not old:
            joined = dict(first) if joined is first else joined
            joined[element] = new
    return joined if len(joined) == len(first) else dict(sorted(joined.items()))


def _union_nodes(first: Fields, second: Fields) -> Fields:
    if first is second:
        return first
    if first and second:
        return _union(first, second)
    filled = first or second
    return filled if is_member(filled) else {SELF: {}, **filled}


def difference(first: Fields, second: Fields) -> Fields:
    """What is in the first and not in the second; a parent is not its children: ``{a} - {a.b} == {a}``."""
    if not first or not second:
        return first
    return _difference(first, second, False) or EMPTY


def _difference(first: Fields, second: Fields, member: bool) -> Fields | None:
    """member: whether the node is to be one afterwards."""
    children: Fields | None = None
    for element, other in second.items():
        child = first.get(element) if element != SELF else None
        if child is None:
            continue
        left = _difference(child, other, is_member(child) and not is_member(other))
        if left is child:
            continue
        if children is None:
            children = _children(first)
        if left is None:
            del children[element]
        else:
            children[element] = left
    if children is None:
        if member == is_member(first):
            return first
        children = _children(first)
    return node(member, children)


def _children(of: Fields) -> Fields:
    return {element: child for element, child in of.items() if element != SELF}


def intersection(first: Fields, second: Fields) -> Fields:
    """What is in both."""
    return _intersection(first, second, False) or EMPTY


def _intersection(first: Fields, second: Fields, member: bool) -> Fields | None:
    children: Fields = {}
    for element, other in second.items():
        child = first.get(element) if element != SELF else None
        if child is not None:
            common = _intersection(child, other, is_member(child) and is_member(other))
            if common is not None:
                children[element] = common
    return node(member, children)


def without(first: Fields, second: Fields) -> Fields:
    """What is in the first, without the second's members and everything below them."""
    if not first or not second:
        return first
    return _without(first, second, False) or EMPTY


def _without(first: Fields, second: Fields, member: bool) -> Fields | None:
    children: Fields | None = None
    for element, other in second.items():
        child = first.get(element) if element != SELF else None
        if child is None:
            continue
        left = None if is_member(other) else _without(child, other, is_member(child))
        if left is child:
            continue
        if children is None:
            children = _children(first)
        if left is None:
            del children[element]
        else:
            children[element] = left
    return first if children is None else node(member, children)


def has(fields: Fields, path: Path) -> bool:
    """Whether the field at the path is a member."""
    for element in path:
        child = fields.get(element)
        if child is None:
            return False
        fields = child
    return bool(path) and is_member(fields)


def paths(fields: Fields, above: Path = ()) -> Iterator[Path]:
    """All members, those of one level before those below it."""
    for element, child in fields.items():
        if element != SELF and is_member(child):
            yield (*above, element)
    for element, child in fields.items():
        if element != SELF and child:
            yield from paths(child, (*above, element))


def of_paths(*members: Path) -> Fields:
    """The set with these members."""
    fields: Fields = EMPTY
    for path in members:
        one: Fields = {}
        for element in reversed(path):
            one = {element: one}
        fields = union(fields, one)
    return fields


def text(path: Path) -> str:
    """``.spec.containers[name="web"].image``, as error messages show a path."""
    return "".join(map(shown, path))


def with_named(fields: Fields, schema: TypeSchema | None) -> Fields:
    """The set with every named field that has members below it as a member; items and keys of maps are not added."""
    if schema is None or schema.kind == "any":
        return fields
    named: Fields = {}
    for element, child in fields.items():
        if not child:
            named[element] = child
            continue
        if schema.kind != "object":
            named[element] = with_named(child, schema.element())
        elif (field := schema.field(element[2:])) is not None:
            named[element] = {SELF: {}, **_children(with_named(child, field))}
        else:
            named[element] = child
    return named
