"""`CertificateCleaner`: requests go when nobody needs them any more.

Models pkg/controller/certificates/cleaner/cleaner.go.
"""

import base64
import binascii
from datetime import datetime

from cryptography import x509

from kube_nb.api import resources
from kube_nb.client import errors
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects, times
from kube_nb.machinery.clock import periodic_sleep
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

POLL_S = 3600.0
#: How old a decision, a failure or an undecided request may be, in seconds.
KEPT_S = {"Approved": 3600, "Denied": 3600, "Failed": 3600, "": 24 * 3600}


class CertificateCleaner:
    """Looks at all requests every hour."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = context.informer(resources.CERTIFICATE_SIGNING_REQUESTS)

    async def run(self) -> None:
        await self._requests.wait_synced()
        while True:
            await periodic_sleep(POLL_S)
            for request in list(self._requests.list()):
                if is_over(request, self._context.clock.now()):
                    await self._remove(request)

    async def _remove(self, request: Obj) -> None:
        try:
            await self._context.client.delete(resources.CERTIFICATE_SIGNING_REQUESTS, objects.name(request))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


def is_over(request: Obj, now: datetime) -> bool:
    """Whether a request is decided, failed or undecided for too long, or its certificate has run out."""
    status = request.get("status") or {}
    conditions = status.get("conditions") or ()
    for row in conditions:
        since = row.get("lastUpdateTime")
        if row.get("type") in KEPT_S and since and (now - times.parse(since)).total_seconds() > KEPT_S[row["type"]]:
            return row["type"] != "Approved" or bool(status.get("certificate"))
    if not conditions:
        return (now - times.parse(objects.creation_timestamp(request))).total_seconds() > KEPT_S[""]
    return _has_expired(status.get("certificate"), now)


def _has_expired(certificate: str | None, now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(base64.b64decode(certificate or ""))
    except (ValueError, binascii.Error):
        return False
    return found.not_valid_after_utc < now
