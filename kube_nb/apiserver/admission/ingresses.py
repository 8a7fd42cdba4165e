"""DefaultIngressClass: an ingress that names no class gets the default one.

Models plugin/pkg/admission/network/defaultingressclass/admission.go.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, Attributes
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_OLD_CLASS = "kubernetes.io/ingress.class"
_GROUP = "networking.k8s.io"


class DefaultIngressClass:
    """Of several default classes the youngest, then the first by name."""

    name: ClassVar[str] = "DefaultIngressClass"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: (f"ingresses.{_GROUP}",)}
    needs: ClassVar[tuple[str, str] | None] = ("ingressclasses", _GROUP)

    async def admit(self, attributes: Attributes) -> Obj:
        ingress = attributes.new
        spec = ingress.get("spec") or {}
        if spec.get("ingressClassName") is not None or _OLD_CLASS in objects.annotations(ingress):
            return ingress
        classes = [
            entry.obj
            for entry in attributes.server.cacher("ingressclasses", _GROUP).select()
            if objects.annotations(entry.obj).get(IS_DEFAULT) == "true"
        ]
        if not classes:
            return ingress
        newest = max(objects.creation_timestamp(found) for found in classes)
        chosen = next(found for found in classes if objects.creation_timestamp(found) == newest)
        return {**ingress, "spec": {**spec, "ingressClassName": objects.name(chosen)}}
