"""What the subcommands of ``kubectl set`` share: flags, arguments, and sending the difference of two objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kube_nb.api import schema
from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.patch import strategic
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

MANAGER = "kubectl-set"
LOCAL = Flag("local", "bool", help="If true, the command will NOT contact the server but run locally.")
ALL = Flag("all", "bool", help="Select all resources, in the namespace of the specified resource types.")
FLAGS = (
    *resources.FILENAME_FLAGS,
    *resources.SELECTOR_FLAGS[:1],
    ALL,
    LOCAL,
    *changes.change_flags(MANAGER),
)


def split(args: Sequence[str], what: str) -> tuple[list[str], list[str]]:
    """Resources, and the ``key=value`` (or ``key-``) words behind them."""
    words: list[str] = []
    pairs: list[str] = []
    for arg in args:
        is_pair = "=" in arg or (arg.endswith("-") and len(arg) > 1)
        if is_pair:
            pairs.append(arg)
        elif pairs:
            raise KubectlError(f"error: all resources must be specified before {what} changes: {arg}")
        else:
            words.append(arg)
    return words, pairs


async def targets(inv: Invocation, words: Sequence[str]) -> list[resources.Target]:
    """What to change; with --local only what files hold."""
    if inv["local"]:
        if words:
            raise KubectlError(
                "error: you must specify resources by --filename when --local is set.\n"
                "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'"
            )
        return await resources.targets(inv)
    return await resources.targets(inv, words, everything=inv["all"])


@dataclass(frozen=True, slots=True)
class Words:
    """done: behind the object's name. patching: what a refusal says was tried."""

    done: str
    patching: str


async def change(
    inv: Invocation, found: Sequence[resources.Target], make: Callable[[Obj], Obj], words: Words, faults: list[str]
) -> None:
    """Change every object; the faults of some leave the others changed and are raised at the end.

    make: from an object to its changed copy; KubectlError for what it refuses. faults: it may add to them.
    """
    for target in found:
        old = target.obj if inv["local"] and target.obj else await resources.read(inv, target)
        try:
            await _change_one(inv, target, old, make(old), words.done)
        except KubectlError as error:
            faults.append(f"error: {target.mapping.gvr.resource}/{target.name} {error.text}\n")
        except ApiError as error:
            faults.append(f"{words.patching} {error.message}")
    if faults:
        raise KubectlError(changes.aggregate(faults))


async def _change_one(inv: Invocation, target: resources.Target, old: Obj, new: Obj, done: str) -> None:
    if new == old:
        return
    if inv["local"] or changes.dry_run(inv) == "client":
        changes.report(inv, target, changes.as_typed(new), done)
        return
    known = schema.schemas().for_gvk(target.mapping.gvk)
    assert known is not None
    body = strategic.diff(old, new, known)
    changes.report(inv, target, await changes.patch(inv, target, body, "strategic"), done)
