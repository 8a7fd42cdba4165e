"""What the cluster's scheduler is made of: plugins and configuration, changed while it runs, kept when it starts anew.

>>> from kube_nb import scheduler_plugin
>>> @scheduler_plugin
... class OddNodes:
...     weight = 5
...     def score(self, state, pod, node):
...         return 100 if node.name[-1] in "13579" else 0
"""

from collections.abc import Sequence
from typing import Any

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.framework.guard import Guarded
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.scheduler import Scheduler
from kube_nb.scheduler.selection import TieBreaker

#: Name -> the plugin that every cluster of this process uses; see `cluster.scheduler_plugin`.
EVERYWHERE: dict[str, Any] = {}


def name_of(plugin: Any) -> str:
    """ValueError if it is no plugin at all."""
    return Guarded(plugin).name


class Scheduling:
    """running: the scheduler of now, None while there is none. config: see `Configuration`; ties: see `TIES`, None for
    the served version's own rule. ValueError for a rule that is not there."""

    def __init__(self, plugins: Sequence[Any] = (), config: "Obj | str | None" = None, ties: str | None = None) -> None:
        if ties is not None:
            TieBreaker(ties)
        self.ties = ties
        self.running: Scheduler | None = None
        self._remembered: list[Attempt] = []
        self._plugins = {**EVERYWHERE, **{name_of(plugin): plugin for plugin in plugins}}
        self.config = self._checked(config)

    @property
    def plugins(self) -> list[Any]:
        return list(self._plugins.values())

    def begin(self, scheduler: Scheduler) -> None:
        """It runs from now on, and knows what the one before it has decided."""
        before = self._remembered if self.running is None else self.running.decisions
        for attempt in before:
            scheduler.decisions.append(attempt)
        self._remembered = []
        self.running = scheduler

    def fork(self, moment_s: float) -> "Scheduling":
        """The same plugins and configuration for another cluster, which knows what was decided up to a moment."""
        copy = Scheduling(self.plugins, ties=self.ties)
        copy.config = self.config
        known = self._remembered if self.running is None else self.running.decisions
        copy._remembered = [attempt for attempt in known if attempt.time_s <= moment_s]
        return copy

    def use(self, plugin: Any) -> None:
        """Add it, or replace the one of the same name; pods that wait are tried again."""
        self._plugins[name_of(plugin)] = plugin
        if self.running is not None:
            self.running.use_plugin(plugin)

    def remove(self, name: str) -> None:
        """KeyError if there is none of this name."""
        del self._plugins[name]
        if self.running is not None:
            self.running.remove_plugin(name)

    def configure(self, config: "Obj | str | None") -> None:
        """ConfigurationError, and all stays as it was, if it is wrong."""
        new = self._checked(config)
        if self.running is not None:
            self.running.configure(new)
        self.config = new

    def break_ties(self, rule: str | None) -> None:
        """By this rule from now on; ValueError if there is none of this name."""
        if rule is not None:
            TieBreaker(rule)
        if self.running is not None:
            self.running.break_ties(rule)
        self.ties = rule

    def _checked(self, config: "Obj | str | None") -> Configuration:
        """Built once on an empty snapshot, as some faults show only then."""
        found = Configuration.of(config)
        found.profiles_for(Handle(Columns()), [Guarded(plugin) for plugin in self.plugins])
        return found
