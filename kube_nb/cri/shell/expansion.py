"""From words to fields: parameters, command substitution, arithmetic, field splitting, file names, quote removal."""

import fnmatch
import posixpath
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from kube_nb.cri.files import Directory, FileSystem
from kube_nb.cri.shell import arithmetic
from kube_nb.cri.shell.syntax import Arithmetic, Parameter, Part, Script, Substitution, Text, Word


class ExpansionFault(Exception):
    """A parameter that must be set is not, or arithmetic fails: the shell gives up the command."""


class Variables(Protocol):
    """The shell as expansion sees it."""

    values: dict[str, str]
    positional: list[str]
    nounset: bool

    def special(self, name: str) -> str | None:
        """``$?``, ``$#``, ``$$``, ``$!``, ``$-``, ``$0``."""

    def assign(self, name: str, value: str) -> None: ...


#: A stretch of an expanded word: its text, and whether it is safe from splitting and file-name matching.
_Piece = tuple[str, bool]


class Expander:
    """substitute: runs a script and returns its output."""

    def __init__(
        self,
        variables: Variables,
        fs: FileSystem,
        cwd: Callable[[], str],
        substitute: Callable[[Script], Awaitable[str]],
    ) -> None:
        self._variables = variables
        self._fs = fs
        self._cwd = cwd
        self._substitute = substitute

    async def fields(self, words: Sequence[Word]) -> list[str]:
        """The arguments that words become."""
        fields: list[str] = []
        for word in words:
            if len(word) == 1 and isinstance(word[0], Text):
                part = word[0]
                fields += [part.text] if part.quoted else self._file_names([(part.text, False)])
                continue
            for pieces in await self._split(word):
                fields += self._file_names(pieces)
        return fields

    async def text(self, word: Word) -> str:
        """One string: for assignments, redirections, case subjects."""
        texts = []
        for part in word:
            if isinstance(part, Parameter) and part.name in "@*" and not part.operator:
                texts.append(" ".join(self._variables.positional))
            else:
                texts.append(await self._value(part))
        return "".join(texts)

    async def pattern(self, word: Word) -> re.Pattern[str]:
        """A compiled pattern: unquoted ``*?[]`` match, the rest stands for itself."""
        text = ""
        for part in word:
            value = await self._value(part)
            text += re.sub(r"([*?\[])", r"[\1]", value) if part.quoted else value
        return re.compile(fnmatch.translate(text))

    # -- values --------------------------------------------------------------------------------------------------

    async def _value(self, part: Part) -> str:
        if isinstance(part, Text):
            return part.text
        if isinstance(part, Substitution):
            return (await self._substitute(part.script)).rstrip("\n")
        if isinstance(part, Arithmetic):
            expression = await self.text(part.expression)
            try:
                return str(arithmetic.evaluate(expression, self._variables.values, self._variables.assign))
            except ValueError as error:
                raise ExpansionFault(str(error)) from error
        return await self._parameter(part)

    def _lookup(self, name: str) -> str | None:
        if name.isdigit() and name != "0":
            position = int(name) - 1
            return self._variables.positional[position] if position < len(self._variables.positional) else None
        if name in ("@", "*"):
            return " ".join(self._variables.positional) if self._variables.positional else None
        value = self._variables.special(name)
        return value if value is not None else self._variables.values.get(name)

    async def _parameter(self, part: Parameter) -> str:
        value = self._lookup(part.name)
        operator = part.operator
        if operator == "length":
            return str(len(value or ""))
        bare = operator.lstrip(":")
        if bare and bare in "-=+?":
            return await self._default(part, value, bare)
        if value is None:
            if self._variables.nounset:
                raise ExpansionFault(f"{part.name}: parameter not set")
            return ""
        if operator.startswith(("#", "%")):
            return _trim(value, operator, await self.pattern(part.word))
        if operator.startswith("/"):
            return self._replaced(value, operator, await self.text(part.word))
        return value

    async def _default(self, part: Parameter, value: str | None, operator: str) -> str:
        unset = value is None or (part.operator.startswith(":") and not value)
        if operator == "+":
            return "" if unset else await self.text(part.word)
        if not unset:
            return value or ""
        word = await self.text(part.word)
        if operator == "=":
            self._variables.assign(part.name, word)
        if operator == "?":
            raise ExpansionFault(f"{part.name}: {word or 'parameter not set'}")
        return word

    @staticmethod
    def _replaced(value: str, operator: str, word: str) -> str:
        old, _, new = word.partition("/")
        pattern = fnmatch.translate(old).removesuffix(r"\Z").removesuffix(r"\z")
        return re.sub(pattern, lambda _: new, value, count=0 if operator == "//" else 1)

    # -- fields --------------------------------------------------------------------------------------------------

    async def _split(self, word: Word) -> list[list[_Piece]]:
        """The fields of one word, each as pieces."""
        separators = self._variables.values.get("IFS", " \t\n")
        done: list[list[_Piece]] = []
        current: list[_Piece] = []
        for part in word:
            if isinstance(part, Parameter) and part.quoted and part.name == "@" and not part.operator:
                arguments = self._variables.positional
                for index, argument in enumerate(arguments):
                    if index:
                        done.append(current)
                        current = []
                    current.append((argument, True))
                continue
            value = await self._value(part)
            if part.quoted or isinstance(part, Text):
                current.append((value, part.quoted))
                continue
            chunks = re.split(f"[{re.escape(separators)}]+", value) if separators else [value]
            for index, chunk in enumerate(chunks):
                if index and current:
                    done.append(current)
                    current = []
                if chunk:
                    current.append((chunk, False))
        if current:
            done.append(current)
        return done

    def _file_names(self, pieces: list[_Piece]) -> list[str]:
        """The field as text, or the sorted paths that it matches."""
        text = "".join(piece for piece, _ in pieces)
        if not any(not quoted and any(c in piece for c in "*?[") for piece, quoted in pieces):
            return [text]
        pattern = "".join(re.sub(r"([*?\[])", r"[\1]", piece) if quoted else piece for piece, quoted in pieces)
        return self._glob(pattern) or [text]

    def _glob(self, pattern: str) -> list[str]:
        paths = ["/" if pattern.startswith("/") else ""]
        for part in [part for part in pattern.split("/") if part]:
            found = []
            for path in paths:
                directory = posixpath.join(self._cwd(), path)
                if not any(c in part for c in "*?["):
                    found += [path + part] if self._fs.exists(posixpath.join(directory, part)) else []
                elif isinstance(self._fs.find(directory), Directory):
                    names = fnmatch.filter(self._fs.list(directory), part)
                    found += [path + name for name in names if part.startswith(".") or not name.startswith(".")]
            paths = [path + "/" for path in found]
        return [path.rstrip("/") for path in paths]


def _trim(value: str, operator: str, pattern: re.Pattern[str]) -> str:
    """``#`` and ``%``: cut the shortest, doubled the longest, match off the front or the back."""
    places = range(len(value) + 1)
    front = operator.startswith("#")
    longest = len(operator) == 2
    for place in places if front != longest else reversed(places):
        piece = value[:place] if front else value[place:]
        if pattern.match(piece):
            return value[place:] if front else value[:place]
    return value
