r"""Intervals of keys ``[start, end)``, where etcd's ``range_end`` of ``\0`` has become None: no end."""

from typing import NamedTuple

from kube_nb.etcd.backend import prefix_end


class Interval(NamedTuple):
    r"""end: exclusive; None for no end. A single key is ``[key, key + "\0")``."""

    start: bytes
    end: bytes | None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self.start <= key and (self.end is None or key < self.end)

    @property
    def empty(self) -> bool:
        return self.end is not None and self.end <= self.start

    @property
    def single(self) -> bytes | None:
        """The only key that can be inside, if there is only one."""
        return self.start if self.end == self.start + b"\0" else None

    @property
    def prefix(self) -> bytes | None:
        """The prefix that says the same, if one does."""
        return self.start if interval_end(prefix_end(self.start)) == self.end else None

    def overlaps(self, other: "Interval") -> bool:
        return not (
            self.empty
            or other.empty
            or (self.end is not None and self.end <= other.start)
            or (other.end is not None and other.end <= self.start)
        )


def interval_end(range_end: bytes) -> bytes | None:
    return None if range_end == b"\0" else range_end


def of(key: bytes, range_end: bytes) -> Interval:
    """The interval of a request's fields: no range_end is the key alone."""
    return Interval(key, interval_end(range_end) if range_end else key + b"\0")
