"""ObjectMeta: names, labels, annotations, owners, finalizers, and what of it may change.

Models apimachinery pkg/api/validation/objectmeta.go and pkg/apis/core/validation ValidateObjectMeta.
"""

from collections.abc import Mapping, Sequence

from kube_nb.api.kinds import Kind
from kube_nb.api.validation.faults import Faults, NameCheck
from kube_nb.machinery import names
from kube_nb.machinery.gvk import split_api_version
from kube_nb.machinery.types import Json, Obj

_RBAC = "rbac.authorization.k8s.io"
_PATH_SEGMENT = names.is_path_segment_name

#: Group and kind -> how names are checked; everything else is named like a DNS subdomain.
NAME_CHECKS: dict[tuple[str, str], NameCheck] = {
    ("", "Namespace"): names.is_dns1123_label,
    ("", "Service"): names.is_dns1035_label,
    ("", "Event"): lambda name: [],
    ("events.k8s.io", "Event"): lambda name: [],
    (_RBAC, "Role"): _PATH_SEGMENT,
    (_RBAC, "RoleBinding"): _PATH_SEGMENT,
    (_RBAC, "ClusterRole"): _PATH_SEGMENT,
    (_RBAC, "ClusterRoleBinding"): _PATH_SEGMENT,
    ("apiregistration.k8s.io", "APIService"): _PATH_SEGMENT,
    ("certificates.k8s.io", "ClusterTrustBundle"): lambda name: [],
    ("networking.k8s.io", "IPAddress"): lambda name: [],
}

_ANNOTATIONS_BYTES = 256 * 1024
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def check(kind: Kind, obj: Obj, old: Obj | None, faults: Faults) -> None:
    """Everything about ``metadata``."""
    metadata = obj.get("metadata") or {}
    before = (old or {}).get("metadata") or {}
    if old is None:
        _check_names(kind, metadata, faults)
    else:
        _check_update(metadata, before, faults)
    if (labels := metadata.get("labels")) and labels is not before.get("labels"):
        faults.labels("metadata.labels", labels)
    if (annotations := metadata.get("annotations")) and annotations is not before.get("annotations"):
        check_annotations(annotations, faults)
    if (owners := metadata.get("ownerReferences")) and owners is not before.get("ownerReferences"):
        _check_owners(owners, faults)
    if finalizers := metadata.get("finalizers"):
        _check_finalizers(kind, finalizers, faults)


def _check_names(kind: Kind, metadata: Obj, faults: Faults) -> None:
    name, prefix, namespace = (metadata.get(key) or "" for key in ("name", "generateName", "namespace"))
    check = NAME_CHECKS.get((kind.group, kind.kind), names.is_dns1123_subdomain)
    if prefix:
        masked = prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
        for detail in check(masked):
            faults.invalid("metadata.generateName", prefix, detail)
    if not name:
        faults.required("metadata.name", "name or generateName is required")
    else:
        faults.check("metadata.name", name, check)
    if kind.namespaced:
        faults.name("metadata.namespace", namespace, names.is_dns1123_label)
    elif namespace:
        faults.forbidden("metadata.namespace", "not allowed on this type")


def check_annotations(annotations: Mapping[str, str] | None, faults: Faults) -> None:
    total = 0
    for key, value in (annotations or {}).items():
        for detail in names.is_qualified_name(key.lower()):
            faults.invalid("metadata.annotations", key, detail)
        total += len(key) + len(value)
    if total > _ANNOTATIONS_BYTES:
        faults.too_long("metadata.annotations", _ANNOTATIONS_BYTES)


def _check_owners(owners: Sequence[Obj], faults: Faults) -> None:
    controller: Obj | None = None
    for index, owner in enumerate(owners):
        _check_owner(owner, f"metadata.ownerReferences[{index}]", faults)
        if owner.get("controller"):
            if controller is not None:
                both = " and ".join(f"{each.get('kind', '')}/{each.get('name', '')}" for each in (controller, owner))
                detail = 'Only one reference can have Controller set to true. Found "true" in references for ' + both
                faults.invalid("metadata.ownerReferences", list(owners), detail)
            controller = owner


def _check_owner(owner: Obj, path: str, faults: Faults) -> None:
    api_version = owner.get("apiVersion") or ""
    if not split_api_version(api_version)[1]:
        faults.invalid(f"{path}.apiVersion", api_version, "version must not be empty")
    for field in ("kind", "name", "uid"):
        if not owner.get(field):
            faults.invalid(f"{path}.{field}", "", "must not be empty")
    if api_version in ("v1", "events.k8s.io/v1") and owner.get("kind") == "Event":
        faults.invalid(path, owner, f"{api_version}, Kind=Event is disallowed from being an owner")


def _check_finalizers(kind: Kind, finalizers: Sequence[str], faults: Faults) -> None:
    for finalizer in finalizers:
        check_finalizer("metadata.finalizers", finalizer, faults, is_custom=kind.is_custom)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        faults.invalid("metadata.finalizers", list(finalizers), detail)


def check_finalizer(path: str, finalizer: str, faults: Faults, *, is_custom: bool = False) -> None:
    """A qualified name, and for built-in kinds either a standard one or one with a domain."""
    faults.check(path, finalizer, names.is_qualified_name)
    if not is_custom and "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        faults.invalid(path, finalizer, detail)


def _check_update(new: Obj, old: Obj, faults: Faults) -> None:
    if old.get("deletionTimestamp"):
        extra = [each for each in new.get("finalizers") or () if each not in (old.get("finalizers") or ())]
        if extra:
            shown = "[]string{" + ", ".join(f'"{each}"' for each in extra) + "}"
            faults.forbidden(
                "metadata.finalizers",
                f"no new finalizers can be added if the object is being deleted, found new finalizers {shown}",
            )
    for field in _FIXED:
        value: Json = new.get(field)
        if value != old.get(field):
            faults.invalid(f"metadata.{field}", value, "field is immutable")
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        faults.invalid("metadata.generation", new.get("generation") or 0, "must not be decremented")
