"""What happens in the cluster, as far as it could make a refused pod schedulable.

A plugin that refused a pod names the events that could change its mind (`EnqueueExtensions`); with a hint function it
looks at the event's objects and says whether to try again. Models pkg/scheduler/framework/events.go.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.pod_info import PodInfo


class Action(enum.IntFlag):
    """What was done to the object."""

    ADD = 1
    DELETE = 2
    UPDATE_NODE_ALLOCATABLE = 4
    UPDATE_NODE_LABEL = 8
    UPDATE_NODE_TAINT = 16
    UPDATE_NODE_CONDITION = 32
    UPDATE_NODE_ANNOTATION = 64
    UPDATE_POD_LABEL = 128
    UPDATE_POD_SCALE_DOWN = 256
    UPDATE_POD_TOLERATIONS = 512
    UPDATE_POD_GATES_ELIMINATED = 1024
    UPDATE = 2048
    ALL = 4095


UPDATE_NODE = (
    Action.UPDATE_NODE_ALLOCATABLE
    | Action.UPDATE_NODE_LABEL
    | Action.UPDATE_NODE_TAINT
    | Action.UPDATE_NODE_CONDITION
    | Action.UPDATE_NODE_ANNOTATION
)

#: Resources in events.
NODE, ASSIGNED_POD, UNSCHEDULED_POD, WILDCARD = "Node", "AssignedPod", "UnscheduledPod", "*"
PVC, PV, STORAGE_CLASS, CSI_NODE = "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "CSINode"
CSI_DRIVER, CSI_STORAGE_CAPACITY = "CSIDriver", "CSIStorageCapacity"


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """resource: one of the names above; action: what happened (in a registration: any of these)."""

    resource: str
    action: Action
    label: str = ""

    def covers(self, event: "ClusterEvent") -> bool:
        """Whether a registration of this event asks for that one."""
        if WILDCARD in (self.resource, event.resource):
            return True
        return self.resource == event.resource and bool(self.action & event.action)


#: hint(pod, old, new) -> whether the event may help the pod. old is None for an addition, new for a deletion.
Hint: TypeAlias = Callable[[PodInfo, Obj | None, Obj | None], bool]


@dataclass(frozen=True, slots=True)
class Registration:
    """An event that a plugin asks for; without a hint every such event counts."""

    event: ClusterEvent
    hint: Hint | None = None


ANYTHING = ClusterEvent(WILDCARD, Action.ALL)
