"""Recursive descent over the commands of a script. Models POSIX.1-2017, Shell Command Language, section 2.10."""

import re
from collections.abc import Callable
from dataclasses import replace

from kube_nb.cri.shell.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Text,
    Word,
)
from kube_nb.cri.shell.words import ENDS_WORD, MAX_DEPTH, NAME, Incomplete, SyntaxFault, WordReader

__all__ = ["Incomplete", "SyntaxFault", "parse"]

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_REDIRECT = re.compile(r"(\d*)(<<<|<<-|<<|<&|>>|>&|>\||<|>)|(&>>|&>)")
_RESERVED = frozenset(("then", "else", "elif", "fi", "do", "done", "esac", "}"))


def parse(text: str) -> Script:
    """Raises SyntaxFault, or Incomplete if more text could mend it."""
    parser = _Parser(text)
    script = parser.script(frozenset())
    if not parser.at_end:
        raise parser.unexpected()
    return script


class _Parser(WordReader):
    def __init__(self, text: str, depth: int = 0) -> None:
        super().__init__(text, depth)
        self._documents: list[tuple[list[Redirect], int, str, bool, bool]] = []

    # -- lines and here-documents --------------------------------------------------------------------------------

    def newlines(self) -> None:
        self.blanks()
        while self.peek("\n"):
            self._newline()
            self.blanks()

    def _newline(self) -> None:
        self.position += 1
        documents, self._documents = self._documents, []
        for redirects, index, mark, quoted, strip in documents:
            redirects[index] = replace(redirects[index], target=self._document(mark, quoted, strip))

    def _document(self, mark: str, quoted: bool, strip: bool) -> Word:
        lines = []
        while True:
            if self.at_end:
                raise Incomplete(f"here-document delimited by end-of-file (wanted {mark!r})")
            line, _, _ = self.text[self.position :].partition("\n")
            self.position = min(len(self.text), self.position + len(line) + 1)
            line = line.lstrip("\t") if strip else line
            if line == mark:
                break
            lines.append(line + "\n")
        body = "".join(lines)
        return (Text(body, True),) if quoted else _Parser(body, self._depth + 1).quoted_text(None)

    # -- lists ---------------------------------------------------------------------------------------------------

    def reserved(self) -> str:
        """The reserved word at this place, without taking it."""
        self.blanks()
        found = re.compile(r"[a-z]+|[{}!]").match(self.text, self.position)
        if found is None:
            return ""
        after = self.text[found.end() : found.end() + 1]
        return found[0] if not after or after in ENDS_WORD else ""

    def expect(self, word: str) -> None:
        self.newlines()
        if self.reserved() != word:
            raise self.unexpected()
        self.position += len(word)

    def script(self, ends: frozenset[str]) -> Script:
        """A list up to one of the reserved words, a ``)`` or ``;;``, or the end."""
        items: list[AndOr] = []
        while True:
            self.newlines()
            if self.at_end or self.peek(")") or self.peek(";;") or self.reserved() in ends:
                return Script(tuple(items))
            if self.reserved() in _RESERVED:
                raise self.unexpected()
            item = self.and_or()
            self.blanks()
            if self.peek("&") and not self.peek("&&"):
                self.position += 1
                item = replace(item, background=True)
            elif self.peek(";") and not self.peek(";;"):
                self.position += 1
            elif not (self.at_end or self.peek("\n") or self.peek(")") or self.peek(";;")):
                raise self.unexpected()
            items.append(item)

    def and_or(self) -> AndOr:
        first = self.pipeline()
        rest: list[tuple[str, Pipeline]] = []
        while True:
            self.blanks()
            operator = "&&" if self.take("&&") else "||" if self.take("||") else ""
            if not operator:
                return AndOr(first, tuple(rest))
            self.newlines()
            rest.append((operator, self.pipeline()))

    def pipeline(self) -> Pipeline:
        negated = False
        while self.reserved() == "!":
            self.position += 1
            negated = not negated
        commands = [self.command()]
        while True:
            self.blanks()
            if self.peek("||") or not self.take("|"):
                return Pipeline(tuple(commands), negated)
            self.newlines()
            commands.append(self.command())

    # -- commands ------------------------------------------------------------------------------------------------

    def command(self) -> Command:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SyntaxFault("nested too deeply")
        try:
            compound = self._compound()
            if compound is None:
                return self._simple()
            redirects = self._redirects()
            return replace(compound, redirects=redirects) if redirects else compound
        finally:
            self._depth -= 1

    def _compound(self) -> Command | None:
        word = self.reserved()
        if self.peek("("):
            self.position += 1
            body = self.script(frozenset())
            if not self.take(")"):
                raise self.unexpected()
            return Group(body, subshell=True)
        known: dict[str, Callable[[], Command]] = {
            "if": self._if,
            "while": self._loop,
            "until": self._loop,
            "for": self._for,
            "case": self._case,
        }
        if word in known:
            return known[word]()
        if word == "{":
            self.position += 1
            body = self.script(frozenset("}"))
            self.expect("}")
            return Group(body)
        function = re.compile(r"(?:function[ \t]+)?([A-Za-z_][\w-]*)[ \t]*\(\)").match(self.text, self.position)
        if function:
            self.position = function.end()
            self.newlines()
            return Function(function[1], self.command())
        return None

    def _if(self) -> If:
        branches = []
        otherwise = None
        self.expect("if")
        while True:
            condition = self.script(frozenset(("then",)))
            self.expect("then")
            branches.append((condition, self.script(frozenset(("elif", "else", "fi")))))
            word = self.reserved()
            self.position += len(word)
            if word == "else":
                otherwise = self.script(frozenset(("fi",)))
                self.expect("fi")
            elif word == "elif":
                continue
            elif word != "fi":
                raise self.unexpected()
            return If(tuple(branches), otherwise)

    def _body(self) -> Script:
        self.expect("do")
        body = self.script(frozenset(("done",)))
        self.expect("done")
        return body

    def _loop(self) -> Loop:
        word = self.reserved()
        self.position += len(word)
        condition = self.script(frozenset(("do",)))
        return Loop(condition, self._body(), until=word == "until")

    def _for(self) -> For:
        self.expect("for")
        self.blanks()
        name = self.match(NAME)
        if name is None:
            raise self.unexpected()
        self.newlines()
        words: list[Word] | None = None
        if self.reserved() == "in":
            self.position += 2
            words = []
            while True:
                self.blanks()
                if self.at_end or self.text[self.position] in ";\n":
                    break
                words.append(self.word())
        self.blanks()
        self.take(";")
        return For(name[0], None if words is None else tuple(words), self._body())

    def _case(self) -> Case:
        self.expect("case")
        self.blanks()
        subject = self.word()
        self.expect("in")
        items: list[tuple[tuple[Word, ...], Script]] = []
        while True:
            self.newlines()
            if self.reserved() == "esac":
                self.position += 4
                return Case(subject, tuple(items))
            self.take("(")
            self.blanks()
            patterns = [self.word()]
            self.blanks()
            while self.take("|"):
                self.blanks()
                patterns.append(self.word())
                self.blanks()
            if not self.take(")"):
                raise self.unexpected()
            items.append((tuple(patterns), self.script(frozenset(("esac",)))))
            self.newlines()
            if not self.take(";;") and self.reserved() != "esac":
                raise self.unexpected()

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self.blanks()
            if self._redirect(redirects):
                continue
            if self.at_end or self.text[self.position] in ENDS_WORD:
                break
            assignment = None if words else self.match(_ASSIGNMENT)
            if assignment:
                bare = self.at_end or self.text[self.position] in ENDS_WORD
                assignments.append((assignment[1], () if bare else self.word()))
            else:
                words.append(self.word())
        if not (assignments or words or redirects):
            raise self.unexpected()
        return Simple(tuple(assignments), tuple(words), self._pending(redirects))

    def _pending(self, redirects: list[Redirect]) -> tuple[Redirect, ...]:
        """The redirects; if one waits for its document, that is read now, ahead of the rest of the line."""
        if not self._documents:
            return tuple(redirects)
        position, end = self.position, self.text.find("\n", self.position)
        if end < 0:
            raise Incomplete("here-document without its text")
        self.position = end
        self._newline()
        self.text = self.text[:end] + "\n" + self.text[self.position :]
        self.position = position
        return tuple(redirects)

    def _redirects(self) -> tuple[Redirect, ...]:
        redirects: list[Redirect] = []
        self.blanks()
        while self._redirect(redirects):
            self.blanks()
        return self._pending(redirects)

    def _redirect(self, redirects: list[Redirect]) -> bool:
        found = self.match(_REDIRECT)
        if found is None:
            return False
        operator = found[2] or found[3]
        self.blanks()
        target = self.word()
        fd = int(found[1]) if found[1] else (0 if operator.startswith("<") else 1)
        if operator in ("<<", "<<-"):
            mark = "".join(part.text for part in target if isinstance(part, Text))
            quoted = any(isinstance(part, Text) and part.quoted for part in target)
            self._documents.append((redirects, len(redirects), mark, quoted, operator == "<<-"))
            operator = "<<"
        redirects.append(Redirect(fd, ">" if operator == ">|" else operator, target))
        return True
