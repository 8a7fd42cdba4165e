"""DefaultStorageClass: a claim that names no class gets the default one.

Models plugin/pkg/admission/storage/storageclass/setdefault.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, Attributes
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

IS_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass:
    """Of several default classes the youngest, then the first by name."""

    name: ClassVar[str] = "DefaultStorageClass"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("persistentvolumeclaims",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        claim = attributes.new
        spec = claim.get("spec") or {}
        if spec.get("storageClassName") is not None or _OLD_CLASS in objects.annotations(claim):
            return claim
        classes = [
            entry.obj
            for entry in attributes.server.cacher("storageclasses", "storage.k8s.io").select()
            if any(objects.annotations(entry.obj).get(name) == "true" for name in IS_DEFAULT)
        ]
        if not classes:
            return claim
        newest = max(objects.creation_timestamp(found) for found in classes)
        chosen = next(found for found in classes if objects.creation_timestamp(found) == newest)
        return {**claim, "spec": {**spec, "storageClassName": objects.name(chosen)}}
