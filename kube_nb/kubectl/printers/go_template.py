"""``-o go-template``: the part of Go's text/template that kubectl's users write.

Fields, variables, pipelines, range, if, with and the comparison, length, index and print functions. Before a template
is run it is read into `Node`s, each a function from scope to text. Source: the documentation of text/template.
Differs: no define, template and block; printf knows %s, %v, %d and %q.
"""

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kube_nb.machinery.types import Json

_ACTION = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign>:=|[()|,=])|"""
    r"""(?P<word>\$?[\w.$]*[\w.$]))"""
)


#: Before a path that belongs to the parenthesis in front of it: ``(index .items 0).name``.
_OF_PARENTHESIS = "@"


class TemplateError(ValueError):
    """A template that cannot be read or run, in Go's words as far as they are short."""


@dataclass(slots=True)
class Scope:
    """What a piece of a template sees: the dot, and the variables."""

    dot: Json
    variables: dict[str, Json] = field(default_factory=dict)


Node = Callable[[Scope], str]
Value = Callable[[Scope], Json]


def compile(text: str) -> Callable[[Json], str]:
    """A function from an object to the template's text."""
    parts = _split(text)
    nodes, rest = _block(parts, 0, ())
    if rest != len(parts):
        raise TemplateError("unexpected {{end}}")
    return lambda value: _run(nodes, Scope(value, {"$": value}))


def _split(text: str) -> list[tuple[str, str]]:
    """("text", ...) and ("action", ...) in turn, blanks trimmed where ``{{-`` or ``-}}`` say so."""
    parts: list[tuple[str, str]] = []
    at = 0
    trim = False
    for found in _ACTION.finditer(text):
        plain = text[at : found.start()]
        plain = plain.lstrip() if trim else plain
        parts.append(("text", plain.rstrip() if found[1] else plain))
        if not found[2].strip().startswith("/*"):
            parts.append(("action", found[2].strip()))
        at, trim = found.end(), bool(found[3])
    parts.append(("text", text[at:].lstrip() if trim else text[at:]))
    if "{{" in text[at:]:
        raise TemplateError("unclosed action")
    return parts


def _run(nodes: Sequence[Node], scope: Scope) -> str:
    return "".join(node(scope) for node in nodes)


def _block(parts: Sequence[tuple[str, str]], at: int, ends: Sequence[str]) -> tuple[list[Node], int]:
    """The nodes up to one of `ends` (or to the end of all), and where that stands."""
    nodes: list[Node] = []
    while at < len(parts):
        kind, text = parts[at]
        word = text.partition(" ")[0]
        if kind == "text":
            nodes.append(_plain(text))
        elif word in ends:
            return nodes, at
        elif word in ("range", "if", "with"):
            node, at = _control(parts, at, word)
            nodes.append(node)
        elif word in ("end", "else"):
            raise TemplateError(f"unexpected {{{{{word}}}}}")
        else:
            nodes.append(_output(text))
        at += 1
    if ends:
        raise TemplateError("unexpected EOF")
    return nodes, at


def _plain(text: str) -> Node:
    return lambda scope: text


def _output(text: str) -> Node:
    name, value = _assignment(text)

    def node(scope: Scope) -> str:
        found = value(scope)
        if name:
            scope.variables[name[-1]] = found
            return ""
        return shown(found)

    return node


def _control(parts: Sequence[tuple[str, str]], at: int, word: str) -> tuple[Node, int]:
    """``range``, ``if`` or ``with``, its ``else`` and its ``end``."""
    names, value = _assignment(parts[at][1].removeprefix(word))
    body, at = _block(parts, at + 1, ("end", "else"))
    otherwise: list[Node] = []
    if parts[at][1] == "else":
        otherwise, at = _block(parts, at + 1, ("end",))
    elif parts[at][1].startswith("else"):
        inner = [*parts[:at], ("action", parts[at][1].removeprefix("else").strip()), *parts[at + 1 :]]
        node, at = _control(inner, at, inner[at][1].partition(" ")[0])
        otherwise = [node]
    run = {"range": _range, "if": _if, "with": _with}[word]
    return lambda scope: run(scope, value(scope), names, body, otherwise), at


def _range(scope: Scope, found: Json, names: Sequence[str], body: Sequence[Node], otherwise: Sequence[Node]) -> str:
    pairs = [(key, found[key]) for key in sorted(found)] if isinstance(found, dict) else list(enumerate(found or ()))
    texts = []
    for key, each in pairs:
        values = [key, each] if len(names) == 2 else [each]
        inner = {**scope.variables, **dict(zip(names, values, strict=False))}
        texts.append(_run(body, Scope(each, inner)))
    return "".join(texts) if pairs else _run(otherwise, scope)


def _if(scope: Scope, found: Json, names: Sequence[str], body: Sequence[Node], otherwise: Sequence[Node]) -> str:
    inner = Scope(scope.dot, {**scope.variables, **dict.fromkeys(names, found)})
    return _run(body if _truth(found) else otherwise, inner)


def _with(scope: Scope, found: Json, names: Sequence[str], body: Sequence[Node], otherwise: Sequence[Node]) -> str:
    if not _truth(found):
        return _run(otherwise, scope)
    return _run(body, Scope(found, {**scope.variables, **dict.fromkeys(names, found)}))


def _truth(value: Json) -> bool:
    return bool(value)


