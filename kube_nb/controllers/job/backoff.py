"""How long a job waits before it replaces failed pods: 10 s, 20 s, 40 s ... 10 min since the last failure.

Models pkg/controller/job/backoff_utils.go.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from kube_nb.controllers.job import finished
from kube_nb.machinery.types import Obj

FIRST_S = 10.0
CAP_S = 600.0


class Backoff(NamedTuple):
    """failures: in a row, since the last success. last: when the last one was."""

    failures: int = 0
    last: datetime | None = None

    def after(self, succeeded: Sequence[Obj], failed: Sequence[Obj]) -> "Backoff":
        """With pods that finished since."""
        if not failed:
            return Backoff() if succeeded else self
        moments = sorted(map(finished.pod_finished_at, failed))
        if not succeeded:
            return Backoff(self.failures + len(moments), moments[-1])
        last_success = max(map(finished.pod_finished_at, succeeded))
        later = [moment for moment in moments if moment > last_success]
        return Backoff(len(later), later[-1]) if later else Backoff()

    def remaining_s(self, now: datetime) -> float:
        """Seconds until pods may be made again."""
        if not self.failures or self.last is None:
            return 0.0
        delay_s = min(FIRST_S * 2.0 ** min(self.failures - 1, 30), CAP_S)
        return max(0.0, delay_s - (now - self.last).total_seconds())
