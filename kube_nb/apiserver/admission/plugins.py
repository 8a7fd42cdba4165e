"""The chain as a table, in upstream's recommended order. Models pkg/kubeapiserver/options/plugins.go."""

from kube_nb.apiserver.admission.attributes import Plugin
from kube_nb.apiserver.admission.lifecycle import NamespaceLifecycle


def chain() -> list[Plugin]:
    """The plugins that a server runs by default."""
    return [NamespaceLifecycle()]
