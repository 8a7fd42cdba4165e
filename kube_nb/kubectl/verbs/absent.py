"""Verbs of kubectl that are not here, each with what to do instead; and ``kubectl options``."""

from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError

_ELSEWHERE = "serve the cluster (`kube-nb serve`) and use a real kubectl with its kubeconfig"
_ABSENT = {
    "port-forward": ("Forward one or more local ports to a pod.", _ELSEWHERE),
    "proxy": ("Run a proxy to the Kubernetes API server.", _ELSEWHERE),
    "cp": ("Copy files and directories to and from containers.", "use `kubectl exec POD -- cat FILE`"),
    "debug": ("Create debugging sessions for troubleshooting workloads and nodes.", _ELSEWHERE),
    "kustomize": ("Build a kustomization target from a directory or URL.", "build it first and apply the result"),
    "plugin": ("Provides utilities for interacting with plugins.", _ELSEWHERE),
}


def _command(name: str, about: str, instead: str) -> Command:
    async def run(inv: Invocation) -> None:
        raise KubectlError(f"error: kubectl {name} is not available in a notebook: {instead}")

    return Command(name=name, about=f"{about} Not available here.", usage=f"kubectl {name}", run=run)


COMMANDS = {name: _command(name, about, instead) for name, (about, instead) in _ABSENT.items()}
