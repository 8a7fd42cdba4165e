"""Tab in ``%kubectl``, ``%kube``, ``%etcdctl`` and ``%%manifest`` lines, also behind ``pods =``."""

import re
from collections.abc import Iterable

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from kube_magics import current

_LINE = re.compile(r"^\s*(?:[A-Za-z_]\w*\s*=\s*)?%{1,2}(kubectl|kube|etcdctl|manifest)\s(.*)$", re.DOTALL)


def install(shell: InteractiveShell) -> None:
    """Hook into IPython's completion; installing twice changes nothing."""
    remove(shell)
    shell.Completer.custom_matchers.append(_match)


def remove(shell: InteractiveShell) -> None:
    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if each is not _match]


@context_matcher()  # type: ignore[untyped-decorator]  # IPython leaves it untyped
def _match(context: CompletionContext) -> SimpleMatcherResult:
    found = _LINE.match(context.text_until_cursor)
    if found is None:
        return {"completions": [], "suppress": False}
    words = complete(found[1], found[2])
    word = found[2].rpartition(" ")[2]
    completions = [SimpleCompletion(text=each, type="keyword") for each in words]
    return {"completions": completions, "matched_fragment": word, "suppress": bool(completions), "ordered": True}


def complete(magic: str, line: str) -> list[str]:
    """What the last word of a magic's line may become. line: without the magic, up to the cursor."""
    earlier, _, word = line.rpartition(" ")
    if magic == "kubectl":
        return _kubectl(line)
    return [each for each in _CANDIDATES[magic](earlier.split(), word) if each.startswith(word)]


def _kubectl(line: str) -> list[str]:
    try:
        return current.get().complete(line)
    except current.NoCluster:
        return []


def _kube(earlier: list[str], word: str) -> Iterable[str]:
    from kube_magics import kube

    if not earlier:
        return kube.COMMANDS
    name = earlier[0]
    if name == "at" and len(earlier) > 1:
        return _kubectl(" ".join([*earlier[2:], word]))
    if word.startswith("-") and name in kube.COMMANDS:
        flags = kube.COMMANDS[name].flags
        return [f"--{flag}" for flag in flags.flags] if flags is not None else []
    if name in _NAMES:
        return _NAMES[name]()
    if name == "request":
        return _METHODS if len(earlier) == 1 else _kubectl(f"get {' '.join([*earlier[2:], word])}")
    if name == "why-not":
        kind = "pod" if len(earlier) == 1 else "node"
        return [each.rpartition("/")[2] for each in _kubectl(f"get {kind} {word}")]
    if name in _KINDS:
        return [each.rpartition("/")[2] for each in _kubectl(f"get {_KINDS[name]} {word}")]
    return _kubectl(f"get {word}") if name in ("graph", "timeline") else []


def _components() -> list[str]:
    try:
        return list(current.get().components)
    except current.NoCluster:
        return []


def _etcd() -> list[str]:
    return ["cut", "heal", *(name for name in _components() if name.startswith("etcd-"))]


def _clusters() -> list[str]:
    return [cluster.name for cluster in current.all_up()]


def _commands() -> list[str]:
    from kube_magics import kube

    return list(kube.COMMANDS)


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: What follows a command of %kube: names of a kind of object, or other names.
_KINDS = {"why": "pod", "endpoints": "service"}
_NAMES = {
    "etcd": _etcd,
    "use": _clusters,
    "down": _clusters,
    "stop": _components,
    "start": _components,
    "help": _commands,
}


def _etcdctl(earlier: list[str], word: str) -> Iterable[str]:
    from kube_nb.etcdctl.verbs import COMMANDS

    depth = len(earlier)
    verbs = [path[depth] for path in COMMANDS if len(path) > depth and list(path[:depth]) == earlier]
    if verbs and not word.startswith("-"):
        return dict.fromkeys(verbs)
    command = next((COMMANDS[path] for path in COMMANDS if list(path) == earlier[: len(path)]), None)
    return [f"--{name}" for name in command.flag_set().flags] if command is not None and word.startswith("-") else []


def _manifest(earlier: list[str], word: str) -> Iterable[str]:
    from kube_magics import manifest

    return manifest.FLAG_NAMES


_CANDIDATES = {"kube": _kube, "etcdctl": _etcdctl, "manifest": _manifest}
