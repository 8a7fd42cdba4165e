"""Label selectors: what ``-l``, ``spec.selector`` and ``labelSelector=`` mean.

A `Selector` is immutable and the AND of its requirements. Parsed ones are cached, so the hot path is `matches`.
Models apimachinery pkg/labels/selector.go and metav1.LabelSelectorAsSelector, error texts included.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from kube_nb.machinery import errors, names
from kube_nb.machinery.types import Obj

EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
IN, NOT_IN, EXISTS, DOES_NOT_EXIST = "in", "notin", "exists", "!"
GREATER_THAN, LESS_THAN = "gt", "lt"

_BINARY = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER_THAN, LESS_THAN)
_POSITIVE = frozenset((IN, EQUALS, DOUBLE_EQUALS))
_NEGATIVE = frozenset((NOT_IN, NOT_EQUALS))
_SYMBOLS = {GREATER_THAN: ">", LESS_THAN: "<"}
_INTEGER = re.compile(r"[+-]?[0-9]+")


class Requirement:
    """One condition on one key. operator: one of the constants above; values: sorted, without duplicates."""

    __slots__ = ("_values", "key", "operator", "values")

    def __init__(self, key: str, operator: str, values: Iterable[str] = ()) -> None:
        self.key = key
        self.operator = operator
        self.values = tuple(sorted(dict.fromkeys(values)))
        self._values = frozenset(self.values)

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        operator = self.operator
        value = labels.get(self.key) if labels else None
        if operator in _POSITIVE:
            return value in self._values if value is not None else False
        if operator in _NEGATIVE:
            return value is None or value not in self._values
        if operator == EXISTS:
            return value is not None
        if operator == DOES_NOT_EXIST:
            return value is None
        return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        if value is None or not _INTEGER.fullmatch(value):
            return False
        bound = int(self.values[0])
        return int(value) > bound if self.operator == GREATER_THAN else int(value) < bound

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == DOES_NOT_EXIST:
            return "!" + self.key
        values = ",".join(self.values)
        if self.operator in (IN, NOT_IN):
            return f"{self.key} {self.operator} ({values})"
        return f"{self.key}{_SYMBOLS.get(self.operator, self.operator)}{values}"

    def __repr__(self) -> str:
        return f"Requirement({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requirement) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, str, tuple[str, ...]]:
        return self.key, self.operator, self.values


class Selector:
    """The AND of requirements, sorted by key; without any it selects everything, `NOTHING` never matches."""

    __slots__ = ("_exact", "nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.key))
        self.nothing = nothing
        exact = all(each.operator in (EQUALS, DOUBLE_EQUALS) for each in self.requirements)
        self._exact = [(each.key, each.values[0]) for each in self.requirements] if exact else None

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self._exact is not None:
            if not labels:
                return not self._exact and not self.nothing
            for key, value in self._exact:
                if labels.get(key) != value:
                    return False
            return not self.nothing
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def everything(self) -> bool:
        return not self.requirements and not self.nothing

    def exact(self, key: str) -> str | None:
        """The one value that the label must have, if the selector says so (for indices)."""
        for requirement in self.requirements:
            if requirement.key == key:
                single = requirement.operator in _POSITIVE and len(requirement.values) == 1
                return requirement.values[0] if single else None
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return "Selector(nothing)" if self.nothing else f"Selector({self})"

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Selector) and self.requirements == other.requirements
        return same and isinstance(other, Selector) and self.nothing == other.nothing

    def __hash__(self) -> int:
        return hash((self.requirements, self.nothing))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


def requirement(key: str, operator: str, values: Iterable[str] = ()) -> Requirement:
    """A checked requirement. ValueError with upstream's text if key, values or their number are wrong."""
    given = list(values)
    faults = [_invalid("key", key, names.is_qualified_name(key))] if names.is_qualified_name(key) else []
    faults += _wrong_count(operator, given)
    for number, value in enumerate(given):
        if wrong := names.is_label_value(value):
            faults.append(_invalid(f"values[{number}][{key}]", value, wrong))
    if faults:
        texts = list(dict.fromkeys(map(str, faults)))
        raise ValueError(texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]")
    return Requirement(key, operator, given)


def _invalid(field: str, value: str, messages: list[str]) -> errors.FieldError:
    return errors.FieldError(errors.INVALID, field, value, "; ".join(messages))


def _wrong_count(operator: str, values: list[str]) -> list[errors.FieldError]:
    def fault(detail: str) -> list[errors.FieldError]:
        return [errors.FieldError(errors.INVALID, "values", values, detail)]

    if operator in (IN, NOT_IN):
        return [] if values else fault("for 'in', 'notin' operators, values set can't be empty")
    if operator in (EQUALS, DOUBLE_EQUALS, NOT_EQUALS):
        return [] if len(values) == 1 else fault("exact-match compatibility requires one single value")
    if operator in (EXISTS, DOES_NOT_EXIST):
        return fault("values set must be empty for exists and does not exist") if values else []
    if len(values) != 1:
        return fault("for 'Gt', 'Lt' operators, exactly one value is required")
    if not _INTEGER.fullmatch(values[0]):
        detail = "for 'Gt', 'Lt' operators, the value must be an integer"
        return [errors.FieldError(errors.INVALID, "values[0]", values[0], detail)]
    return []


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """The selector of a plain map (a Service's, a ReplicationController's); an empty one selects everything."""
    return _from_pairs(tuple(labels.items())) if labels else EVERYTHING


