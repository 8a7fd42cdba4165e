"""What the subcommands of ``kubectl create`` share: a NAME, required flags, and how a refusal is told."""

from collections.abc import Awaitable, Callable, Sequence

from kube_nb.kubectl import changes, last_applied, resources
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

Make = Callable[[Invocation, str], Obj]


def command(
    name: str,
    about: str,
    usage: str,
    make: Make,
    *flags: Flag,
    aliases: Sequence[str] = (),
    refusal: str = "",
    required: Sequence[str] = (),
    check: Callable[[Invocation], Awaitable[None]] | None = None,
) -> Command:
    """A subcommand. make: the object from the flags and its name. refusal: before the server's message."""

    async def run(inv: Invocation) -> None:
        if missing := [flag for flag in required if not inv.given(flag)]:
            listed = ", ".join(f'"{flag}"' for flag in missing)
            raise KubectlError(f"error: required flag(s) {listed} not set")
        if not inv.args:
            raise usage_error("kubectl create " + usage.partition(" NAME")[0], "exactly one NAME is required, got 0")
        if check is not None:
            await check(inv)
        await store(inv, make(inv, inv.args[0]), refusal)

    return Command(
        name=name,
        about=about,
        usage=f"kubectl create {usage} [options]",
        run=run,
        aliases=aliases,
        flags=(*flags, last_applied.SAVE_CONFIG, changes.VALIDATE, *changes.change_flags("kubectl-create")),
    )


async def store(inv: Invocation, obj: Obj, refusal: str) -> None:
    """Create the object and tell of it."""
    mapping = await inv.session.mapper.kind(GVK.of(obj))
    if mapping is None:
        raise KubectlError(f'error: no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
    namespace = inv.namespace if mapping.namespaced else None
    target = resources.Target(mapping, namespace, obj["metadata"]["name"], obj)
    try:
        stored = await changes.create(inv, target, obj)
    except ApiError as error:
        if refusal:
            raise KubectlError(f"error: {refusal} {error.message}") from None
        raise
    changes.report(inv, target, changes.as_typed(stored), "created")
