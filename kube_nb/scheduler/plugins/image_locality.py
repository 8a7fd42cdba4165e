"""Nodes that already have the pod's images score higher, the more so the larger the images."""

from collections.abc import Mapping

import numpy as np

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import MAX_SCORE, CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

_MIB = 1024 * 1024
MIN_THRESHOLD = 23 * _MIB
MAX_PER_CONTAINER = 1000 * _MIB

_KEY = "ImageLocality"


def normalized_name(image: str) -> str:
    """With the tag that an untagged image has."""
    if image.rfind(":") <= image.rfind("/"):
        return image + ":latest"
    return image


class ImageLocality:
    """Models plugins/imagelocality/image_locality.go.

    An image counts with its size times the share of nodes that have it, so that one image does not draw all pods.
    """

    name = "ImageLocality"
    scope = Scope.NODE

    def pre_score(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Status | None:
        nodes = columns.nodes
        state[_KEY] = {
            image: sum(image in node.image_sizes for node in nodes) / max(1, len(nodes)) for image in self._images(pod)
        }
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return self._priority(self._sum(state[_KEY], pod, node), self._containers(pod))

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        shares: Mapping[str, float] = state[_KEY]
        if not any(shares.values()):
            return np.zeros(len(rows), dtype=np.int64)
        sums = (self._sum(shares, pod, columns.nodes[row]) for row in rows.tolist())
        column = np.fromiter(sums, dtype=np.int64, count=len(rows))
        most = MAX_PER_CONTAINER * self._containers(pod)
        found: Ints = MAX_SCORE * (np.clip(column, MIN_THRESHOLD, most) - MIN_THRESHOLD) // (most - MIN_THRESHOLD)
        return found

    def _sum(self, shares: Mapping[str, float], pod: PodInfo, node: NodeInfo) -> int:
        sizes = node.image_sizes
        return sum(int(sizes[image] * shares[image]) for image in self._images(pod) if image in sizes)

    def _images(self, pod: PodInfo) -> list[str]:
        shape = pod.shape
        return [normalized_name(image) for image in [*shape.init_images, *shape.images]]

    def _containers(self, pod: PodInfo) -> int:
        return max(1, len(pod.shape.images) + len(pod.shape.init_images))

    def _priority(self, total: int, containers: int) -> int:
        most = MAX_PER_CONTAINER * containers
        return MAX_SCORE * (min(max(total, MIN_THRESHOLD), most) - MIN_THRESHOLD) // (most - MIN_THRESHOLD)
