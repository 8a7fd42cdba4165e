"""`CertificateSigner`: an approved request gets its certificate, or the condition Failed.

Models pkg/controller/certificates/signer.
"""

import base64

from kube_nb.api import resources
from kube_nb.client import Controller
from kube_nb.controllers.certificates.signers import SIGNERS, has_condition, parsed
from kube_nb.controllers.context import Context
from kube_nb.machinery.types import Obj

NAME = "certificatesigningrequest-signing-controller"
#: --cluster-signing-duration.
DURATION_S = 365 * 24 * 3600
_LEAST_S = 600


class CertificateSigner:
    """A key is a request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = context.informer(resources.CERTIFICATE_SIGNING_REQUESTS)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._controller.watch(self._requests)

    async def run(self) -> None:
        await self._requests.wait_synced()
        await self._controller.run()

    async def reconcile(self, key: str) -> None:
        request = self._requests.get_key(key)
        if request is None or not has_condition(request, "Approved") or has_condition(request, "Failed"):
            return
        signer = request["spec"].get("signerName")
        if signer not in SIGNERS or (request.get("status") or {}).get("certificate"):
            return
        await self._context.client.update_status(resources.CERTIFICATE_SIGNING_REQUESTS, self._signed(request, signer))

    def _signed(self, request: Obj, signer: str) -> Obj:
        spec, status = request["spec"], request.get("status") or {}
        try:
            fault = SIGNERS[signer](parsed(request), set(spec.get("usages") or ()))
            if fault:
                raise ValueError(fault)
            seconds = min(max(int(spec.get("expirationSeconds") or DURATION_S), _LEAST_S), DURATION_S)
            pem = base64.b64decode(spec["request"])
            certificate = self._context.options.sign(pem, tuple(spec.get("usages") or ()), seconds)
        except ValueError as error:
            return {**request, "status": {**status, "conditions": [*status["conditions"], self._failed(str(error))]}}
        return {**request, "status": {**status, "certificate": base64.b64encode(certificate).decode()}}

    def _failed(self, why: str) -> Obj:
        now = self._context.clock.timestamp()
        times = {"lastUpdateTime": now, "lastTransitionTime": now}
        return {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why, **times}
