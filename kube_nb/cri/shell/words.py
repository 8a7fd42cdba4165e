"""Words of a shell script: quoting, ``$name``, ``${name...}``, ``$(...)``, ``$((...))``.

Models POSIX.1-2017, Shell Command Language, sections 2.2 to 2.6.
"""

import re

from kube_nb.cri.shell.syntax import Arithmetic, Parameter, Part, Script, Substitution, Text, Word

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENDS_WORD = frozenset(" \t\n;&|<>()")
_SPECIAL = "0123456789@*#?$!-"
_OPERATOR = re.compile(r":?[-=+?]|%%?|##?|//?")
#: Deeper nesting is a mistake or an attack, not a script.
MAX_DEPTH = 50


class SyntaxFault(Exception):
    """The script cannot be parsed."""


class Incomplete(SyntaxFault):
    """The script ends too early: an interactive shell reads on."""


class WordReader:
    """Characters and words; commands, which words may hold, are the subclass's."""

    def __init__(self, text: str, depth: int = 0) -> None:
        if depth > MAX_DEPTH:
            raise SyntaxFault("nested too deeply")
        self.text = text
        self.position = 0
        self._depth = depth

    # -- characters ----------------------------------------------------------------------------------------------

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.position)

    def take(self, text: str) -> bool:
        if self.peek(text):
            self.position += len(text)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def blanks(self) -> None:
        while not self.at_end:
            if self.peek("\\\n"):
                self.position += 2
            elif self.text[self.position] in " \t\r":
                self.position += 1
            elif self.text[self.position] == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            else:
                return

    def unexpected(self) -> SyntaxFault:
        if self.at_end:
            return Incomplete("unexpected end of file")
        word = re.compile(r"\n|;;|&&|\|\||[;&|()<>]|[^\s;&|()<>]+").match(self.text, self.position)
        token = word[0] if word else self.text[self.position]
        return SyntaxFault(f'unexpected "{"newline" if token == chr(10) else token}"')

    def script(self, ends: frozenset[str]) -> Script:
        """A list of commands up to one of the reserved words, a ``)`` or ``;;``, or the end."""
        raise NotImplementedError

    # -- words ---------------------------------------------------------------------------------------------------

    def word(self) -> Word:
        parts: list[Part] = []
        literal: list[str] = []

        def flush() -> None:
            if literal:
                parts.append(Text("".join(literal)))
                literal.clear()

        start = self.position
        while not self.at_end and (character := self.text[self.position]) not in ENDS_WORD:
            if character in "\\'\"$`":
                flush()
                parts.extend(self._quoted_or_dollar(character))
            else:
                literal.append(character)
                self.position += 1
        flush()
        if self.position == start:
            raise self.unexpected()
        return tuple(parts)

    def _quoted_or_dollar(self, character: str) -> Word:
        if character == "$" or character == "`":
            return (self.dollar(False) if character == "$" else self._backquotes(False),)
        self.position += 1
        if character == "\\":
            if self.at_end:
                return (Text("\\", True),)
            self.position += 1
            escaped = self.text[self.position - 1]
            return () if escaped == "\n" else (Text(escaped, True),)
        if character == "'":
            end = self.text.find("'", self.position)
            if end < 0:
                raise Incomplete("unterminated quoted string")
            text = self.text[self.position : end]
            self.position = end + 1
            return (Text(text, True),)
        return self.quoted_text('"')

    def quoted_text(self, end: str | None) -> Word:
        """Up to the closing quote (or, for a here-document, the end of the text)."""
        parts: list[Part] = []
        literal: list[str] = []
        while True:
            if self.at_end:
                if end is None:
                    break
                raise Incomplete("unterminated quoted string")
            character = self.text[self.position]
            if character == end:
                self.position += 1
                break
            if character == "\\" and self.text[self.position + 1 : self.position + 2] in tuple('$`"\\\n'):
                escaped = self.text[self.position + 1]
                self.position += 2
                literal.append("" if escaped == "\n" else escaped)
            elif character in "$`":
                parts.append(Text("".join(literal), True))
                literal.clear()
                parts.append(self.dollar(True) if character == "$" else self._backquotes(True))
            else:
                literal.append(character)
                self.position += 1
        if literal or not parts:
            parts.append(Text("".join(literal), True))
        return tuple(parts)

    def dollar(self, quoted: bool) -> Part:
        """At a ``$``."""
        self.position += 1
        if self.peek("(("):
            end = _closing(self.text, self.position + 1)
            if end is not None and self.text.startswith("))", end):
                expression = self.text[self.position + 2 : end]
                self.position = end + 2
                return Arithmetic(type(self)(expression, self._depth + 1).quoted_text(None), quoted)
        if self.peek("("):
            inner = type(self)(self.text, self._depth + 1)
            inner.position = self.position + 1
            script = inner.script(frozenset())
            if not inner.take(")"):
                raise inner.unexpected()
            self.text, self.position = inner.text, inner.position
            return Substitution(script, quoted)
        if self.take("{"):
            return self._braces(quoted)
        name = self.match(NAME)
        if name:
            return Parameter(name[0], quoted=quoted)
        if not self.at_end and self.text[self.position] in _SPECIAL:
            self.position += 1
            return Parameter(self.text[self.position - 1], quoted=quoted)
        return Text("$", True)

    def _braces(self, quoted: bool) -> Part:
        if self.take("#") and not self.peek("}"):
            name = self.match(NAME) or self.match(re.compile(r"[0-9@*]+"))
            if name is None or not self.take("}"):
                raise self._bad_substitution()
            return Parameter(name[0], "length", quoted=quoted)
        if self.text[self.position - 1] == "#":
            self.position -= 1
        name = self.match(NAME) or self.match(re.compile(r"\d+|[@*#?$!-]"))
        if name is None:
            raise self._bad_substitution()
        operator = self.match(_OPERATOR)
        word: Word = ()
        if operator:
            word = self._until_brace()
        if not self.take("}"):
            raise self._bad_substitution()
        return Parameter(name[0], operator[0] if operator else "", word, quoted)

    def _bad_substitution(self) -> SyntaxFault:
        return Incomplete("unterminated ${") if self.at_end else SyntaxFault("bad substitution")

    def _until_brace(self) -> Word:
        parts: list[Part] = []
        while not self.at_end and (character := self.text[self.position]) != "}":
            if character in "\\'\"$`":
                parts.extend(self._quoted_or_dollar(character))
            else:
                parts.append(Text(character))
                self.position += 1
        return tuple(parts)

    def _backquotes(self, quoted: bool) -> Part:
        found = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL).match(self.text, self.position)
        if found is None:
            raise Incomplete("unterminated backquotes")
        self.position = found.end()
        inner = type(self)(re.sub(r"\\([`$\\])", r"\1", found[1]), self._depth + 1)
        script = inner.script(frozenset())
        if not inner.at_end:
            raise inner.unexpected()
        return Substitution(script, quoted)


def _closing(text: str, start: int) -> int | None:
    """The place of the parenthesis that closes the one at `start`."""
    depth = 0
    for index in range(start, len(text)):
        if text[index] == "(":
            depth += 1
        elif text[index] == ")":
            depth -= 1
            if depth == 0:
                return index
    return None
