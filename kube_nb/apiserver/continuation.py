"""The opaque token that continues a list at the revision at which it began.

Models apiserver pkg/storage/continue.go.
"""

import base64
import binascii

import orjson

from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

#: The whole message is kubectl's and client-go's cue to list anew.
EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def encode(start: str, revision: int) -> str:
    """start: the first key of the next page, below the resource's prefix; revision: -1 for the newest data."""
    token = orjson.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def decode(token: str) -> tuple[str, int]:
    """(start, revision) of a token; raises BadRequest 400."""
    try:
        fields = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, start, revision = fields["v"], fields["start"], fields["rv"]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise errors.bad_request("continue key is not valid: not a token of this server") from None
    if version != "meta.k8s.io/v1" or not isinstance(start, str) or not isinstance(revision, int) or revision == 0:
        raise errors.bad_request("continue key is not valid: incorrect encoded start resourceVersion")
    if ".." in start.split("/"):
        raise errors.bad_request("continue key is not valid: it may not escape the resource's prefix")
    return start, revision


class ExpiredContinue(errors.ApiError):
    """410 with a token in its Status that goes on inconsistently, at the newest data."""

    def __init__(self, start: str) -> None:
        super().__init__(410, "Expired", EXPIRED)
        self.start = start

    def status(self) -> Obj:
        status = super().status()
        return {**status, "metadata": {"continue": encode(self.start, -1)}}
