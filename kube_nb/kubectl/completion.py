"""Tab completion: what may stand where the cursor is. Models the words that ``kubectl completion`` offers."""

import shlex

from kube_nb.client.errors import Unreachable
from kube_nb.kubectl import resources
from kube_nb.kubectl.command import Command, Session
from kube_nb.kubectl.mapper import Mapping
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.run import GLOBAL_FLAGS
from kube_nb.kubectl.verbs import registry
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag

#: Verbs whose arguments are ``TYPE NAME`` or ``TYPE/NAME``.
_TYPED = (
    "annotate",
    "auth",
    "delete",
    "describe",
    "edit",
    "events",
    "explain",
    "expose",
    "get",
    "label",
    "patch",
    "rollout",
    "scale",
    "set",
    "taint",
    "top",
    "wait",
)
#: Verb -> the one kind that its arguments name.
_KINDS = {"attach": "pods", "cordon": "nodes", "drain": "nodes", "exec": "pods", "logs": "pods", "uncordon": "nodes"}
_VALUES = {
    "output": ["json", "yaml", "wide", "name", "jsonpath=", "custom-columns="],
    "dry-run": ["none", "client", "server"],
    "cascade": ["background", "foreground", "orphan"],
    "type": ["json", "merge", "strategic"],
    "for": ["condition=", "create", "delete", "jsonpath="],
}


async def complete(line: str, session: Session) -> list[str]:
    """What the last word of ``kubectl LINE`` may become, sorted; an unfinished line never raises.

    The word is what stands behind the last blank, so a line that ends with one asks for any next word.
    """
    words = _words(line)
    if words[:1] == ["kubectl"]:
        words = words[1:]
    *before, last = words or [""]
    try:
        found = await _candidates(before, last, session)
    except (ApiError, KubectlError, Unreachable):
        return []
    return sorted(dict.fromkeys(each for each in found if each.startswith(last)))


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return words if line and not line[-1].isspace() else [*words, ""]


async def _candidates(before: list[str], last: str, session: Session) -> list[str]:
    command, rest = _command(before)
    if rest and (flag := _awaiting_value(command, rest[-1])) is not None:
        return await _values(flag, session)
    if last.startswith("-"):
        return await _flags(command, last, session)
    if command is None:
        return [] if _arguments(None, before) else [each.name for each in registry.commands()]
    if command.subcommands and not _arguments(command, rest):
        return [each.name for each in command.subcommands]
    return await _arguments_for(before, command, rest, last, session)


def _command(before: list[str]) -> tuple[Command | None, list[str]]:
    """The command that the words name, and those behind its name; global flags may stand in front."""
    rest, skipped = list(before), []
    while rest and rest[0].startswith("-"):
        skipped.append(rest.pop(0))
        if _awaiting_value(None, skipped[-1]) is not None and rest:
            skipped.append(rest.pop(0))
    if not rest:
        return None, skipped
    command = registry.find(rest.pop(0))
    while command is not None and rest and (inner := command.subcommand(rest[0])) is not None:
        command, rest = inner, rest[1:]
    return command, rest


def _all_flags(command: Command | None) -> list[Flag]:
    own = list(command.flags) if command is not None else []
    names = {flag.name for flag in own}
    return own + [flag for flag in GLOBAL_FLAGS if flag.name not in names]


def _awaiting_value(command: Command | None, word: str) -> Flag | None:
    """The flag that stands at the line's end without the value that it needs."""
    for flag in _all_flags(command):
        if word in (f"--{flag.name}", f"-{flag.short}" if flag.short else "--") and flag.value_if_bare is None:
            return flag
    return None


async def _flags(command: Command | None, last: str, session: Session) -> list[str]:
    name, equals, _ = last.partition("=")
    for flag in _all_flags(command):
        if equals and name == f"--{flag.name}":
            return [f"{name}={value}" for value in await _values(flag, session)]
    needs = {flag.name: flag.value_if_bare is None for flag in _all_flags(command)}
    return [f"--{flag}" + ("=" if needs[flag] else "") for flag in needs]


async def _values(flag: Flag, session: Session) -> list[str]:
    if flag.name == "namespace":
        return await _names(await session.mapper.resource("namespaces"), session, None)
    return _VALUES.get(flag.name, [])


# -- arguments ---------------------------------------------------------------------------------------------------------


def _arguments(command: Command | None, rest: list[str]) -> list[str]:
    """The words that are neither flags nor their values."""
    found: list[str] = []
    awaiting = False
    for word in rest:
        if awaiting:
            awaiting = False
        elif word.startswith("-"):
            awaiting = _awaiting_value(command, word) is not None
        else:
            found.append(word)
    return found


def _namespace(command: Command, rest: list[str], session: Session) -> str:
    for word, following in zip(rest, [*rest[1:], ""], strict=True):
        if word in ("-n", "--namespace"):
            return following
        if word.startswith("--namespace="):
            return word.partition("=")[2]
    return session.namespace


async def _arguments_for(
    before: list[str], command: Command, rest: list[str], last: str, session: Session
) -> list[str]:
    verb = next((word for word in before if registry.find(word) is not None), "")
    given, namespace = _arguments(command, rest), _namespace(command, before, session)
    if verb in _KINDS and "/" not in last:
        return await _names(await session.mapper.resource(_KINDS[verb]), session, namespace) if not given else []
    if verb not in _TYPED and verb not in _KINDS:
        return []
    kind, slash, _ = last.partition("/")
    if slash:
        names = await _names(await session.mapper.resource(kind), session, namespace)
        return [f"{kind}/{name}" for name in names]
    if not given:
        return await _kinds(session)
    return await _names(await session.mapper.resource(given[0]), session, namespace) if "/" not in given[0] else []


async def _kinds(session: Session) -> list[str]:
    if not session.mapper.mappings:
        await session.mapper.refresh()
    plain = [each for each in session.mapper.mappings if "list" in each.verbs]
    return [name for each in plain for name in (each.gvr.resource, *each.short_names)]


async def _names(mapping: Mapping, session: Session, namespace: str | None) -> list[str]:
    where = namespace if mapping.namespaced else None
    listed = await session.client.list(mapping.gvr, where, limit=resources.CHUNK)
    return [each["metadata"]["name"] for each in listed.get("items") or []]
