"""``kubectl run -i``, ``--attach`` and ``--rm``: waits for the pod, shows its output, takes it away again."""

import asyncio

from kube_nb.api.resources import PODS
from kube_nb.kubectl import resources
from kube_nb.kubectl.command import Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.delete import uid_of, wait_for_deletion
from kube_nb.kubectl.verbs.exec import talk
from kube_nb.machinery import duration, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

_DONE = ("Succeeded", "Failed")


def is_wanted(inv: Invocation) -> bool:
    return bool(inv["attach"] or inv["stdin"])


async def follow(inv: Invocation, target: resources.Target) -> None:
    """Attach to the pod once it runs, or print the log of one that has already ended."""
    try:
        pod = await _started(inv, target)
        if (pod.get("status") or {}).get("phase") in _DONE:
            await _print_log(inv, target)
        else:
            await _attach(inv, target)
        await _take_exit_code(inv, target)
    finally:
        if inv["rm"]:
            await _remove(inv, target)


async def _attach(inv: Invocation, target: resources.Target) -> None:
    """Join the container; one that ended meanwhile shows its log instead."""
    try:
        session = await inv.session.client.attach(
            str(target.namespace), target.name, stdin=inv["stdin"], tty=inv["tty"]
        )
        await talk(inv, session)
    except (ApiError, KubectlError) as error:
        if inv["restart"] == "Always" or "not running" not in str(error):
            raise
        await _until(inv, target, _DONE)
        await _print_log(inv, target)


async def _started(inv: Invocation, target: resources.Target) -> Obj:
    """The pod as soon as it is running or has ended."""
    try:
        async with asyncio.timeout(duration.parse(inv["pod-running-timeout"])):
            return await _until(inv, target, ("Running", *_DONE))
    except TimeoutError:
        raise KubectlError("error: timed out waiting for the condition") from None


async def _until(inv: Invocation, target: resources.Target, phases: tuple[str, ...]) -> Obj:
    pod = await resources.read(inv, target)
    if (pod.get("status") or {}).get("phase") in phases:
        return pod
    stream = await inv.session.client.watch(
        PODS,
        target.namespace,
        field_selector=f"metadata.name={target.name}",
        resource_version=objects.resource_version(pod),
        bookmarks=False,
    )
    try:
        async for event in stream:
            if event.type == "DELETED":
                raise KubectlError(f'error: pod "{target.name}" was deleted')
            if (event.object.get("status") or {}).get("phase") in phases:
                return event.object
    finally:
        stream.close()
    raise KubectlError("error: the watch ended")


async def _print_log(inv: Invocation, target: resources.Target) -> None:
    async for piece in await inv.session.client.logs(str(target.namespace), target.name):
        inv.write(piece.decode(errors="replace"))


async def _take_exit_code(inv: Invocation, target: resources.Target) -> None:
    """With ``--restart=Never`` or OnFailure the command ends as its pod does."""
    if inv["restart"] == "Always":
        return
    pod = await _until(inv, target, _DONE)
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        code = ((status.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code:
            inv.result.exit_code = code
            inv.err(f"pod {target.namespace}/{target.name} terminated ({status['state']['terminated']['reason']})")


async def _remove(inv: Invocation, target: resources.Target) -> None:
    try:
        deleted = await inv.session.client.delete(PODS, target.name, target.namespace)
    except ApiError as error:
        if error.code != 404:
            raise
        return
    inv.out(f'pod "{target.name}" deleted')
    await wait_for_deletion(inv, target, uid_of(deleted))
