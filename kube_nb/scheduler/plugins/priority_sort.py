"""The active queue's order: higher priority first, then who waited longer."""

from kube_nb.scheduler.pod_info import PodInfo


class PrioritySort:
    """Models plugins/queuesort/priority_sort.go."""

    name = "PrioritySort"

    def sort_key(self, pod: PodInfo, timestamp_s: float) -> tuple[int, float]:
        return -pod.priority, timestamp_s
