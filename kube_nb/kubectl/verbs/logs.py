"""``kubectl logs``. Models kubectl pkg/cmd/logs: one container's log, or all of a workload's."""

import math
from collections.abc import AsyncIterator

from kube_nb.api.resources import PODS
from kube_nb.kubectl import pods, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import duration, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def run(inv: Invocation) -> None:
    found = await _pods(inv)
    every = inv["selector"] or inv["all-pods"]
    if len(found) > 1 and not every:
        first = objects.name(found[0])
        inv.err(f"Found {len(found)} pods, using pod/{first}")
        found = found[:1]
    for pod in found:
        for container in _containers(inv, pod):
            await _print(inv, pod, container, prefix=inv["prefix"] or inv["all-pods"])


async def _pods(inv: Invocation) -> list[Obj]:
    if inv["selector"]:
        listed = await inv.session.client.list(PODS, inv.namespace, label_selector=inv["selector"])
        return list(listed.get("items") or [])
    if not inv.args:
        raise KubectlError(
            "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a "
            "required argument for the logs command\nSee 'kubectl logs -h' for help and examples"
        )
    return await pods.of(inv, inv.args[0])


def _containers(inv: Invocation, pod: Obj) -> list[str]:
    if inv["all-containers"]:
        return pods.container_names(pod)
    chosen = inv["container"] or (inv.args[1] if len(inv.args) > 1 else "")
    if chosen:
        if chosen not in pods.container_names(pod):
            raise KubectlError(f"error: container {chosen} is not valid for pod {objects.name(pod)}")
        return [chosen]
    return [pods.default_container(inv, pod)]


async def _print(inv: Invocation, pod: Obj, container: str, *, prefix: bool) -> None:
    try:
        pieces = await inv.session.client.logs(
            objects.namespace(pod),
            objects.name(pod),
            container=container,
            follow=inv["follow"],
            previous=inv["previous"],
            timestamps=inv["timestamps"],
            tail_lines=_tail(inv),
            since_s=math.ceil(duration.parse(inv["since"])) or None,
            since_time=inv["since-time"],
            limit_bytes=inv["limit-bytes"] or None,
        )
        async for text in _lines(pieces) if prefix else _texts(pieces):
            inv.write(f"[pod/{objects.name(pod)}/{container}] {text}" if prefix else text)
    except ApiError as error:
        inv.fail(resources.message_of(error))


def _tail(inv: Invocation) -> int | None:
    """--tail; a selector's default is 10 lines per container."""
    if inv["tail"] >= 0:
        return int(inv["tail"])
    return 10 if inv["selector"] and not inv.given("tail") else None


async def _texts(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    async for piece in pieces:
        yield piece.decode(errors="replace")


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace") + "\n"
    if rest:
        yield rest.decode(errors="replace") + "\n"


COMMAND = Command(
    name="logs",
    about="Print the logs for a container in a pod or specified resource. If the pod has only one container, the "
    "container name is optional.",
    usage="kubectl logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] [options]",
    examples="""\
  # Return snapshot logs from pod nginx with only one container
  kubectl logs nginx

  # Begin streaming the logs of the ruby container in pod web-1
  kubectl logs -f -c ruby web-1

  # Display only the most recent 20 lines of output in pod nginx
  kubectl logs --tail=20 nginx

  # Return snapshot of previous terminated container logs from pod web-1
  kubectl logs -p web-1""",
    run=run,
    flags=(
        *resources.SELECTOR_FLAGS[:1],
        Flag("follow", "bool", short="f", help="Specify if the logs should be streamed."),
        Flag("previous", "bool", short="p", help="If true, print the logs for the previous instance of the container."),
        Flag("container", short="c", help="Print the logs of this container."),
        Flag("all-containers", "bool", help="Get all containers' logs in the pod(s)."),
        Flag("all-pods", "bool", help="Get logs from all pod(s). Sets prefix to true."),
        Flag("ignore-errors", "bool", help="If watching / following pod logs, allow for any errors to be non-fatal."),
        Flag("max-log-requests", "int", default=5, help="Maximum number of concurrent logs to follow with a selector."),
        Flag("pod-running-timeout", "duration", default="20s", help="The time to wait until a pod is running."),
        Flag("prefix", "bool", help="Prefix each log line with the log source (pod name and container name)."),
        Flag("tail", "int", default=-1, help="Lines of recent log file to display. Defaults to -1, showing all."),
        Flag("since", "duration", default="0s", help="Only return logs newer than a relative duration like 5s or 2m."),
        Flag("since-time", help="Only return logs after a specific date (RFC3339)."),
        Flag("timestamps", "bool", help="Include timestamps on each line in the log output."),
        Flag("limit-bytes", "int", help="Maximum bytes of logs to return. Defaults to no limit."),
    ),
)
