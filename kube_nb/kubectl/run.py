"""From a command line to a `Result`: finds the verb, reads its flags, runs it, words its errors."""

import copy
import shlex
from collections.abc import Sequence
from dataclasses import replace

from kube_nb.client.errors import Unreachable
from kube_nb.kubectl import helptext
from kube_nb.kubectl.command import Command, Invocation, Session
from kube_nb.kubectl.resources import message_of
from kube_nb.kubectl.result import KubectlError, Result
from kube_nb.kubectl.verbs import registry
from kube_nb.kubectl.warnings import WarningTransport
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet, Parsed
from kube_nb.machinery.suggestions import suggestions
from kube_nb.machinery.types import Obj

#: Flags of every verb.
GLOBAL_FLAGS = (
    Flag("namespace", short="n", help="If present, the namespace scope for this CLI request."),
    Flag("help", "bool", short="h", help="Help for this command."),
    Flag("context", help="The name of the kubeconfig context to use."),
    Flag("cluster", help="The name of the kubeconfig cluster to use."),
    Flag("user", help="The name of the kubeconfig user to use."),
    Flag("kubeconfig", help="Path to the kubeconfig file to use for CLI requests."),
    Flag("as", help="Username to impersonate for the operation."),
    Flag("as-group", "array", help="Group to impersonate for the operation, may be repeated."),
    Flag("as-uid", help="UID to impersonate for the operation."),
    Flag("request-timeout", default="0", help="The length of time to wait for a single server request."),
    Flag("warnings-as-errors", "bool", help="Treat warnings received from the server as errors."),
    Flag("v", "int", short="v", help="Number for the log level verbosity."),
)


async def run(command_line: str | Sequence[str], session: Session, result: Result | None = None) -> Result:
    """Run ``get pods -l app=web`` (with or without the word kubectl). Never raises for what the command refuses.

    result: filled as the command goes on, for callers that may stop it.
    """
    result = Result() if result is None else result
    try:
        argv = shlex.split(command_line) if isinstance(command_line, str) else list(command_line)
    except ValueError as error:
        _refuse(result, f"error: the command line cannot be split into words: {error}", 1)
        return result
    if argv[:1] == ["kubectl"]:
        argv = argv[1:]
    warnings = WarningTransport(session.client.transport, result)
    client = copy.copy(session.client)
    client.transport = warnings
    try:
        await _run(argv, replace(session, client=client), result)
    except KubectlError as error:
        _refuse(result, error.text, error.exit_code)
    except ApiError as error:
        _refuse(result, message_of(error), 1)
    except ValueError as error:  # what a parser refuses: a selector, a path, a quantity
        _refuse(result, f"error: {error}", 1)
    except Unreachable as error:
        _refuse(result, _unreachable(str(error)), 1)
    if warnings.seen and "--warnings-as-errors" in argv and not result.exit_code:
        count = len(warnings.seen)
        _refuse(result, f"error: {count} warning{'s' if count > 1 else ''} received", 1)
    return result


def _unreachable(text: str) -> str:
    """A refused connection in kubectl's words; the address stands between "tcp " and ": connect"."""
    address = text.partition("dial tcp ")[2].partition(": ")[0]
    if "refused" in text and address:
        return f"The connection to the server {address} was refused - did you specify the right host or port?"
    return f"Unable to connect to the server: {text}"


def _refuse(result: Result, text: str, exit_code: int) -> None:
    result.stderr += text if text.endswith("\n") else text + "\n"
    result.exit_code = exit_code


async def _run(argv: list[str], session: Session, result: Result) -> None:
    command, path, rest = locate(argv)
    if command is None:
        result.text = helptext.overview()
        return
    try:
        flags = FlagSet((*command.flags, *(f for f in GLOBAL_FLAGS if f.name not in {g.name for g in command.flags})))
        parsed = flags.parse(rest)
    except FlagError as error:
        raise KubectlError(f"error: {error}\nSee '{path} --help' for usage.") from None
    if parsed["help"] or command.run is None:
        _group_or_help(command, path, parsed, result)
        return
    if isinstance(session.client.transport, WarningTransport):
        session.client.transport.headers = _impersonation(parsed, session.config)
    await command.run(Invocation(session, parsed, result, path.removeprefix("kubectl ")))


def _impersonation(parsed: Parsed, config: Obj) -> dict[str, str]:
    """The headers of --as and its companions."""
    if (parsed["as-group"] or parsed["as-uid"]) and not parsed["as"]:
        contexts = {each["name"]: each["context"] for each in config.get("contexts") or []}
        user = contexts.get(config.get("current-context"), {}).get("user", "kubernetes-admin")
        raise KubectlError(f"error: requesting uid, groups or user-extra for {user} without impersonating a user")
    found = {"impersonate-user": parsed["as"], "impersonate-uid": parsed["as-uid"]}
    if parsed["as-group"]:
        found["impersonate-group"] = ",".join(parsed["as-group"])
    return {name: value for name, value in found.items() if value}


def locate(argv: Sequence[str]) -> tuple[Command | None, str, list[str]]:
    """The command that a line names, its full name, and the words behind it."""
    rest = list(argv)
    flags = _leading_flags(rest)
    if rest[:1] == ["help"]:
        rest = [*rest[1:], "--help"] if rest[1:] else []
    if not rest or rest[0] in ("--help", "-h"):
        return None, "kubectl", []
    word = rest.pop(0)
    command = registry.find(word)
    if command is None:
        near = suggestions(word, sorted(each.name for each in registry.commands()))
        raise KubectlError(f'error: unknown command "{word}" for "kubectl"{near}')
    path = f"kubectl {command.name}"
    while command.subcommands and rest and (sub := command.subcommand(rest[0])) is not None:
        command, path, rest = sub, f"{path} {sub.name}", rest[1:]
    return command, path, flags + rest


def _leading_flags(rest: list[str]) -> list[str]:
    """Take global flags that stand before the verb: ``kubectl -n kube-system get pods``."""
    taken: list[str] = []
    known = {f"--{flag.name}": flag for flag in GLOBAL_FLAGS} | {f"-{f.short}": f for f in GLOBAL_FLAGS if f.short}
    while rest and rest[0].startswith("-") and rest[0] not in ("-h", "--help"):
        word = rest.pop(0)
        taken.append(word)
        flag = known.get(word)
        if flag is not None and flag.value_if_bare is None and rest:
            taken.append(rest.pop(0))
    return taken


def _group_or_help(command: Command, path: str, parsed: Parsed, result: Result) -> None:
    """Help that was asked for goes to stdout; a group that lacks its subcommand tells so on stderr."""
    if parsed["help"] or command.run is not None:
        result.text = helptext.of(command, path)
        return
    if parsed.args:
        raise KubectlError(f"error: unknown command \"{' '.join(parsed.args)}\"\nSee '{path} -h' for help and examples")
    raise KubectlError(helptext.of(command, path))
