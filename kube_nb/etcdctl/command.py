"""Finding a command line's verb, parsing its flags, running it.

Models etcdctl/ctlv3/ctl.go and cobra's way of finding commands.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from kube_nb.etcd.auth import AuthNotEnabled
from kube_nb.etcd.backend import Backend, Maintained
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.guard import Authority
from kube_nb.etcdctl import limit
from kube_nb.etcdctl.printers import PRINTERS, Printer
from kube_nb.etcdctl.printers.printer import EndpointHealth, MemberChange
from kube_nb.etcdctl.result import CommandError, Exit, Result
from kube_nb.machinery import duration
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet, Parsed
from kube_nb.machinery.suggestions import suggestions

#: What every command takes. Those about connections are accepted and have no effect, for the backend is given; but
#: dial-timeout and command-timeout have.
GLOBAL_FLAGS = (
    Flag("cacert", help="verify certificates of TLS-enabled secure servers using this CA bundle"),
    Flag("cert", help="identify secure client using this TLS certificate file"),
    Flag(
        "command-timeout",
        "duration",
        "5s",
        help="timeout for short running command (excluding dial timeout)",
    ),
    Flag("debug", "bool", help="enable client-side debug logging"),
    Flag("dial-timeout", "duration", "2s", help="dial timeout for client connections"),
    Flag("discovery-srv", short="d", help="domain name to query for SRV records describing cluster endpoints"),
    Flag("discovery-srv-name", help="service name to query when using DNS discovery"),
    Flag("endpoints", "strings", ["127.0.0.1:2379"], help="gRPC endpoints"),
    Flag("hex", "bool", help="print byte strings as hex encoded strings"),
    Flag(
        "insecure-discovery",
        "bool",
        True,
        help="accept insecure SRV records describing cluster endpoints",
    ),
    Flag(
        "insecure-skip-tls-verify",
        "bool",
        help="skip server certificate verification (CAUTION: this option should be enabled only for testing purposes)",
    ),
    Flag("insecure-transport", "bool", True, help="disable transport security for client connections"),
    Flag("keepalive-time", "duration", "2s", help="keepalive time for client connections"),
    Flag("keepalive-timeout", "duration", "6s", help="keepalive timeout for client connections"),
    Flag("key", help="identify secure client using this TLS key file"),
    Flag(
        "password",
        help="password for authentication (if this option is used, --user option shouldn't include password)",
    ),
    Flag("pretty", "bool", help="show values that are objects indented"),
    Flag("user", help="username[:password] for authentication (prompt if password is not supplied)"),
    Flag("write-out", "string", "simple", "w", help="set the output format (fields, json, protobuf, simple, table)"),
)
HELP = Flag("help", "bool", short="h", help="help for {}")


@dataclass(slots=True)
class Call:
    """One run of a command: its arguments, where it reads and writes."""

    parsed: Parsed
    backend: Backend
    printer: Printer
    out: Callable[[str], None]
    err: Callable[[str], None]
    stdin: str = ""
    responses: list[Any] = field(default_factory=list)

    @property
    def operated(self) -> Maintained:
        """The backend with an operator's calls; CommandError where it has none."""
        if not hasattr(self.backend, "defragment"):
            raise CommandError("this store cannot be maintained from here")
        return cast(Maintained, self.backend)

    @property
    def authority(self) -> Authority:
        """The backend with users and roles; CommandError where it has none."""
        if not hasattr(self.backend, "auth_change"):
            raise CommandError("users and roles of this store cannot be managed from here")
        return cast(Authority, self.backend)

    async def endpoints(self) -> list[str]:
        """What ``--endpoints`` names, or with ``--cluster`` every member's address."""
        if self.parsed.values.get("cluster"):
            return [url for member in await self.backend.member_list() for url in member.client_urls]
        return list(self["endpoints"])

    def at(self, endpoint: str) -> Backend:
        """The member behind an endpoint, where the backend knows members apart."""
        at = getattr(self.backend, "at", None)
        return cast(Backend, at(endpoint)) if at is not None else self.backend

    @property
    def args(self) -> list[str]:
        return self.parsed.args

    def __getitem__(self, flag: str) -> Any:
        return self.parsed[flag]

    async def show(self, response: Any, **context: Any) -> None:
        """Print a response in the form that was asked for, and keep it for the result."""
        self.responses.append(response)
        if self.printer.needs_header or isinstance(response, MemberChange):
            context["status"] = await self.backend.status()
        if self.printer.name == "simple" and isinstance(response, EndpointHealth):
            self.err(self.printer.show(response, context))  # a quirk of etcdctl's: health is told on stderr
        else:
            self.out(self.printer.show(response, context))


@dataclass(frozen=True, slots=True)
class Command:
    """A verb. path: ``lease grant``. use: its usage line without the words of its parents."""

    path: str
    use: str
    short: str
    run: Callable[[Call], Awaitable[None]]
    flags: tuple[Flag, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.path.split())

    def flag_set(self) -> FlagSet:
        return FlagSet((*self.flags, HELP, *GLOBAL_FLAGS))


async def run(
    argv: Sequence[str],
    backend: Backend,
    *,
    stdin: str = "",
    emit: Callable[[str], None] | None = None,
    result: Result | None = None,
) -> Result:
    """Run a command to its end. argv: without the word ``etcdctl``.

    emit: also called with the text, stdout and stderr, as it comes. result: filled along the way, so that what came
    before a cancellation can still be used; who gives one finds stderr there, and `emit` gets stdout only.
    """
    kept = result if result is not None else Result()

    def out(text: str) -> None:
        kept.text += text
        if emit is not None:
            emit(text)

    def err(text: str) -> None:
        kept.stderr += text
        if emit is not None and result is None:
            emit(text)

    kept.exit_code = await _run(argv, backend, out, err, stdin, kept.responses)
    return kept


