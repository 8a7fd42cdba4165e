"""``kubectl cordon``, ``uncordon`` and ``taint``. Models kubectl pkg/cmd/drain and pkg/cmd/taint."""

from collections.abc import Sequence
from dataclasses import dataclass

from kube_nb.api.resources import NODES
from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import names
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


async def node_targets(inv: Invocation) -> list[resources.Target]:
    """Nodes by name or by selector."""
    if not inv.args and not inv["selector"]:
        raise usage_error(f"kubectl {inv.verb}", f"USAGE: {inv.verb} NODE [flags]")
    words = [arg.removeprefix("node/").removeprefix("nodes/") for arg in inv.args]
    return await resources.targets(inv, ["nodes", *words])


async def _cordon(inv: Invocation) -> None:
    await _set_unschedulable(inv, True)


async def _uncordon(inv: Invocation) -> None:
    await _set_unschedulable(inv, False)


async def _set_unschedulable(inv: Invocation, wanted: bool) -> None:
    for target in await node_targets(inv):
        try:
            await set_unschedulable(inv, target, wanted)
        except ApiError as error:
            inv.fail(resources.message_of(error))


async def set_unschedulable(inv: Invocation, target: resources.Target, wanted: bool) -> None:
    """Cordon or uncordon one node and tell of it."""
    done = "cordoned" if wanted else "uncordoned"
    node = await resources.read(inv, target)
    if bool(node["spec"].get("unschedulable")) == wanted:
        inv.out(f"{target.display} already {done}{changes.suffix(inv)}")
        return
    if changes.dry_run(inv) != "client":
        await inv.session.client.patch(
            NODES,
            target.name,
            {"spec": {"unschedulable": wanted or None}},
            type="strategic",
            field_manager=f"kubectl-{done.removesuffix('ed')}",
            dry_run=changes.dry_run(inv) == "server",
        )
    inv.out(f"{target.display} {done}{changes.suffix(inv)}")


@dataclass(frozen=True, slots=True)
class Taint:
    """``key=value:effect``; effect is empty for "every effect" in removals."""

    key: str
    value: str
    effect: str

    def wire(self) -> Obj:
        return {"effect": self.effect, "key": self.key, **({"value": self.value} if self.value else {})}


async def _taint(inv: Invocation) -> None:
    words, added, removed = _split(inv.args)
    if not added and not removed:
        raise KubectlError("error: at least one taint update is required")
    for target in await resources.targets(inv, words, everything=inv["all"]):
        if target.mapping.gvr != NODES:
            kind = words[0].partition("/")[0]
            raise KubectlError(f"error: invalid resource type {kind}, only node types are supported")
        try:
            await _taint_node(inv, target, added, removed)
        except ApiError as error:
            inv.fail(resources.message_of(error))


def _split(args: Sequence[str]) -> tuple[list[str], list[Taint], list[Taint]]:
    words: list[str] = []
    added: list[Taint] = []
    removed: list[Taint] = []
    for arg in args:
        if arg.endswith("-"):
            key, _, effect = arg[:-1].partition(":")
            removed.append(Taint(key.partition("=")[0], "", _effect(effect) if effect else ""))
        elif "=" in arg or ":" in arg:
            added.append(_parse(arg))
        else:
            words.append(arg)
    return words, added, removed


def _parse(text: str) -> Taint:
    pair, colon, effect = text.rpartition(":")
    if not colon:
        raise KubectlError(f"error: invalid taint spec: {text}")
    key, _, value = pair.partition("=")
    if faults := names.is_qualified_name(key):
        raise KubectlError(f"error: invalid taint spec: {text}, {'; '.join(faults)}")
    return Taint(key, value, _effect(effect))


def _effect(text: str) -> str:
    if text not in EFFECTS:
        raise usage_error("kubectl taint", f"invalid taint effect: {text}, unsupported taint effect")
    return text


async def _taint_node(inv: Invocation, target: resources.Target, added: list[Taint], removed: list[Taint]) -> None:
    node = await resources.read(inv, target)
    old: list[Obj] = node["spec"].get("taints") or []
    kept = [taint for taint in old if not any(_is(gone, taint) for gone in removed)]
    if removed and len(kept) == len(old):
        gone = removed[0]
        raise KubectlError(f'error: taint "{gone.key}{":" + gone.effect if gone.effect else ""}" not found')
    clashes = [new for new in added if any(_is(new, taint) for taint in kept)]
    if clashes and not inv["overwrite"]:
        shown = ", ".join(taint.key for taint in clashes)
        raise KubectlError(
            f"error: node {target.name} already has {shown} taint(s) with same effect(s) and --overwrite is false"
        )
    overwritten = len(kept)
    kept = [taint for taint in kept if not any(_is(new, taint) for new in added)]
    overwritten -= len(kept)
    taints = [new.wire() for new in added] + kept
    if changes.dry_run(inv) == "client":
        changed = {**node, "spec": {**node["spec"], "taints": taints}}
    else:
        changed = await changes.patch(inv, target, {"spec": {"taints": taints or None}}, "merge")
    done = "modified" if (added and removed) or overwritten else "untainted" if removed else "tainted"
    changes.report(inv, target, changed, done)


def _is(taint: Taint, wire: Obj) -> bool:
    return wire["key"] == taint.key and (not taint.effect or wire["effect"] == taint.effect)


def _schedulability(name: str, about: str) -> Command:
    return Command(
        name=name,
        about=about,
        usage=f"kubectl {name} NODE [options]",
        examples=f"  # {about[:-1]}\n  kubectl {name} foo",
        run=_cordon if name == "cordon" else _uncordon,
        flags=(changes.DRY_RUN, *resources.SELECTOR_FLAGS[:1]),
    )


CORDON = _schedulability("cordon", "Mark node as unschedulable.")
UNCORDON = _schedulability("uncordon", "Mark node as schedulable.")
TAINT = Command(
    name="taint",
    about="Update the taints on one or more nodes. A taint consists of a key, value, and effect; it is expressed as "
    "key=value:effect, and the effect must be NoSchedule, PreferNoSchedule or NoExecute.",
    usage="kubectl taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [options]",
    examples="""\
  # Update node 'foo' with a taint with key 'dedicated' and value 'special-user' and effect 'NoSchedule'
  kubectl taint nodes foo dedicated=special-user:NoSchedule

  # Remove from node 'foo' the taint with key 'dedicated' and effect 'NoSchedule' if one exists
  kubectl taint nodes foo dedicated:NoSchedule-""",
    run=_taint,
    flags=(
        *resources.SELECTOR_FLAGS[:1],
        Flag("all", "bool", help="Select all nodes in the cluster."),
        Flag("overwrite", "bool", help="If true, allow taints to be overwritten."),
        changes.VALIDATE,
        *changes.change_flags("kubectl-taint"),
    ),
)
