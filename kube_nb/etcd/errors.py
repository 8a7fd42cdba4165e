"""The store's errors, one class each, with the gRPC codes and texts that etcd's clients compare against.

Models api/v3rpc/rpctypes/error.go.
"""

from enum import IntEnum
from typing import ClassVar

from kube_nb.machinery.refusals import Refusal


class Code(IntEnum):
    """gRPC status codes (google.rpc.Code), as far as etcd uses them."""

    CANCELED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def title(self) -> str:
        """As Go prints it: ``InvalidArgument``."""
        return "".join(word.capitalize() for word in self.name.split("_"))


class EtcdError(Refusal):
    """A refusal of the store: `code` and the exact `message`."""

    code: Code = Code.UNKNOWN
    text: ClassVar[str] = ""

    def __init__(self, message: str = "", code: Code | None = None) -> None:
        self.message = message or self.text
        if code is not None:
            self.code = code
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class InvalidArgument(EtcdError):
    code = Code.INVALID_ARGUMENT


class EmptyKey(InvalidArgument):
    text = "etcdserver: key is not provided"


class KeyNotFound(InvalidArgument):
    text = "etcdserver: key not found"


class ValueProvided(InvalidArgument):
    text = "etcdserver: value is provided"


class LeaseProvided(InvalidArgument):
    text = "etcdserver: lease is provided"


class TooManyOps(InvalidArgument):
    text = "etcdserver: too many operations in txn request"


class DuplicateKey(InvalidArgument):
    text = "etcdserver: duplicate key given in txn request"


class InvalidSortOption(InvalidArgument):
    text = "etcdserver: invalid sort option"


class RequestTooLarge(InvalidArgument):
    text = "etcdserver: request is too large"


class OutOfRange(EtcdError):
    code = Code.OUT_OF_RANGE


class Compacted(OutOfRange):
    text = "etcdserver: mvcc: required revision has been compacted"


class FutureRevision(OutOfRange):
    text = "etcdserver: mvcc: required revision is a future revision"


class LeaseTTLTooLarge(OutOfRange):
    text = "etcdserver: too large lease TTL"


class NoSpace(EtcdError):
    code = Code.RESOURCE_EXHAUSTED
    text = "etcdserver: mvcc: database space exceeded"


class TooManyRequests(EtcdError):
    code = Code.RESOURCE_EXHAUSTED
    text = "etcdserver: too many requests"


class DeadlineExceeded(EtcdError):
    """No answer in the time that the caller gives; what was asked for may be done or not."""

    code = Code.DEADLINE_EXCEEDED
    text = "context deadline exceeded"


class NotFound(EtcdError):
    code = Code.NOT_FOUND


class LeaseNotFound(NotFound):
    text = "etcdserver: requested lease not found"


class MemberNotFound(NotFound):
    text = "etcdserver: member not found"


class FailedPrecondition(EtcdError):
    code = Code.FAILED_PRECONDITION


class LeaseExists(FailedPrecondition):
    text = "etcdserver: lease already exists"


class BadTransferee(FailedPrecondition):
    text = "etcdserver: bad leader transferee"


class LearnerNotReady(FailedPrecondition):
    text = "etcdserver: can only promote a learner member which is in sync with leader"


class NotLearner(FailedPrecondition):
    text = "etcdserver: can only promote a learner member"


class NotLeader(FailedPrecondition):
    text = "etcdserver: not leader"


class Unavailable(EtcdError):
    code = Code.UNAVAILABLE


class NoLeader(Unavailable):
    text = "etcdserver: no leader"


class LeaderChanged(Unavailable):
    text = "etcdserver: leader changed"


class NotCapable(Unavailable):
    text = "etcdserver: not capable"


class Stopped(Unavailable):
    text = "etcdserver: server stopped"


class LearnerNotServing(Unavailable):
    text = "etcdserver: rpc not supported for learner"


class RequestTimedOut(Unavailable):
    text = "etcdserver: request timed out"


class Corrupt(EtcdError):
    code = Code.DATA_LOSS
    text = "etcdserver: corrupt cluster"


class WatchCanceled(EtcdError):
    code = Code.CANCELED
    text = "etcdserver: watch canceled"
