"""What a plugin answers. None stands for success everywhere. Models staging/src/k8s.io/kube-scheduler/framework."""

import enum
from dataclasses import dataclass


class Code(enum.IntEnum):
    """What the scheduler does next."""

    SUCCESS = 0  #: go on
    ERROR = 1  #: an internal fault: the pod backs off and is tried again
    UNSCHEDULABLE = 2  #: no place now; preemption may help; wait for an event that a plugin named
    UNSCHEDULABLE_AND_UNRESOLVABLE = 3  #: no place, and preemption cannot help
    WAIT = 4  #: Permit: hold the pod until somebody allows or rejects it
    SKIP = 5  #: PreFilter, PreScore, Bind: this plugin has nothing to say about this pod
    PENDING = 6  #: PreEnqueue, Reserve, Permit: an outside component has to act first, no backoff afterwards

    def __str__(self) -> str:
        return "".join(part.capitalize() for part in self.name.split("_"))


@dataclass(frozen=True, slots=True)
class Status:
    """code, the reasons for it (one text per reason) and the plugin that says so."""

    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    @property
    def message(self) -> str:
        return ", ".join(self.reasons)

    @property
    def rejected(self) -> bool:
        return self.code in (Code.UNSCHEDULABLE, Code.UNSCHEDULABLE_AND_UNRESOLVABLE, Code.PENDING)

    def by(self, plugin: str) -> "Status":
        """The same answer under this plugin's name."""
        return Status(self.code, self.reasons, plugin)


SKIP = Status(Code.SKIP)


def unschedulable(*reasons: str) -> Status:
    return Status(Code.UNSCHEDULABLE, reasons)


def unresolvable(*reasons: str) -> Status:
    return Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, reasons)


def error(*reasons: str) -> Status:
    return Status(Code.ERROR, reasons)
