"""``kubectl exec`` and ``kubectl attach``, without a terminal: stdin is the session's text. Models pkg/cmd/exec."""

from kube_nb.client.remote import RemoteSession
from kube_nb.kubectl import pods
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import objects
from kube_nb.machinery.exchange import STDERR
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_FLAGS = (
    Flag("container", short="c", help="Container name. If omitted, the annotated or the first container."),
    Flag("stdin", "bool", short="i", help="Pass stdin to the container."),
    Flag("tty", "bool", short="t", help="Stdin is a TTY."),
    Flag("pod-running-timeout", "duration", default="1m0s", help="The time to wait until a pod is running."),
    Flag("quiet", "bool", short="q", help="Only print output from the remote session."),
)


async def _exec(inv: Invocation) -> None:
    if not inv.args:
        raise KubectlError("error: pod, type/name or --filename must be specified")
    command = inv.args[1:]
    if inv.flags.dash is None and command:
        raise KubectlError(
            "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\n"
            "See 'kubectl exec -h' for help and examples"
        )
    if not command:
        raise KubectlError("error: you must specify at least one command for the container")
    pod = await _pod(inv)
    session = await inv.session.client.exec(
        objects.namespace(pod),
        objects.name(pod),
        command,
        container=_container(inv, pod),
        stdin=inv["stdin"],
        tty=inv["tty"],
    )
    await talk(inv, session)


async def _attach(inv: Invocation) -> None:
    if not inv.args:
        raise KubectlError("error: at least 1 argument is required for attach")
    pod = await _pod(inv)
    session = await inv.session.client.attach(
        objects.namespace(pod), objects.name(pod), container=_container(inv, pod), stdin=inv["stdin"], tty=inv["tty"]
    )
    await talk(inv, session)


async def _pod(inv: Invocation) -> Obj:
    pod = (await pods.of(inv, inv.args[0]))[0]
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise KubectlError(f"error: cannot exec into a container in a completed pod; current phase is {phase}")
    return pod


def _container(inv: Invocation, pod: Obj) -> str:
    chosen = str(inv["container"])
    return chosen or pods.default_container(inv, pod)


async def talk(inv: Invocation, session: RemoteSession) -> None:
    """Send stdin, print what comes, and take over the command's exit code."""
    async with session:
        if inv["stdin"]:
            await session.write(inv.session.stdin.encode())
            await session.close_stdin()
        while message := await session.read():
            channel, data = message
            text = data.decode(errors="replace")
            if channel == STDERR:
                inv.result.stderr += text
            else:
                inv.write(text)
        if session.error is None:
            return
        if session.exit_code is None:
            raise KubectlError(f"error: {session.error.message}")
        raise KubectlError(f"command terminated with exit code {session.exit_code}", session.exit_code)


EXEC = Command(
    name="exec",
    about="Execute a command in a container.",
    usage="kubectl exec (POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...] [options]",
    examples="""\
  # Get output from running the 'date' command from pod mypod, using the first container by default
  kubectl exec mypod -- date

  # Get output from running the 'date' command from the first pod of the deployment mydeployment
  kubectl exec deploy/mydeployment -- date""",
    run=_exec,
    flags=_FLAGS,
)
ATTACH = Command(
    name="attach",
    about="Attach to a process that is already running inside an existing container.",
    usage="kubectl attach (POD | TYPE/NAME) -c CONTAINER [options]",
    examples="  # Get output from running pod mypod\n  kubectl attach mypod",
    run=_attach,
    flags=_FLAGS,
)
