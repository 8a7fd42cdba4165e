"""NamespaceLifecycle: nothing is made in a namespace that is missing or going; some namespaces stay.

Models apiserver pkg/admission/plugin/namespace/lifecycle/admission.go.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, DELETE, Attributes
from kube_nb.machinery import errors

IMMORTAL = ("default", "kube-system", "kube-public")
#: Access reviews are made in namespaces that need not exist.
_EVERYWHERE = ("localsubjectaccessreviews.authorization.k8s.io",)


class NamespaceLifecycle:
    """See the module's docstring."""

    name: ClassVar[str] = "NamespaceLifecycle"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",), DELETE: ("namespaces",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation == DELETE:
            if attributes.name in IMMORTAL:
                raise errors.forbidden("namespaces", attributes.name, "this namespace may not be deleted")
            return
        namespace = attributes.namespace
        if not namespace or attributes.group_resource == "namespaces" or attributes.group_resource in _EVERYWHERE:
            return
        entry = attributes.server.cacher("namespaces").get(namespace)
        if entry is None:
            raise errors.not_found("namespaces", namespace)
        if entry.obj["metadata"].get("deletionTimestamp"):
            raise _terminating(attributes, entry.obj["metadata"]["deletionTimestamp"])


def _terminating(attributes: Attributes, since: str) -> errors.ApiError:
    namespace = attributes.namespace
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    error = errors.forbidden(attributes.group_resource, attributes.name, why)
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error
