"""What can go wrong before a server has answered. (What a server answers is `machinery.errors.ApiError`.)"""

from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.refusals import Refusal


class Unreachable(Refusal):
    """No server took the request: connection refused, name unknown, TLS failed, connection lost before the answer.

    The message reads as Go's, which kubectl prints: ``dial tcp 127.0.0.1:6443: connect: connection refused``.
    """


class ShutDown(Exception):
    """The queue was shut down and is empty: its worker has nothing left to do."""


def is_not_found(error: Exception) -> bool:
    return isinstance(error, ApiError) and error.reason == "NotFound"


def is_already_exists(error: Exception) -> bool:
    return isinstance(error, ApiError) and error.reason == "AlreadyExists"


def is_conflict(error: Exception) -> bool:
    return isinstance(error, ApiError) and error.reason == "Conflict"


def is_expired(error: Exception) -> bool:
    """A resourceVersion or continue token that the server no longer has."""
    return isinstance(error, ApiError) and error.code == 410


def is_too_large_resource_version(error: Exception) -> bool:
    """A resourceVersion that the server has not reached: another server's, or from before a restore.

    Models apiserver storage.IsTooLargeResourceVersion."""
    if not isinstance(error, ApiError) or error.reason not in ("Timeout", "InternalError"):
        return False
    causes = (error.details or {}).get("causes") or ()
    marked = any(cause.get("reason") == "ResourceVersionTooLarge" for cause in causes)
    return marked or "Too large resource version" in error.message
