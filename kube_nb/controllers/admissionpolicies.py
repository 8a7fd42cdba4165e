"""`AdmissionPolicyStatus`: checks each ValidatingAdmissionPolicy's expressions against the schemas of what it matches.

The schemas are the server's own, from its OpenAPI documents, custom resources included. A policy is checked once for
each of its generations. Models pkg/controller/validatingadmissionpolicystatus.
"""

from kube_nb.api import policy_types, resources
from kube_nb.api.policy_types import MOST_KINDS, Typed
from kube_nb.client import Controller
from kube_nb.controllers.context import Context
from kube_nb.machinery.cel.types import Type
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK, GVR, split_api_version
from kube_nb.machinery.types import Obj

NAME = "validatingadmissionpolicy-status"


class AdmissionPolicyStatus:
    """A key is a policy."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._policies = context.informer(resources.VALIDATING_ADMISSION_POLICIES)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._policies.add_handler(self._controller.enqueue, lambda old, new: self._controller.enqueue(new))

    async def run(self) -> None:
        await self._policies.wait_synced()
        await self._controller.run()

    async def reconcile(self, key: str) -> None:
        policy = self._policies.get_key(key)
        if policy is None:
            return
        generation = policy["metadata"].get("generation", 0)
        if generation <= (policy.get("status") or {}).get("observedGeneration", 0):
            return
        warnings = policy_types.warnings(policy, await self._kinds(policy), await self._params(policy))
        checked: Obj = {"expressionWarnings": warnings} if warnings else {}
        applied = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": key},
            "status": {"observedGeneration": generation, "typeChecking": checked},
        }
        gvr = resources.VALIDATING_ADMISSION_POLICIES
        await self._client.apply(gvr, applied, force=True, field_manager=NAME, subresource="status")

    async def _kinds(self, policy: Obj) -> list[Typed]:
        """The kinds to check against, in order; a rule that names as many as are checked ends the search."""
        found: set[GVK] = set()
        for rule in policy_types.resources(policy):
            kinds = [kind for gvr in rule if (kind := await self._kind(gvr)) is not None]
            found.update(kinds[:MOST_KINDS])
            if len(kinds) >= MOST_KINDS:
                break
        typed = [(kind, await self._type(kind)) for kind in sorted(found)]
        return [(kind, type) for kind, type in typed if type is not None]

    async def _params(self, policy: Obj) -> Type | None:
        kind = (policy.get("spec") or {}).get("paramKind")
        if not kind:
            return None
        return await self._type(GVK(*split_api_version(kind.get("apiVersion") or ""), kind.get("kind") or ""))

    async def _kind(self, gvr: GVR) -> GVK | None:
        document = await self._document(_path(gvr.group, gvr.version))
        for row in document.get("resources") or ():
            if row["name"] == gvr.resource:
                return GVK(gvr.group, gvr.version, row["kind"])
        return None

    async def _type(self, kind: GVK) -> Type | None:
        document = await self._document(f"/openapi/v3{_path(kind.group, kind.version)}")
        return policy_types.type_in(document, kind)

    async def _document(self, path: str) -> Obj:
        """What the server says there; nothing if it does not serve that group and version."""
        try:
            return (await self._client.raw("GET", path)).object()
        except ApiError as error:
            if error.code == 404:
                return {}
            raise


def _path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"
