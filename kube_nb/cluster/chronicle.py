"""When each revision was made: so that a picture of the past can say its time, and a fork starts at it."""

from array import array
from bisect import bisect_right
from weakref import WeakSet

from kube_nb.etcd.backend import Event
from kube_nb.etcd.store import Store
from kube_nb.machinery.clock import Clock

#: What is followed: everything that an API server writes.
_ROOT, _END = b"/registry/", b"/registry0"


class Chronicle:
    """One entry for each moment at which something was written; a write at the same moment costs a comparison."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._revisions = array("q")
        self._moments_s = array("d")
        self._followed: WeakSet[Store] = WeakSet()

    def follow(self, store: Store) -> None:
        """Note the revisions of this store from now on; members that agree on them may all be followed."""
        if store not in self._followed:
            self._followed.add(store)
            store.subscribe(_ROOT, _END, self._committed)

    def _committed(self, events: tuple[Event, ...], revision: int) -> None:
        now_s = self._clock.time()
        if self._moments_s and now_s == self._moments_s[-1]:
            return
        if not self._revisions or revision > self._revisions[-1]:
            self._revisions.append(revision)
            self._moments_s.append(now_s)

    def time_of(self, revision: int) -> float | None:
        """When the store came to this revision, in cluster seconds; None if that was before anybody took notes."""
        place = bisect_right(self._revisions, revision) - 1
        return self._moments_s[place] if place >= 0 else None

    def fork(self, revision: int, clock: Clock) -> "Chronicle":
        """A second one that knows what this one knows up to a revision."""
        copy, count = Chronicle(clock), bisect_right(self._revisions, revision)
        copy._revisions, copy._moments_s = self._revisions[:count], self._moments_s[:count]
        return copy
