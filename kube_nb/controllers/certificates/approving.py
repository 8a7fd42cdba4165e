"""`CertificateApprover`: a kubelet that may ask for its client certificate gets it without a person.

Models pkg/controller/certificates/approver/sarapprove.go.
"""

from typing import NamedTuple

from kube_nb.api import resources
from kube_nb.client import Controller
from kube_nb.controllers.certificates.signers import (
    KUBELET_CLIENT,
    Wanted,
    fault_of_kubelet_client,
    has_condition,
    parsed,
)
from kube_nb.controllers.context import Context
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

NAME = "certificatesigningrequest-approving-controller"
_REVIEWS = GVR("authorization.k8s.io", "v1", "subjectaccessreviews")


class Recognizer(NamedTuple):
    """own: whether the request is for the very name that asks; subresource: what its sender must have create on."""

    own: bool
    subresource: str
    message: str


_RECOGNIZERS = (
    Recognizer(True, "selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview."),
    Recognizer(False, "nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview."),
)


class CertificateApprover:
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
        if request is None or (request.get("status") or {}).get("certificate"):
            return
        if has_condition(request, "Approved") or has_condition(request, "Denied"):
            return
        spec = request["spec"]
        try:
            found = parsed(request)
        except ValueError:
            return
        if spec.get("signerName") != KUBELET_CLIENT or fault_of_kubelet_client(found, set(spec.get("usages") or ())):
            return
        for recognizer in _RECOGNIZERS:
            if self._fits(recognizer, spec, found) and await self._may(spec, recognizer.subresource):
                await self._approve(request, recognizer.message)
                return

    def _fits(self, recognizer: Recognizer, spec: Obj, found: Wanted) -> bool:
        return not recognizer.own or spec.get("username") == found.common_name

    async def _may(self, spec: Obj, subresource: str) -> bool:
        attributes = {
            "group": "certificates.k8s.io",
            "resource": "certificatesigningrequests",
            "verb": "create",
            "subresource": subresource,
            "version": "*",
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {
                "user": spec.get("username", ""),
                "uid": spec.get("uid", ""),
                "groups": spec.get("groups") or [],
                "extra": spec.get("extra") or {},
                "resourceAttributes": attributes,
            },
        }
        answer = await self._context.client.create(_REVIEWS, review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def _approve(self, request: Obj, message: str) -> None:
        condition = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
        status = request.get("status") or {}
        approved = {**request, "status": {**status, "conditions": [*(status.get("conditions") or ()), condition]}}
        await self._context.client.update(resources.CERTIFICATE_SIGNING_REQUESTS, approved, subresource="approval")
