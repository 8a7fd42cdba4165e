"""Two plain limits instead of priority and fairness: requests that read, and requests that write, at once.

Models apiserver pkg/server/filters/maxinflight.go.
"""

from kube_nb.apiserver.fairness.classify import Flow
from kube_nb.apiserver.fairness.levels import Level
from kube_nb.apiserver.requestinfo import RequestInfo
from kube_nb.machinery.exchange import User

READING = ("get", "list", "watch")


class MaxInFlight:
    """Two levels that reject: one for readers, one for writers. Those of system:masters are always let in."""

    def __init__(self, reading: int, mutating: int) -> None:
        self.reading = Flow("", "", Level("readOnly", limit=reading), {})
        self.mutating = Flow("", "", Level("mutating", limit=mutating), {})
        self._free = Flow("", "", Level("", is_exempt=True), {})

    def flow(self, info: RequestInfo, user: User) -> Flow:
        if "system:masters" in user.groups:
            return self._free
        return self.reading if info.verb in READING else self.mutating

    def levels(self) -> list[Level]:
        return [self.mutating.level, self.reading.level]

    def flows(self) -> list[Flow]:
        return []

    def before_waiting(self) -> None:
        """Nobody lends."""
