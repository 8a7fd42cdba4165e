"""What storage objects get (a class, a finalizer), and whether a claim may grow.

Models plugin/pkg/admission/storage/{storageclass/setdefault,storageobjectinuseprotection,persistentvolume/resize}.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.api.protection import FINALIZERS
from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.machinery import errors, objects, quantity
from kube_nb.machinery.types import Obj

IS_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_FINALIZER_OF = {gvr.resource: finalizer for gvr, finalizer in FINALIZERS.items()}


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


class StorageObjectInUseProtection:
    """A finalizer, so that a deleted object stays until a protection controller finds it unused.

    Differs: VolumeAttributesClasses are not held.
    """

    name: ClassVar[str] = "StorageObjectInUseProtection"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: tuple(gvr.group_resource for gvr in FINALIZERS)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        obj = attributes.new
        finalizer = _FINALIZER_OF[attributes.call.info.resource]
        held = objects.finalizers(obj)
        return obj if finalizer in held else objects.with_metadata(obj, finalizers=[*held, finalizer])


class PersistentVolumeClaimResize:
    """A claim grows if it is bound and its class allows it."""

    name: ClassVar[str] = "PersistentVolumeClaimResize"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {UPDATE: ("persistentvolumeclaims",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        old, new = attributes.old or {}, attributes.new
        if quantity.parse(_size(new)) <= quantity.parse(_size(old)):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise _no_growth(attributes, "Only bound persistent volume claims can be expanded")
        if not _class_allows(attributes, _class_of(new), _class_of(old)):
            why = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize"
            )
            raise _no_growth(attributes, why)


def _size(claim: Obj) -> str:
    resources = (claim.get("spec") or {}).get("resources") or {}
    return str((resources.get("requests") or {}).get("storage") or "0")


def _class_of(claim: Obj) -> str:
    return str(objects.annotations(claim).get(_OLD_CLASS) or (claim.get("spec") or {}).get("storageClassName") or "")


def _class_allows(attributes: Attributes, new: str, old: str) -> bool:
    entry = attributes.server.cacher("storageclasses", "storage.k8s.io").get(new) if new and new == old else None
    return entry is not None and bool(entry.obj.get("allowVolumeExpansion"))


def _no_growth(attributes: Attributes, why: str) -> errors.ApiError:
    return errors.forbidden("persistentvolumeclaims", attributes.name, why)
