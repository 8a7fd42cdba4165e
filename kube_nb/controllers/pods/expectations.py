"""What a controller has asked for and its cache has not shown yet.

A controller that has just made three pods must not count pods until its informer has seen the three, or it makes them
again. Models ControllerExpectations and UIDTrackingControllerExpectations of pkg/controller/controller_utils.go.
"""

from collections.abc import Iterable

from kube_nb.machinery.clock import Clock

#: After so long a missing event is taken as lost.
TIMEOUT_S = 300.0


class _Expected:
    __slots__ = ("additions", "deletions", "since_s")

    def __init__(self, since_s: float) -> None:
        self.additions = 0
        self.deletions: dict[str, None] = {}  # uids, in order
        self.since_s = since_s


class Expectations:
    """Per key: so many objects to appear, and these (by uid) to start disappearing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[str, _Expected] = {}

    def satisfied(self, key: str) -> bool:
        """Whether the cache shows everything that was asked for, or should have by now."""
        expected = self._of.get(key)
        if expected is None or (expected.additions <= 0 and not expected.deletions):
            return True
        return self._clock.time() - expected.since_s > TIMEOUT_S

    def expect_creations(self, key: str, count: int) -> None:
        expected = self._of[key] = _Expected(self._clock.time())
        expected.additions = count

    def expect_deletions(self, key: str, uids: Iterable[str]) -> None:
        expected = self._of[key] = _Expected(self._clock.time())
        expected.deletions = dict.fromkeys(uids)

    def expect(self, key: str, count: int, uids: Iterable[str]) -> None:
        """Both at once."""
        self.expect_creations(key, count)
        self._of[key].deletions = dict.fromkeys(uids)

    def creation_asked(self, key: str) -> None:
        """One more beside what `expect` said."""
        self._of.setdefault(key, _Expected(self._clock.time())).additions += 1

    def deletion_asked(self, key: str, uid: str) -> None:
        """One more beside what `expect` said."""
        self._of.setdefault(key, _Expected(self._clock.time())).deletions[uid] = None

    def creation_observed(self, key: str, count: int = 1) -> None:
        """Such objects appeared, or will never appear (their creation failed)."""
        if expected := self._of.get(key):
            expected.additions -= count

    def deletion_observed(self, key: str, uid: str) -> None:
        if expected := self._of.get(key):
            expected.deletions.pop(uid, None)

    def forget(self, key: str) -> None:
        """The key's object is gone."""
        self._of.pop(key, None)


class UidExpectations:
    """Per key: these objects, by uid, to change in one agreed way. Models pkg/controller/job/tracking_utils.go."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, None]] = {}

    def expected(self, key: str) -> frozenset[str]:
        return frozenset(self._of.get(key) or ())

    def expect(self, key: str, uids: Iterable[str]) -> None:
        self._of.setdefault(key, {}).update(dict.fromkeys(uids))

    def observed(self, key: str, uid: str) -> None:
        if waiting := self._of.get(key):
            waiting.pop(uid, None)
            if not waiting:
                del self._of[key]

    def forget(self, key: str) -> None:
        self._of.pop(key, None)
