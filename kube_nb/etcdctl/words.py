"""Lines of text as etcdctl reads them from stdin: words with quotes, and Go's quoted strings.

Models etcdctl/ctlv3/command/util.go (Argify) and fmt.Sscanf's ``%q``.
"""

import re

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^\'"\s]\S*[^\'"\s]?')
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))")
_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
}


def split(line: str) -> list[str]:
    """The words of a line; ``'...'`` and ``"..."`` are one word, in the latter escapes are undone."""
    return [_bare(word) for word in _WORD.findall(line)]


def _bare(word: str) -> str:
    if word[0] == "'":
        return word[1:-1]
    if word[0] == '"':
        return unquote(word[1:-1])
    return word


def unquote(text: str) -> str:
    """The inside of a Go string literal with its escapes undone; ValueError if one is unknown."""
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    byte, short, long, octal, simple = match.groups()
    if simple is not None:
        if simple not in _SIMPLE:
            raise ValueError("invalid syntax")
        return _SIMPLE[simple]
    if octal is not None:
        return chr(int(octal, 8))
    return chr(int(byte or short or long, 16))


def read_quoted(text: str) -> tuple[str, str]:
    """The Go string at the start of `text`, in ``"`` or `````, and what follows it; ValueError if there is none."""
    text = text.lstrip(" ")
    match = re.match(r'"((?:[^"\\\n]|\\.)*)"', text)
    if match:
        return unquote(match[1]), text[match.end() :]
    match = re.match(r"`([^`]*)`", text)
    if match:
        return match[1], text[match.end() :]
    raise ValueError("expected quoted string")