# -- pipelines ---------------------------------------------------------------------------------------------------------


def _assignment(text: str) -> tuple[list[str], Value]:
    """The variables left of ``:=`` or ``=``, and the pipeline."""
    tokens = _tokens(text)
    for sign in (":=", "="):
        if sign in tokens:
            at = tokens.index(sign)
            return [name for name in tokens[:at] if name != ","], _pipeline(tokens[at + 1 :])
    return [], _pipeline(tokens)


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise TemplateError(f"unexpected {text[at:].strip()[:1]!r} in command")
        follows = at > 0 and text[at - 1] == ")" and token[0][0] == "."
        found.append((_OF_PARENTHESIS if follows else "") + token[0].strip())
        at = token.end()
    return found


def _pipeline(tokens: Sequence[str]) -> Value:
    """``a | f x``: the left side's value becomes the last argument of the right side."""
    commands: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if token == "|" and not depth:
            commands.append([])
        else:
            commands[-1].append(token)
    value: Value | None = None
    for command in commands:
        value = _command(command, value)
    assert value is not None
    return value


def _command(tokens: Sequence[str], piped: Value | None) -> Value:
    if not tokens:
        raise TemplateError("missing value for command")
    operands = _operands(tokens)
    if tokens[0] in _FUNCTIONS:
        arguments = operands[1:] + ([piped] if piped else [])
        function = _FUNCTIONS[tokens[0]]
        return lambda scope: function(*(argument(scope) for argument in arguments))
    if len(operands) > 1:
        raise TemplateError(f'function "{tokens[0]}" not defined')
    return operands[0]


def _operands(tokens: Sequence[str]) -> list[Value]:
    found: list[Value] = []
    at = 0
    while at < len(tokens):
        if tokens[at] == "(":
            depth, end = 1, at
            while depth:
                end += 1
                if end >= len(tokens):
                    raise TemplateError("unclosed left paren")
                depth += (tokens[end] == "(") - (tokens[end] == ")")
            found.append(_pipeline(tokens[at + 1 : end]))
            at = end
        elif tokens[at].startswith(_OF_PARENTHESIS) and found:
            found.append(_field_of(found.pop(), tokens[at].removeprefix(_OF_PARENTHESIS)))
        else:
            found.append(_operand(tokens[at]))
        at += 1
    return found


def _field_of(value: Value, path: str) -> Value:
    inner = _path(path)
    return lambda scope: inner(Scope(value(scope), scope.variables))


def _operand(token: str) -> Value:
    if token[0] == '"':
        text = json.loads(token)
        return lambda scope: text
    if token[0] == "`":
        return lambda scope: token[1:-1]
    if re.fullmatch(r"-?\d+(\.\d+)?", token):
        return lambda scope: json.loads(token)
    if token in ("true", "false", "nil"):
        return lambda scope: {"true": True, "false": False, "nil": None}[token]
    if token in _FUNCTIONS:
        return lambda scope: None
    if token[0] in ".$":
        return _path(token)
    raise TemplateError(f'function "{token}" not defined')


def _path(token: str) -> Value:
    """``.metadata.name`` from the dot, ``$x.name`` from a variable."""
    start, *names = token.split(".")

    def value(scope: Scope) -> Json:
        if start and start not in scope.variables:
            raise TemplateError(f'undefined variable "{start}"')
        found = scope.variables[start] if start else scope.dot
        for name in names:
            if name:
                found = found.get(name, NO_VALUE) if isinstance(found, dict) else NO_VALUE
        return found

    return value


class _NoValue:
    """What a missing key yields; it is false and prints as Go prints it."""

    def __bool__(self) -> bool:
        return False

    def __iter__(self):  # type: ignore[no-untyped-def]  # an empty iterator
        return iter(())


NO_VALUE = _NoValue()


def shown(value: Json) -> str:
    """A value as Go's %v prints it."""
    if value is None or value is NO_VALUE:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + " ".join(shown(each) for each in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{shown(value[key])}" for key in sorted(value)) + "]"
    return str(value)


def _printf(form: str, *values: Json) -> str:
    rest = list(values)

    def one(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        value = rest.pop(0) if rest else "%!v(MISSING)"
        return json.dumps(value) if found[1] == "q" else shown(value)

    return re.sub(r"%[-+0-9.]*([svdq%])", one, form)


def _index(value: Json, *keys: Json) -> Json:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, NO_VALUE)
        elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        else:
            raise TemplateError(f"error calling index: index out of range: {shown(key)}")
    return value


def _exists(value: Json, *keys: Json) -> bool:
    """kubectl's own function: whether `index` would find something."""
    try:
        return _index(value, *keys) is not NO_VALUE
    except TemplateError:
        return False


def _first(wanted: bool, values: Sequence[Json]) -> Json:
    return next((value for value in values if _truth(value) == wanted), values[-1])


_FUNCTIONS: dict[str, Callable[..., Json]] = {
    "and": lambda *values: _first(False, values),
    "or": lambda *values: _first(True, values),
    "not": lambda value: not _truth(value),
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "len": lambda value: len(value),
    "index": _index,
    "exists": _exists,
    "print": lambda *values: "".join(shown(value) for value in values),
    "println": lambda *values: " ".join(shown(value) for value in values) + "\n",
    "printf": _printf,
    "base64decode": lambda text: base64.b64decode(text).decode(errors="replace"),
}