@lru_cache(maxsize=4096)
def _from_pairs(pairs: tuple[tuple[str, str], ...]) -> Selector:
    return Selector(Requirement(key, EQUALS, (value,)) for key, value in pairs)


_SELECTOR_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": DOES_NOT_EXIST}


def from_label_selector(selector: Obj | None) -> Selector:
    """The selector of a metav1.LabelSelector; None selects nothing, an empty one everything.

    ValueError with upstream's text if it is malformed.
    """
    if selector is None:
        return NOTHING
    pairs = tuple((selector.get("matchLabels") or {}).items())
    expressions = tuple(
        (row.get("key", ""), row.get("operator", ""), tuple(row.get("values") or ()))
        for row in selector.get("matchExpressions") or ()
    )
    return _from_rows(pairs, expressions) if pairs or expressions else EVERYTHING


@lru_cache(maxsize=4096)
def _from_rows(
    pairs: tuple[tuple[str, str], ...], expressions: tuple[tuple[str, str, tuple[str, ...]], ...]
) -> Selector:
    requirements = [requirement(key, EQUALS, (value,)) for key, value in pairs]
    for key, operator, values in expressions:
        if operator not in _SELECTOR_OPERATORS:
            raise ValueError(f'"{operator}" is not a valid label selector operator')
        requirements.append(requirement(key, _SELECTOR_OPERATORS[operator], values))
    return Selector(requirements)


@lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """The selector of ``app=web,env!=prod,env in (a,b),!x``; ``""`` selects everything.

    ValueError with upstream's text if it is malformed.
    """
    return Selector(_Parser(text).requirements())


_TOKEN = re.compile(r"[ \t\r\n]*(?:(?P<symbol>[=!(),<>]+)|(?P<word>[^ \t\r\n=!(),<>]+)|$)")
_KEYWORDS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">", "in", "notin"))
_OPERATOR_OF = {"in": IN, "notin": NOT_IN, "=": EQUALS, "==": DOUBLE_EQUALS, "!=": NOT_EQUALS}
_OPERATOR_OF |= {">": GREATER_THAN, "<": LESS_THAN}

_END, _WORD, _ERROR = "end", "word", "error"


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, literal) pairs; a symbol's or keyword's kind is itself. The longest known symbol wins, as upstream."""
    found: list[tuple[str, str]] = []
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        if word := match["word"]:
            found.append((word if word in _KEYWORDS else _WORD, word))
        elif symbols := match["symbol"]:
            symbol = symbols[:2] if symbols[:2] in _KEYWORDS else symbols[:1]
            position = match.start("symbol") + len(symbol)
            found.append((symbol, symbol))
        else:
            break
    return [*found, (_END, "")]


class _Parser:
    """Recursive descent over the tokens; one per text."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._position = 0

    def _peek(self, *, keywords: bool = False) -> tuple[str, str]:
        kind, literal = self._tokens[self._position]
        return (_WORD, literal) if kind in (IN, NOT_IN) and not keywords else (kind, literal)

    def _next(self, *, keywords: bool = False) -> tuple[str, str]:
        token = self._peek(keywords=keywords)
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind, literal = self._peek()
            if kind == _END:
                return found
            if kind not in (_WORD, "!"):
                raise ValueError(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            kind, literal = self._next()
            if kind == _END:
                return found
            if kind != ",":
                raise ValueError(f"found '{literal}', expected: ',' or 'end of string'")
            kind, literal = self._peek()
            if kind not in (_WORD, "!"):
                raise ValueError(f"found '{literal}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        key, unary = self._key()
        if unary:
            return requirement(key, unary)
        kind, literal = self._next(keywords=True)
        operator = _OPERATOR_OF.get(kind)
        if operator is None:
            raise ValueError(f"found '{literal}', expected: {', '.join(_BINARY)}")
        values = self._values() if operator in (IN, NOT_IN) else self._exact_value()
        return requirement(key, operator, sorted(dict.fromkeys(values)))

    def _key(self) -> tuple[str, str]:
        """The key and, if there is one, the unary operator."""
        kind, literal = self._next()
        negated = kind == "!"
        if negated:
            kind, literal = self._next()
        if kind != _WORD:
            raise ValueError(f"found '{literal}', expected: identifier")
        if wrong := names.is_qualified_name(literal):
            raise ValueError(str(_invalid("<nil>", literal, wrong)))
        if self._peek()[0] in (_END, ","):
            return literal, DOES_NOT_EXIST if negated else EXISTS
        return literal, DOES_NOT_EXIST if negated else ""

    def _exact_value(self) -> list[str]:
        if self._peek()[0] in (_END, ","):
            return [""]
        kind, literal = self._next()
        if kind != _WORD:
            raise ValueError(f"found '{literal}', expected: identifier")
        return [literal]

    def _values(self) -> list[str]:
        """``(a, b)``; an omitted value is the empty string."""
        kind, literal = self._next()
        if kind != "(":
            raise ValueError(f"found '{literal}' expected: '('")
        if self._peek()[0] not in (_WORD, ",", ")"):
            raise ValueError(f"found '{self._peek()[1]}', expected: ',', ')' or identifier")
        values: list[str] = []
        while True:
            values.append(self._next()[1] if self._peek()[0] == _WORD else "")
            kind, literal = self._next()
            if kind == ")":
                return values
            if kind != ",":
                raise ValueError(f"found '{literal}', expected: ',' or ')'")
            if self._peek()[0] not in (_WORD, ",", ")"):
                raise ValueError(f"found '{self._peek()[1]}', expected: ',', or identifier")
