"""When the change happened that a write of endpoints answers: its annotation lets proxies measure their delay.

Models endpointslice/trigger_time_tracker.go.
"""

from collections.abc import Sequence

from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


class TriggerTimes:
    """What was seen of each service (by key) when its endpoints were last made."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, dict[str, str]]] = {}

    def changed(self, service: Obj, pods: Sequence[Obj]) -> str | None:
        """The earliest of the changes since the last call; None if no time is known. Timestamps compare as texts."""
        key = objects.key(service)
        created = objects.creation_timestamp(service)
        before_created, before = self._seen.get(key, ("", {}))
        now = {objects.uid(pod): moment for pod in pods if (moment := _readiness_changed(pod))}
        news = [moment for uid, moment in now.items() if moment > before.get(uid, "")]
        if not before_created:
            news = [created]
        self._seen[key] = (created, now)
        return min(news, default=None)

    def forget(self, key: str) -> None:
        self._seen.pop(key, None)


def _readiness_changed(pod: Obj) -> str:
    condition = state.ready_condition(pod)
    return "" if condition is None else condition.get("lastTransitionTime") or ""
