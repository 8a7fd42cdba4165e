r"""The JSONPath templates of kubectl: ``{range .items[*]}{.metadata.name}{"\n"}{end}``.

Models client-go util/jsonpath. No library fits: kubectl's dialect is a template language around the paths, with
``range``, literal text and its own filters.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kube_nb.machinery.types import Json

Step = Callable[[list[Json]], list[Json]]


class JsonPathError(ValueError):
    """A template that does not parse, or a path that leads nowhere."""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """A path: each step maps the values reached so far to the next ones. from_root: starts with ``$``."""

    steps: tuple[Step, ...]
    from_root: bool = False

    def find(self, root: Json, current: Json) -> list[Json]:
        values = [root if self.from_root else current]
        for step in self.steps:
            values = step(values)
        return values


@dataclass(frozen=True, slots=True)
class Range:
    """``{range path}body{end}``."""

    path: Path
    body: "tuple[Node, ...]"


Node = Text | Path | Range


def compile(template: str, *, allow_missing_keys: bool = True) -> "Template":
    """Parse a template such as ``{.items[*].metadata.name}``; JsonPathError if it does not parse."""
    reader = _Reader(template, allow_missing_keys)
    nodes = reader.nodes(until_end=False)
    return Template(nodes)


def relaxed(expression: str) -> str:
    """``.metadata.name``, ``metadata.name`` and ``{.metadata.name}`` all become ``{.metadata.name}``.

    Models kubectl's RelaxedJSONPathExpression.
    """
    found = re.fullmatch(r"\{\.?([^{}]+)\}|\.?([^{}]+)", expression)
    if not expression or found is None:
        shape = "'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        raise JsonPathError(f"unexpected path string, expected a {shape}")
    return "{." + (found[1] or found[2]) + "}"


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template."""

    nodes: tuple[Node, ...]

    def find(self, value: Json) -> list[Json]:
        """The values that the template's paths lead to."""
        return [found for node in self.nodes if isinstance(node, Path) for found in node.find(value, value)]

    def render(self, value: Json) -> str:
        """The template's text for an object."""
        return "".join(_render(self.nodes, value, value))


def _render(nodes: Sequence[Node], root: Json, current: Json) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Text):
            yield node.text
        elif isinstance(node, Path):
            yield " ".join(text_of(value) for value in node.find(root, current))
        else:
            for value in node.path.find(root, current):
                yield from _render(node.body, root, value)


