"""Delays that double with each failure and are forgotten after a good while. Models client-go util/flowcontrol."""

from dataclasses import dataclass

#: Crash loops and image pulls: 10 s, 20 s, 40 s ... 300 s; ten quiet minutes start over.
FIRST_S = 10.0
CAP_S = 300.0


@dataclass(slots=True)
class Backoff:
    """One container's, or one image's, delay. delay_s is 0 before the first failure."""

    delay_s: float = 0.0
    updated_s: float = 0.0
    first_s: float = FIRST_S
    cap_s: float = CAP_S

    def _expired(self, event_s: float) -> bool:
        return event_s - self.updated_s > 2 * self.cap_s

    def left_s(self, event_s: float, now_s: float) -> float:
        """How long to wait yet after a failure at `event_s`."""
        if not self.delay_s or self._expired(event_s):
            return 0.0
        return max(0.0, event_s + self.delay_s - now_s)

    def next(self, event_s: float, now_s: float) -> None:
        """Another try begins after the failure at `event_s`: the one after it will wait longer."""
        if not self.delay_s or self._expired(event_s):
            self.delay_s = self.first_s
        else:
            self.delay_s = min(self.delay_s * 2, self.cap_s)
        self.updated_s = now_s
