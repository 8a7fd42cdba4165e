"""An expression's text as tokens.

Models the lexical rules of the CEL language definition.
"""

import re
from typing import Any, NamedTuple

from kube_nb.machinery.cel.errors import CompileError
from kube_nb.machinery.cel.values import Uint

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
  | (?P<raw>[bB]?[rR]\"\"\".*?\"\"\"|[bB]?[rR]'''.*?'''|[bB]?[rR]"[^"\n\r]*"|[bB]?[rR]'[^'\n\r]*')
  | (?P<string>[bB]?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))
  | (?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
  | (?P<uint>(?:0[xX][0-9a-fA-F]+|[0-9]+)[uU])
  | (?P<int>0[xX][0-9a-fA-F]+|[0-9]+)
  | (?P<quoted>`[a-zA-Z0-9_.\-/ ]+`)
  | (?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<op>==|!=|<=|>=|&&|\|\||\.\?|\[\?|[-+*/%!<>?:.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)
_SHORT = {
    **dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)),
    **{char: char for char in "\\?\"'`"},
}


class Token(NamedTuple):
    """kind: ``op``, ``ident``, ``quoted``, ``const`` or ``end``; value: of a const."""

    kind: str
    text: str
    at: int
    value: Any = None


def tokens(source: str) -> list[Token]:
    """The tokens, an ``end`` last; CompileError for what is none."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise CompileError(source, [(at, f"Syntax error: token recognition error at: '{source[at]}'")])
        kind, text = str(match.lastgroup), match.group()
        if kind in ("op", "ident"):
            found.append(Token(kind, text, at))
        elif kind == "quoted":
            found.append(Token(kind, text[1:-1], at))
        elif kind != "space":
            found.append(Token("const", text, at, _value(source, kind, text, at)))
        at = match.end()
    found.append(Token("end", "<EOF>", at))
    return found


def _value(source: str, kind: str, text: str, at: int) -> Any:
    if kind == "double":
        return float(text)
    if kind == "uint":
        number = int(text[:-1], 0 if text[1:2] in "xX" else 10)
        if number >= 1 << 64:
            raise CompileError(source, [(at, "invalid uint literal")])
        return Uint(number)
    if kind == "int":
        return int(text, 0 if text[1:2] in ("x", "X") else 10)  # its range is the parser's, which sees the sign
    prefix = text[: min(text.index(quote) for quote in "\"'" if quote in text)].lower()
    body = text[len(prefix) :]
    width = 3 if body[:3] in ('"""', "'''") and len(body) >= 6 else 1
    body = body[width:-width]
    if kind == "string":
        body = _unescaped(source, body, at, is_bytes="b" in prefix)
        return body.encode("latin-1") if "b" in prefix and isinstance(body, str) else body
    return body.encode() if "b" in prefix else body


def _unescaped(source: str, body: str, at: int, *, is_bytes: bool) -> Any:
    def one(match: "re.Match[str]") -> str:
        code = next((group for group in match.groups()[:4] if group), None)
        if code is not None:
            number = int(code, 16)
            if number > 0x10FFFF or 0xD800 <= number < 0xE000:
                raise CompileError(source, [(at, "invalid unicode code point")])
            return chr(number)
        if match.group(5):
            return chr(int(match.group(5), 8))
        short = _SHORT.get(match.group(6))
        if short is None:
            raise CompileError(source, [(at, f"Syntax error: token recognition error at: '{match.group()}'")])
        return short

    if not is_bytes:
        return _ESCAPE.sub(one, body)
    parts = (piece if index % 2 else piece.encode().decode("latin-1") for index, piece in enumerate(_split(body)))
    return "".join(_ESCAPE.sub(one, part) if part.startswith("\\") else part for part in parts)


def _split(body: str) -> list[str]:
    """Plain text and escapes in turn."""
    pieces, last = [], 0
    for match in _ESCAPE.finditer(body):
        pieces += [body[last : match.start()], match.group()]
        last = match.end()
    return [*pieces, body[last:]]
