"""From an expression's text to its tree, by precedence climbing. Models cel-go parser/parser.go."""

from collections.abc import Callable, Container
from typing import TypeVar

from kube_nb.machinery.cel import macros
from kube_nb.machinery.cel.errors import CompileError
from kube_nb.machinery.cel.lexer import Token, tokens
from kube_nb.machinery.cel.syntax import Call, Const, Ident, ListOf, MapOf, Node, Select, Struct
from kube_nb.machinery.cel.values import INT_LEAST, INT_MOST

T = TypeVar("T")

#: Operator -> (how tightly it binds, the function that it calls).
_BINARY = {
    "||": (1, "_||_"),
    "&&": (2, "_&&_"),
    **{word: (3, f"_{word}_") for word in ("==", "!=", "<", "<=", ">", ">=")},
    "in": (3, "@in"),
    "+": (4, "_+_"),
    "-": (4, "_-_"),
    "*": (5, "_*_"),
    "/": (5, "_/_"),
    "%": (5, "_%_"),
}
_WORDS = {"true": True, "false": False, "null": None}
#: Words that the language keeps for itself: no variable is called so.
_RESERVED = frozenset(
    (
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
        *("namespace", "return", "var", "void", "while"),
    )
)
#: Upstream's limit is 250; a level takes several frames of ours.
DEPTH_LIMIT = 80
SIZE_LIMIT = 100_000


def parse(source: str, qualified: Container[str]) -> Node:
    """The tree; qualified: functions and types with a dot in their names. Raises CompileError."""
    if len(source) > SIZE_LIMIT:
        why = f"expression code point size exceeds limit: size: {len(source)}, limit {SIZE_LIMIT}"
        raise CompileError("", [(0, why)])
    return _Parser(source, qualified).whole()


