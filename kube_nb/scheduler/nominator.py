"""Which pods are promised which nodes: they preempted others there and wait for them to leave.

Models pkg/scheduler/backend/queue/nominator.go.
"""

from collections.abc import Sequence

from kube_nb.scheduler.pod_info import PodInfo


class Nominator:
    """{node name: {pod key: pod}}."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[str, PodInfo]] = {}
        self._node_of: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._node_of)

    def add(self, pod: PodInfo, node_name: str) -> None:
        self.remove(pod.key)
        self._by_node.setdefault(node_name, {})[pod.key] = pod
        self._node_of[pod.key] = node_name

    def remove(self, key: str) -> None:
        node_name = self._node_of.pop(key, None)
        if node_name is not None:
            pods = self._by_node[node_name]
            del pods[key]
            if not pods:
                del self._by_node[node_name]

    def node_of(self, key: str) -> str:
        """Empty if nothing is promised to the pod."""
        return self._node_of.get(key, "")

    def pods_on(self, node_name: str) -> Sequence[PodInfo]:
        return tuple(self._by_node.get(node_name, {}).values())

    def nodes(self) -> Sequence[str]:
        return tuple(self._by_node)