def text_of(value: Json) -> str:
    """A value as kubectl prints it: scalars bare, structures as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# -- the parser --------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"(?:[^\s.\[\]{}()'\"$@,|<>=!\\]|\\.)+")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*)\s*)?")
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


class _Reader:
    """A recursive-descent parser over one template."""

    def __init__(self, text: str, allow_missing_keys: bool) -> None:
        self._text = text
        self._at = 0
        self._allow_missing_keys = allow_missing_keys

    def nodes(self, *, until_end: bool) -> tuple[Node, ...]:
        """The nodes up to the end of the text, or up to ``{end}``."""
        found: list[Node] = []
        while self._at < len(self._text):
            if not self._take("{"):
                stop = self._text.find("{", self._at)
                stop = len(self._text) if stop < 0 else stop
                found.append(Text(self._text[self._at : stop]))
                self._at = stop
                continue
            if self._action(found):
                if until_end:
                    return tuple(found)
                raise JsonPathError("not in range, nothing to end")
        if until_end:
            raise JsonPathError("unterminated range")
        return tuple(found)

    def _action(self, found: list[Node]) -> bool:
        """Read one ``{...}`` into `found`; True if it was ``{end}``."""
        while True:
            self._skip()
            if self._take("}"):
                return False
            if self._at >= len(self._text):
                raise JsonPathError("unclosed action")
            if self._word("end"):
                self._skip()
                self._expect("}")
                return True
            if self._word("range"):
                path = self._path()
                self._skip()
                self._expect("}")
                found.append(Range(path, self.nodes(until_end=True)))
                return False
            string = self._match(_STRING)
            found.append(Text(_unquote(string)) if string else self._path())

    def _path(self) -> Path:
        """A path such as ``.items[*].metadata.name``, ``$.kind`` or ``@``."""
        self._skip()
        from_root = self._take("$")
        if not from_root:
            self._take("@")
        steps: list[Step] = []
        start = self._at
        while True:
            if self._take(".."):
                name = self._match(_NAME)
                steps.append(_descend)
                if name:
                    steps.append(self._field(_unescape(name[0])))
            elif self._take("["):
                steps.append(self._bracket())
            elif self._take("."):
                self._dotted(steps)
            elif self._at == start and not from_root and (name := self._match(_NAME)):
                steps.append(self._field(_unescape(name[0])))
            else:
                break
        if self._at == start and not from_root and self._text[start - 1 : start] != "@":
            raise JsonPathError(f"unrecognized character in action: {self._text[start]!r}")
        return Path(tuple(steps), from_root)

    def _dotted(self, steps: list[Step]) -> None:
        if self._take("*"):
            steps.append(_every)
        elif name := self._match(_NAME):
            steps.append(self._field(_unescape(name[0])))

    def _bracket(self) -> Step:
        """What stands in ``[...]``: ``*``, an index, a slice, names, a union, or a filter."""
        self._skip()
        if self._take("?("):
            step = self._filter()
            self._skip()
            self._expect(")")
            self._skip()
            self._expect("]")
            return step
        parts = [self._subscript()]
        self._skip()
        while self._take(","):
            self._skip()
            parts.append(self._subscript())
            self._skip()
        self._expect("]")
        return parts[0] if len(parts) == 1 else lambda values: [v for part in parts for v in part(values)]

    def _subscript(self) -> Step:
        if self._take("*"):
            return _every
        if string := self._match(_STRING):
            return self._field(_unquote(string))
        if bounds := self._match(_SLICE):
            return self._slice(*bounds.groups())
        if number := self._match(_NUMBER):
            return self._index(int(number[0]))
        if name := self._match(_NAME):
            return self._field(_unescape(name[0]))
        raise JsonPathError("invalid array index " + self._text[self._at :].partition("]")[0])

    def _filter(self) -> Step:
        left = self._operand()
        self._skip()
        operator = next((op for op in ("==", "!=", "<=", ">=", "<", ">") if self._take(op)), None)
        if operator is None:
            return lambda values: [v for v in _every(values) if _exists(left, v)]
        right = self._operand()
        compare = _COMPARE[operator]
        return lambda values: [v for v in _every(values) if _holds(compare, left, right, v)]

    def _operand(self) -> "Path | Constant":
        self._skip()
        if string := self._match(_STRING):
            return Constant(_unquote(string))
        if number := self._match(_NUMBER):
            return Constant(json.loads(number[0].lstrip("+")))
        for word, value in (("true", True), ("false", False)):
            if self._word(word):
                return Constant(value)
        lenient = _Reader(self._text, allow_missing_keys=True)
        lenient._at = self._at
        path = lenient._path()
        self._at = lenient._at
        return path

    # -- steps that know whether keys may miss ---------------------------------------------------------------------

    def _field(self, name: str) -> Step:
        def step(values: list[Json]) -> list[Json]:
            found = [value[name] for value in values if isinstance(value, dict) and name in value]
            if not found and not self._allow_missing_keys:
                raise JsonPathError(f"{name} is not found")
            return found

        return step

    def _index(self, number: int) -> Step:
        def step(values: list[Json]) -> list[Json]:
            lists = [value for value in values if isinstance(value, list)]
            for value in lists:
                if not -len(value) <= number < len(value):
                    raise JsonPathError(f"array index out of bounds: index {number}, length {len(value)}")
            return [value[number] for value in lists]

        return step

    def _slice(self, start: str, stop: str, step: str | None) -> Step:
        bounds = slice(*(int(each) if each else None for each in (start, stop, step)))
        return lambda values: [each for value in values if isinstance(value, list) for each in value[bounds]]

    # -- characters --------------------------------------------------------------------------------------------------

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
            self._at += 1

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise JsonPathError("unterminated array" if text == "]" else "unclosed action")

    def _word(self, word: str) -> bool:
        following = self._text[self._at + len(word) : self._at + len(word) + 1]
        return (following in "} )\t" or not following) and self._take(word)

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal in a filter."""

    value: Json


def _values(operand: Path | Constant, current: Json) -> list[Json]:
    return [operand.value] if isinstance(operand, Constant) else operand.find(current, current)


def _exists(operand: Path | Constant, current: Json) -> bool:
    return bool(_values(operand, current))


def _holds(compare: Callable[[Json, Json], bool], left: Path | Constant, right: Path | Constant, v: Json) -> bool:
    lefts, rights = _values(left, v), _values(right, v)
    if len(lefts) != 1 or len(rights) != 1:
        return False
    try:
        return compare(lefts[0], rights[0])
    except TypeError:
        return False


_COMPARE: dict[str, Callable[[Json, Json], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _every(values: list[Json]) -> list[Json]:
    found: list[Json] = []
    for value in values:
        if isinstance(value, list):
            found += value
        elif isinstance(value, dict):
            found += value.values()
    return found


def _descend(values: list[Json]) -> list[Json]:
    """Each value and everything below it, parents first."""
    found: list[Json] = []
    for value in values:
        if isinstance(value, (dict, list)):
            found.append(value)
            found += _descend(_every([value]))
    return found


def _unescape(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _unquote(string: re.Match[str]) -> str:
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    body = string[1] if string[1] is not None else string[2]
    return re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), body)
