"""Every in-tree plugin by name, and the profile that a scheduler has when nobody configures one.

Models pkg/scheduler/framework/plugins/registry.go and apis/config/v1/default_plugins.go.
"""

from collections.abc import Mapping, Sequence

from kube_nb.scheduler.framework.interface import PluginFactory
from kube_nb.scheduler.plugins.balanced_allocation import NodeResourcesBalancedAllocation
from kube_nb.scheduler.plugins.default_binder import DefaultBinder
from kube_nb.scheduler.plugins.default_preemption import DefaultPreemption
from kube_nb.scheduler.plugins.image_locality import ImageLocality
from kube_nb.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from kube_nb.scheduler.plugins.node_affinity import NodeAffinity
from kube_nb.scheduler.plugins.node_name import NodeName
from kube_nb.scheduler.plugins.node_ports import NodePorts
from kube_nb.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kube_nb.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kube_nb.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from kube_nb.scheduler.plugins.pod_topology_spread import PodTopologySpread
from kube_nb.scheduler.plugins.priority_sort import PrioritySort
from kube_nb.scheduler.plugins.scheduling_gates import SchedulingGates
from kube_nb.scheduler.plugins.taint_toleration import TaintToleration
from kube_nb.scheduler.plugins.volume_binding import VolumeBinding
from kube_nb.scheduler.plugins.volume_restrictions import VolumeRestrictions
from kube_nb.scheduler.plugins.volume_zone import VolumeZone

#: name -> factory(args of pluginConfig, Handle).
REGISTRY: Mapping[str, PluginFactory] = {
    "SchedulingGates": lambda args, handle: SchedulingGates(),
    "PrioritySort": lambda args, handle: PrioritySort(),
    "NodeUnschedulable": lambda args, handle: NodeUnschedulable(),
    "NodeName": lambda args, handle: NodeName(),
    "TaintToleration": lambda args, handle: TaintToleration(names_taint=handle.version < (1, 35)),
    "NodeAffinity": lambda args, handle: NodeAffinity(args),
    "NodePorts": lambda args, handle: NodePorts(),
    "NodeResourcesFit": lambda args, handle: NodeResourcesFit(args),
    "VolumeRestrictions": lambda args, handle: VolumeRestrictions(handle),
    "NodeVolumeLimits": lambda args, handle: NodeVolumeLimits(handle),
    "VolumeBinding": VolumeBinding,
    "VolumeZone": lambda args, handle: VolumeZone(handle),
    "PodTopologySpread": PodTopologySpread,
    "InterPodAffinity": InterPodAffinity,
    "DefaultPreemption": DefaultPreemption,
    "NodeResourcesBalancedAllocation": lambda args, handle: NodeResourcesBalancedAllocation(
        args, improvement=handle.version >= (1, 36)
    ),
    "ImageLocality": lambda args, handle: ImageLocality(),
    "DefaultBinder": lambda args, handle: DefaultBinder(handle.bind),
}

#: (plugin, weight of its score), in upstream's order; 0 where there is no score.
DEFAULT_PLUGINS: Sequence[tuple[str, int]] = (
    ("SchedulingGates", 0),
    ("PrioritySort", 0),
    ("NodeUnschedulable", 0),
    ("NodeName", 0),
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodePorts", 0),
    ("NodeResourcesFit", 1),
    ("VolumeRestrictions", 0),
    ("NodeVolumeLimits", 0),
    ("VolumeBinding", 0),
    ("VolumeZone", 0),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
    ("DefaultBinder", 0),
)
