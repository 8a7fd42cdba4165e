"""When the mutating chain runs a second time, and who takes part.

A plugin that mutates by somebody else's program asks for the second run if it changed something; in that run its hooks
have another turn only if they asked for it (reinvocationPolicy IfNeeded) and the object changed after their first.
Models apiserver pkg/admission/reinvocation.go and the reinvocation contexts of webhooks and policies.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from kube_nb.machinery.types import Obj


@dataclass(slots=True)
class Turns:
    """The hooks of one plugin during one request."""

    whole: "Reinvocation"
    _called: set[Hashable] = field(default_factory=set)
    _again: set[Hashable] = field(default_factory=set)
    _left: Obj | None = None

    def begin(self, obj: Obj) -> None:
        """A run starts: what others did to the object since the last one counts as a change."""
        if self.whole.again and self._left != obj:
            self._require()

    def skips(self, hook: Hashable) -> bool:
        return self.whole.again and hook not in self._again

    def changed(self) -> None:
        self._require()
        self.whole.wanted = True

    def may_run_again(self, hook: Hashable) -> None:
        self._called.add(hook)

    def ended(self, obj: Obj) -> None:
        self._left = obj

    def _require(self) -> None:
        self._again |= self._called
        self._called = set()


@dataclass(slots=True)
class Reinvocation:
    """again: this is the second run; wanted: there has to be one."""

    again: bool = False
    wanted: bool = False
    _plugins: dict[str, Turns] = field(default_factory=dict)

    def of(self, plugin: str, obj: Obj) -> Turns:
        """The turns of a plugin's hooks, at the start of a run."""
        turns = self._plugins.setdefault(plugin, Turns(self))
        turns.begin(obj)
        return turns
