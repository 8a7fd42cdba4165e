"""What a reconciler asks of every pod of its owner, found out once per state of a pod.

An owner of ten thousand pods is reconciled hundreds of times while they start, and each time nearly all of them are as
they were. A state of a pod is one object in the informer's cache that never changes, so its identity is the key.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kube_nb.client import Informer
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


class Facts(NamedTuple):
    """pod: the object itself, which also keeps its identity from being given away. labels: shared by pods alike."""

    pod: Obj
    labels: Mapping[str, str]
    active: bool
    ready: bool


class PodFacts:
    """The facts of an informer's pods; those of past states are dropped when they are more than the present ones."""

    def __init__(self, pods: Informer) -> None:
        self._pods = pods
        self._known: dict[int, Facts] = {}
        self._labels: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    def __len__(self) -> int:
        """How many states are known."""
        return len(self._known)

    def of(self, pods: Iterable[Obj]) -> list[Facts]:
        if len(self._known) > 1000 + 2 * len(self._pods):
            self._known.clear()
            self._labels.clear()
        known = self._known
        return [known.get(id(pod)) or self._look(pod) for pod in pods]

    def _look(self, pod: Obj) -> Facts:
        labels = objects.labels(pod)
        labels = self._labels.setdefault(tuple(labels.items()), labels)
        facts = self._known[id(pod)] = Facts(pod, labels, state.is_active(pod), state.is_ready(pod))
        return facts