class _Parser:
    def __init__(self, source: str, qualified: Container[str]) -> None:
        self._source = source
        self._qualified = qualified
        self._tokens = tokens(source)
        self._next = 0
        self._depth = 0

    # -- tokens --------------------------------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._next += 1
        return token

    def _is(self, text: str) -> bool:
        return self._token.kind in ("op", "ident") and self._token.text == text

    def _accept(self, text: str) -> Token | None:
        return self._take() if self._is(text) else None

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            raise self._unexpected(f"expecting '{text}'")
        return self._take()

    def _unexpected(self, wanted: str = "") -> CompileError:
        text = f"Syntax error: mismatched input '{self._token.text}'{' ' + wanted if wanted else ''}"
        return CompileError(self._source, [(self._token.at, text)])

    def fault(self, at: int, message: str) -> CompileError:
        return CompileError(self._source, [(at, message)])

    # -- levels --------------------------------------------------------------------------------------------------------

    def whole(self) -> Node:
        found = self._expression()
        if self._token.kind != "end":
            raise self._unexpected("expecting <EOF>")
        return found

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self.fault(self._token.at, f"expression recursion limit exceeded: {DEPTH_LIMIT}")
        found = self._binary(1)
        question = self._accept("?")
        if question is not None:
            yes = self._binary(1)
            self._expect(":")
            found = Call(question.at, "_?_:_", None, (found, yes, self._expression()))
        self._depth -= 1
        return found

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while self._token.kind in ("op", "ident") and self._token.text in _BINARY:
            level, function = _BINARY[self._token.text]
            if level < least:
                break
            operator = self._take()
            left = Call(operator.at, function, None, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> Node:
        signs: list[Token] = []
        while self._is("!") or self._is("-"):
            signs.append(self._take())
        literal = bool(signs) and signs[-1].text == "-" and type(self._token.value) in (int, float)
        if literal:
            signs.pop()
        found = self._postfix(self._primary(negative=literal))
        for sign in reversed(signs):
            found = Call(sign.at, "!_" if sign.text == "!" else "-_", None, (found,))
        return found

    def _postfix(self, found: Node) -> Node:
        while True:
            token = self._token
            if self._accept("."):
                found = self._member(found, token.at)
            elif self._accept(".?"):
                found = Call(token.at, "_?._", None, (found, Const(token.at, self._name())))
            elif self._accept("[") or self._accept("[?"):
                function = "_[_]" if token.text == "[" else "_[?_]"
                found = Call(token.at, function, None, (found, self._expression()))
                self._expect("]")
            elif self._is("{") and (name := _dotted(found)):
                found = self._struct(name)
            else:
                return found

    def _member(self, target: Node, at: int) -> Node:
        name = self._name()
        opening = self._accept("(")
        if opening is None:
            whole = f"{_dotted(target)}.{name}"
            return Ident(target.at, whole) if whole in self._qualified else Select(at, target, name)
        args = self._arguments()
        whole = f"{_dotted(target)}.{name}"
        if whole in self._qualified or whole == "cel.bind":
            return macros.expanded(self, opening.at, whole, None, args) or Call(opening.at, whole, None, args)
        return macros.expanded(self, opening.at, name, target, args) or Call(opening.at, name, target, args)

    def _name(self) -> str:
        token = self._take()
        if token.kind not in ("ident", "quoted") or token.text in ("in", *_WORDS):
            self._next -= token.kind != "end"
            raise self._unexpected("expecting IDENTIFIER")
        return token.text

    def _arguments(self) -> tuple[Node, ...]:
        return tuple(self._listed(")", self._expression))

    def _listed(self, closing: str, item: Callable[[], T]) -> list[T]:
        """Items between commas, of which one may follow the last, and the closing bracket."""
        found: list[T] = []
        while not self._is(closing):
            found.append(item())
            if not self._accept(","):
                break
        self._expect(closing)
        return found

    # -- primaries -----------------------------------------------------------------------------------------------------

    def _primary(self, *, negative: bool) -> Node:
        token = self._take()
        if token.kind == "const":
            return Const(token.at, self._number(token, negative))
        if token.kind == "ident":
            return self._identifier(token)
        if token.text == "(":
            found = self._expression()
            self._expect(")")
            return found
        if token.text in ("[", "[?"):
            return self._list(token)
        if token.text == "{":
            return MapOf(token.at, tuple(self._listed("}", self._entry)))
        if token.text == "." and self._token.kind == "ident":
            return self._identifier(self._take())
        self._next -= token.kind != "end"
        raise self._unexpected()

    def _number(self, token: Token, negative: bool) -> object:
        value = -token.value if negative else token.value
        if type(value) is int and not INT_LEAST <= value <= INT_MOST:
            raise self.fault(token.at, "invalid int literal")
        return value

    def _identifier(self, token: Token) -> Node:
        if token.text in _WORDS:
            return Const(token.at, _WORDS[token.text])
        if token.text in _RESERVED:
            raise self.fault(token.at, f"reserved identifier: {token.text}")
        opening = self._accept("(")
        if opening is None:
            return Ident(token.at, token.text)
        args = self._arguments()
        return macros.expanded(self, opening.at, token.text, None, args) or Call(opening.at, token.text, None, args)

    def _list(self, opening: Token) -> Node:
        optional: list[int] = []
        items: list[Node] = []
        first_optional = opening.text == "[?"
        while not self._is("]"):
            if first_optional or self._accept("?"):
                optional.append(len(items))
            first_optional = False
            items.append(self._expression())
            if not self._accept(","):
                break
        self._expect("]")
        return ListOf(opening.at, tuple(items), tuple(optional))

    def _entry(self) -> tuple[Node, Node, bool]:
        optional = self._accept("?") is not None
        key = self._expression()
        self._expect(":")
        return key, self._expression(), optional

    def _struct(self, name: str) -> Node:
        opening = self._expect("{")
        return Struct(opening.at, name, tuple(self._listed("}", self._field)))

    def _field(self) -> tuple[str, Node, bool, int]:
        optional = self._accept("?") is not None
        name = self._name()
        colon = self._expect(":")
        return name, self._expression(), optional, colon.at


def _dotted(node: Node) -> str:
    """``Object.spec`` for a chain of names, "" for anything else."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test:
        operand = _dotted(node.operand)
        return f"{operand}.{node.field}" if operand else ""
    return ""
