"""Field selectors: what ``--field-selector`` and ``fieldSelector=`` mean.

Models apimachinery pkg/fields/selector.go, error texts and escapes included.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

EQUALS, NOT_EQUALS = "=", "!="


class Requirement(NamedTuple):
    """``spec.nodeName != x`` as (path, operator, value)."""

    path: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.path}{self.operator}{escape(self.value)}"


class FieldSelector:
    """The AND of requirements; without any it selects everything."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: Iterable[Requirement] = ()) -> None:
        self.requirements = tuple(requirements)

    def matches(self, get: Callable[[str], str]) -> bool:
        """get: the object's value at a path, "" if it has none."""
        return all((get(path) == value) == (operator == EQUALS) for path, operator, value in self.requirements)

    @property
    def everything(self) -> bool:
        return not self.requirements

    def exact(self, path: str) -> str | None:
        """The one value that the field must have, if the selector says so (for indices)."""
        for requirement in self.requirements:
            if requirement.path == path and requirement.operator == EQUALS:
                return requirement.value
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"FieldSelector({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(self.requirements)


EVERYTHING = FieldSelector()


@lru_cache(maxsize=4096)
def parse(text: str) -> FieldSelector:
    r"""The selector of ``status.phase=Running,spec.nodeName!=x``.

    ``\``, ``,`` and ``=`` in a value are escaped by ``\``. ValueError with upstream's text if it is malformed.
    """
    return FieldSelector(_requirement(text, term) for term in sorted(_terms(text)) if term)


def _requirement(text: str, term: str) -> Requirement:
    position = 0
    while position < len(term):
        if term[position] == "\\":
            position += 2
            continue
        for literal, operator in (("!=", NOT_EQUALS), ("==", EQUALS), ("=", EQUALS)):
            if term.startswith(literal, position):
                return Requirement(term[:position], operator, _unescape(term[position + len(literal) :]))
        position += 1
    raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")


def _terms(text: str) -> list[str]:
    """Split at commas that are not escaped."""
    terms, start, position = [], 0, 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == ",":
            terms.append(text[start:position])
            start = position + 1
        position += 1
    return [*terms, text[start:]]


def escape(value: str) -> str:
    r"""A value as it stands in a selector: ``a,b`` -> ``a\,b``."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescape(value: str) -> str:
    if not any(special in value for special in "\\,="):
        return value
    plain, position = [], 0
    while position < len(value):
        letter = value[position]
        if letter == "\\":
            position += 1
            letter = value[position : position + 1]
            if letter not in ("\\", ",", "="):
                raise ValueError(f"invalid field selector: invalid escape sequence: \\{letter}")
        elif letter in ",=":
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(letter)}")
        plain.append(letter)
        position += 1
    return "".join(plain)
