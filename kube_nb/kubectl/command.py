"""What a verb is: a name, flags, a usage text and a coroutine; and what it is given to work with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kube_nb.kubectl.result import KubectlError, Result
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.pflag import Flag, Parsed
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.client import Client
    from kube_nb.kubectl.mapper import Mapper


@dataclass(slots=True)
class Session:
    """What every verb works with.

    client: the cluster. namespace: the context's. stdin: the text behind ``-f -``. read: a file's bytes by path (the
    notebook's own files). emit: called with text as soon as it is known by verbs that stream (-w, -f); the same text
    is in the result. edit: opens a text in an editor and gives the changed text back, None if there is none.
    """

    client: "Client"
    mapper: "Mapper"
    clock: Clock
    namespace: str = "default"
    stdin: str = ""
    read: Callable[[str], Mapping[str, bytes]] = lambda path: {}
    emit: Callable[[str], None] = lambda text: None
    edit: Callable[[str], str] | None = None
    config: Obj = field(default_factory=dict)


@dataclass(slots=True)
class Invocation:
    """One run of a verb: its session, flags and arguments, and the result it builds. verb: ``rollout undo``."""

    session: Session
    flags: Parsed
    result: Result = field(default_factory=Result)
    verb: str = ""

    @property
    def args(self) -> list[str]:
        return self.flags.args

    def __getitem__(self, flag: str) -> Any:
        return self.flags[flag]

    def given(self, flag: str) -> bool:
        """Whether the flag stood on the command line."""
        return flag in self.flags.given

    @property
    def namespace(self) -> str:
        """-n, else what ``config set-context --namespace`` set, else the session's."""
        config = self.session.config
        for each in config.get("contexts") or []:
            if each["name"] == config.get("current-context") and each["context"].get("namespace"):
                return str(self["namespace"] or each["context"]["namespace"])
        return str(self["namespace"] or self.session.namespace)

    def out(self, text: str) -> None:
        """Print a line to stdout."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Print text to stdout as it is."""
        self.result.text += text
        self.session.emit(text)

    def err(self, text: str) -> None:
        """Print a line to stderr; the command goes on."""
        self.result.stderr += text + "\n"

    def fail(self, text: str) -> None:
        """Print an error and go on; the command ends with exit code 1."""
        self.err(text)
        self.result.exit_code = self.result.exit_code or 1


@dataclass(frozen=True, slots=True)
class Command:
    """A verb, or a group of verbs (``rollout``) with `subcommands`.

    usage: as it stands behind "Usage:". about: the paragraph above it. examples: as printed under "Examples:".
    """

    name: str
    about: str
    usage: str
    run: Callable[[Invocation], Awaitable[None]] | None = None
    flags: Sequence[Flag] = ()
    examples: str = ""
    aliases: Sequence[str] = ()
    subcommands: Sequence["Command"] = ()

    def subcommand(self, name: str) -> "Command | None":
        for each in self.subcommands:
            if name == each.name or name in each.aliases:
                return each
        return None


def usage_error(command: str, text: str) -> KubectlError:
    """An error that points to the command's help, as kubectl words it."""
    return KubectlError(f"error: {text}\nSee '{command} -h' for help and examples")
