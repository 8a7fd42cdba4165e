"""Command-line flags with the grammar of spf13/pflag, which kubectl and etcdctl share.

Why not a Python library: pflag's optional values bind only with "=" (``--dry-run client`` leaves ``client`` an
argument), shorthands join (``-Aoyaml``), and its error texts are part of what a user of kubectl sees.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kube_nb.machinery import duration

Kind = Literal["bool", "string", "int", "float", "duration", "strings", "array"]


class FlagError(ValueError):
    """A command line that the flags refuse; the message is pflag's."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    kind: ``strings`` splits at commas and adds up over repetitions, ``array`` only adds up. optional: the value of the
    bare flag (pflag's NoOptDefVal); a bool's is ``true``.
    """

    name: str
    kind: Kind = "string"
    default: Any = None
    short: str = ""
    optional: str | None = None
    help: str = ""

    @property
    def value_if_bare(self) -> str | None:
        return "true" if self.kind == "bool" else self.optional

    def zero(self) -> Any:
        """The value when the flag is not given."""
        if self.kind in ("strings", "array"):
            return list(self.default or ())
        if self.default is not None:
            return self.default
        return {"bool": False, "string": "", "int": 0, "float": 0.0, "duration": "0s"}[self.kind]

    def read(self, text: str) -> Any:
        """The typed value of `text`; FlagError in strconv's words."""
        shown = f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"
        try:
            return _READERS[self.kind](text)
        except ValueError as error:
            raise FlagError(f'invalid argument "{text}" for "{shown}" flag: {error}') from None


def _bool(text: str) -> bool:
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _int(text: str) -> int:
    try:
        return int(text, 10)
    except ValueError:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{text}": invalid syntax') from None


def _duration(text: str) -> str:
    duration.parse(text)
    return text


def _strings(text: str) -> list[str]:
    return text.split(",") if text else []


_READERS: Mapping[str, Any] = {
    "bool": _bool,
    "string": str,
    "int": _int,
    "float": _float,
    "duration": _duration,
    "strings": _strings,
    "array": lambda text: [text],
}


@dataclass(slots=True)
class Parsed:
    """values: every flag's value by name. given: the names that stood on the line. args: what is not a flag;
    `dash` counts those before ``--`` (None without one), as cobra's ArgsLenAtDash."""

    values: dict[str, Any]
    given: dict[str, None] = field(default_factory=dict)
    args: list[str] = field(default_factory=list)
    dash: int | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


class FlagSet:
    """The flags of one command."""

    def __init__(self, flags: Iterable[Flag]) -> None:
        self.flags = {flag.name: flag for flag in flags}
        self._shorts = {flag.short: flag for flag in self.flags.values() if flag.short}

    def parse(self, argv: Sequence[str]) -> Parsed:
        """Read a command line without the command's own name."""
        parsed = Parsed({name: flag.zero() for name, flag in self.flags.items()})
        rest = list(argv)
        while rest:
            word = rest.pop(0)
            if word == "--":
                parsed.dash = len(parsed.args)
                parsed.args += rest
                break
            if word.startswith("--"):
                self._long(word, rest, parsed)
            elif word.startswith("-") and len(word) > 1:
                self._shorthands(word, rest, parsed)
            else:
                parsed.args.append(word)
        return parsed

    def _long(self, word: str, rest: list[str], parsed: Parsed) -> None:
        name, equals, text = word[2:].partition("=")
        if not name or name[0] in "-=":
            raise FlagError(f"bad flag syntax: {word}")
        flag = self.flags.get(name)
        if flag is None:
            raise FlagError(f"unknown flag: --{name}")
        if not equals:
            if flag.value_if_bare is not None:
                text = flag.value_if_bare
            elif rest:
                text = rest.pop(0)
            else:
                raise FlagError(f"flag needs an argument: --{name}")
        _assign(flag, text, parsed)

    def _shorthands(self, word: str, rest: list[str], parsed: Parsed) -> None:
        letters = word[1:]
        while letters:
            flag = self._shorts.get(letters[0])
            if flag is None:
                raise FlagError(f"unknown shorthand flag: '{letters[0]}' in {word}")
            if len(letters) > 2 and letters[1] == "=":
                _assign(flag, letters[2:], parsed)
                return
            if flag.value_if_bare is not None:
                _assign(flag, flag.value_if_bare, parsed)
                letters = letters[1:]
                continue
            if len(letters) > 1:
                _assign(flag, letters[1:], parsed)
            elif rest:
                _assign(flag, rest.pop(0), parsed)
            else:
                raise FlagError(f"flag needs an argument: '{letters[0]}' in {word}")
            return


def _assign(flag: Flag, text: str, parsed: Parsed) -> None:
    value = flag.read(text)
    if flag.kind in ("strings", "array") and flag.name in parsed.given:
        value = parsed.values[flag.name] + value
    parsed.values[flag.name] = value
    parsed.given[flag.name] = None