async def stream(
    argv: Sequence[str], backend: Backend, *, stdin: str = "", result: Result | None = None
) -> AsyncIterator[str]:
    """Run a command and give its text as it comes; closing the iterator cancels the command."""
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(run(argv, backend, stdin=stdin, emit=pieces.put_nowait, result=result))
    task.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def verb(argv: Sequence[str]) -> str:
    """The verb that a command line means: ``lease keep-alive`` for ``-w json lease keep 1f``; "" if there is none."""
    from kube_nb.etcdctl import verbs

    words, _ = _split(list(argv), tuple(verbs.COMMANDS))
    return " ".join(words) if words in verbs.COMMANDS else ""


async def _run(
    argv: Sequence[str],
    backend: Backend,
    out: Callable[[str], None],
    err: Callable[[str], None],
    stdin: str,
    responses: list[Any],
) -> int:
    from kube_nb.etcdctl import usage, verbs

    try:
        words, rest = _split(list(argv), tuple(verbs.COMMANDS))
        command = verbs.COMMANDS.get(words)
        if command is None:
            return _run_group(words, rest, out)
        try:
            parsed = command.flag_set().parse(rest)
        except FlagError as error:
            raise CommandError(str(error), usage=usage.of_command(command)) from None
        if parsed["help"]:
            out(usage.of_command(command))
            return Exit.SUCCESS
        printer = PRINTERS.get(parsed["write-out"])
        if printer is None:
            raise CommandError("unsupported output format", Exit.BAD_FEATURE)
        backend = await _login(_one_member(backend, parsed), parsed)
        timeout_s = None if limit.is_patient(command.path) else duration.parse(parsed["command-timeout"])
        backend = limit.limited(backend, timeout_s)
        call = Call(parsed, backend, printer(is_hex=parsed["hex"], pretty=parsed["pretty"]), out, err, stdin, responses)
        await command.run(call)
    except CommandError as error:
        if error.usage:
            out(error.usage + "\n")
        err(error.stderr)
        return error.exit_code
    except EtcdError as error:
        err(f"Error: {error.message}\n")
        return Exit.ERROR
    return Exit.SUCCESS


def _one_member(backend: Backend, parsed: Parsed) -> Backend:
    """The member that a single ``--endpoints`` names; commands that go to several choose each themselves."""
    at = getattr(backend, "at", None)
    if at is None or "endpoints" not in parsed.given or len(parsed["endpoints"]) != 1 or parsed.values.get("cluster"):
        return backend
    return cast(Backend, at(parsed["endpoints"][0]))


async def _login(backend: Backend, parsed: Parsed) -> Backend:
    """The backend as ``--user`` sees it, where it knows users; a wrong password is refused here."""
    as_user = getattr(backend, "as_user", None)
    if as_user is None:
        return backend
    name, colon, password = str(parsed["user"]).partition(":")
    try:
        user = as_user(name, password if colon else parsed["password"])
        if hasattr(type(user), "login"):  # somebody else's etcd has to be asked
            limit.limited(user, duration.parse(parsed["dial-timeout"]))
            await user.login()
        return cast(Backend, user)
    except AuthNotEnabled:
        return cast(Backend, as_user())
    except EtcdError as error:
        raise CommandError(error.message, Exit.BAD_CONNECTION) from None


def _split(argv: list[str], known: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], list[str]]:
    """The words that name a command, and the rest; global flags may stand before and between them."""
    flags = {f"--{flag.name}": flag for flag in GLOBAL_FLAGS} | {f"-{f.short}": f for f in GLOBAL_FLAGS if f.short}
    words: tuple[str, ...] = ()
    place = 0
    while place < len(argv):
        word = argv[place]
        if word == "--":
            break
        if word.startswith("-"):
            flag = flags.get(word)
            place += 2 if flag is not None and flag.value_if_bare is None else 1
            continue
        found = _named(word, {name[len(words)]: None for name in known if name[: len(words)] == words != name})
        if found is None:
            break
        words = (*words, found)
        argv = argv[:place] + argv[place + 1 :]
    return words, argv


def _named(word: str, names: Iterable[str]) -> str | None:
    """The name itself, or the only one that begins with the word, as etcdctl lets cobra find commands."""
    if word in names:
        return word
    longer = [name for name in names if name.startswith(word)]
    return longer[0] if len(longer) == 1 else None


def _run_group(words: tuple[str, ...], rest: list[str], out: Callable[[str], None]) -> int:
    """A line that names no command: help on the group, or the refusal of what it does not know."""
    from kube_nb.etcdctl import usage, verbs

    try:
        parsed = FlagSet((HELP, *GLOBAL_FLAGS)).parse(rest)
    except FlagError as error:
        raise CommandError(str(error), usage=usage.of_group(words)) from None
    if parsed.args and not words:
        name = parsed.args[0]
        text = f'unknown command "{name}" for "etcdctl"{suggestions(name, verbs.FIRST_WORDS)}'
        raise CommandError(f"{text}\nRun 'etcdctl --help' for usage.\nError: {text}")
    out(usage.of_group(words))
    return Exit.SUCCESS
