"""PersistentVolume, PersistentVolumeClaim and the kinds of storage.k8s.io.

Models their rules in core validation and pkg/apis/storage/validation.
"""

from kube_nb.api.validation import selectors, volumes
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.machinery import names, quantity
from kube_nb.machinery.types import Obj

_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_CLAIM_FROZEN = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
)
#: Fields of a volume's spec that are no source.
_NOT_SOURCES = (
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
)


def _access_modes(spec: Obj, path: str, faults: Faults) -> None:
    modes = spec.get("accessModes") or ()
    for mode in modes:
        if mode not in _MODES:
            faults.unsupported(f"{path}.accessModes", mode, _MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        faults.forbidden(f"{path}.accessModes", "may not use ReadWriteOncePod with other access modes")


def _volume_mode(spec: Obj, path: str, faults: Faults) -> None:
    if spec.get("volumeMode") not in (None, "Block", "Filesystem"):
        faults.unsupported(f"{path}.volumeMode", spec["volumeMode"], ("Block", "Filesystem"))


def persistent_volume(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    if not spec.get("accessModes"):
        faults.required("spec.accessModes")
    _access_modes(spec, "spec", faults)
    capacity = section(spec, "capacity")
    if not capacity:
        faults.required("spec.capacity")
    if list(capacity) != ["storage"]:
        faults.unsupported("spec.capacity", capacity, ("storage",))
    for name, value in capacity.items():
        if quantity.parse(value).value() <= 0:
            faults.invalid(f"spec.capacity[{name}]", value, "must be greater than zero")
    if spec.get("persistentVolumeReclaimPolicy") not in ("Delete", "Recycle", "Retain"):
        policy = spec.get("persistentVolumeReclaimPolicy") or ""
        faults.unsupported("spec.persistentVolumeReclaimPolicy", policy, ("Delete", "Recycle", "Retain"))
    source = {key: value for key, value in spec.items() if key not in _NOT_SOURCES}
    _source(source, faults)
    policy, host_path = spec.get("persistentVolumeReclaimPolicy"), section(spec, "hostPath").get("path") or "."
    if policy == "Recycle" and not host_path.strip("/"):
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        faults.forbidden("spec.persistentVolumeReclaimPolicy", detail)
    if spec.get("storageClassName"):
        faults.check("spec.storageClassName", spec["storageClassName"], names.is_dns1123_subdomain)
    _volume_mode(spec, "spec", faults)
    affinity = section(spec, "nodeAffinity")
    if affinity.get("required") is not None:
        selectors.node_selector(affinity["required"], "spec.nodeAffinity.required", faults)
    elif "local" in spec:
        faults.required("spec.nodeAffinity", "Local volume requires node affinity")


def _source(source: Obj, faults: Faults) -> None:
    if not source:
        faults.required("spec", "must specify a volume type")
    elif "local" in source:
        path = section(source, "local").get("path") or ""
        if not path:
            faults.required("spec.local.path")
        else:
            volumes.path_without_backsteps("spec.local.path", path, faults)
    elif "csi" in source:
        for field in ("driver", "volumeHandle"):
            if not section(source, "csi").get(field):
                faults.required(f"spec.csi.{field}")
    else:
        volumes.source(source, "spec", faults)


def persistent_volume_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec"), section(old, "spec")
    for source in [key for key in then if key not in _NOT_SOURCES]:
        if now.get(source) != then[source] and source != "csi":
            faults.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation\n")
    faults.immutable("volumeMode", now.get("volumeMode"), then.get("volumeMode"))
    if then.get("nodeAffinity") is not None and now.get("nodeAffinity") != then["nodeAffinity"]:
        detail = "field is immutable, except for updating from beta label to GA"
        faults.invalid("spec.nodeAffinity", now.get("nodeAffinity"), detail)


def claim(obj: Obj, faults: Faults, old: Obj | None) -> None:
    claim_spec(section(obj, "spec"), "spec", faults)


def claim_spec(spec: Obj, path: str, faults: Faults) -> None:
    """A PersistentVolumeClaimSpec: of a claim, a StatefulSet's template, an ephemeral volume."""
    if not spec.get("accessModes"):
        faults.required(f"{path}.accessModes", "at least 1 access mode is required")
    _access_modes(spec, path, faults)
    selectors.label_selector(spec.get("selector"), f"{path}.selector", faults)
    requested = section(section(spec, "resources"), "requests").get("storage")
    if requested is None:
        faults.required(f"{path}.resources[storage]")
    elif quantity.parse(requested).value() <= 0:
        faults.invalid(f"{path}.resources[storage]", requested, "must be greater than zero")
    if spec.get("storageClassName"):
        faults.check(f"{path}.storageClassName", spec["storageClassName"], names.is_dns1123_subdomain)
    _volume_mode(spec, path, faults)
    source = spec.get("dataSource")
    if source is not None:
        for field in ("name", "kind"):
            if not source.get(field):
                faults.required(f"{path}.dataSource.{field}")
        if not source.get("apiGroup") and source.get("kind") != "PersistentVolumeClaim":
            faults.invalid(f"{path}.dataSource", source.get("kind") or "")


def claim_update(new: Obj, old: Obj, faults: Faults) -> None:
    """Only the requested size may grow, and unset fields of an unbound claim may be filled in."""
    now, then = section(new, "spec"), section(old, "spec")
    if now == then:
        return
    is_bound = section(old, "status").get("phase") == "Bound"
    loose = {"resources", "volumeAttributesClassName"}
    if not then.get("volumeName"):
        loose.add("volumeName")
    if then.get("storageClassName") is None:
        loose.add("storageClassName")
    fields = [*now, *(field for field in then if field not in now)]
    if any(now.get(field) != then.get(field) for field in fields if field not in loose):
        faults.forbidden("spec", _CLAIM_FROZEN)
    wanted = section(section(now, "resources"), "requests").get("storage")
    before = section(section(then, "resources"), "requests").get("storage")
    if wanted and before and wanted != before:
        if not is_bound:
            faults.forbidden("spec", _CLAIM_FROZEN)
        elif quantity.parse(wanted) < quantity.parse(before):
            path = "spec.resources.requests.storage"
            faults.forbidden(path, "field can not be less than status.capacity")


def storage_class(obj: Obj, faults: Faults, old: Obj | None) -> None:
    provisioner = obj.get("provisioner") or ""
    if not provisioner:
        faults.required("provisioner")
    else:
        faults.check("provisioner", provisioner.lower(), names.is_qualified_name)
    for key in section(obj, "parameters"):
        if not key:
            faults.invalid("parameters", key, "field can not be empty.")
    if obj.get("reclaimPolicy") not in ("Delete", "Retain"):
        faults.unsupported("reclaimPolicy", obj.get("reclaimPolicy") or "", ("Delete", "Retain"))
    mode = obj.get("volumeBindingMode")
    if mode not in ("Immediate", "WaitForFirstConsumer"):
        faults.unsupported("volumeBindingMode", mode or "", ("Immediate", "WaitForFirstConsumer"))


def storage_class_update(new: Obj, old: Obj, faults: Faults) -> None:
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        faults.forbidden("parameters", "updates to parameters are forbidden.")
    if new.get("provisioner") != old.get("provisioner"):
        faults.forbidden("provisioner", "updates to provisioner are forbidden.")
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        faults.forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden.")
    faults.immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))


def csi_driver(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    for field in ("attachRequired", "podInfoOnMount", "storageCapacity"):
        if spec.get(field) is None:
            faults.required(f"spec.{field}")
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in ("Persistent", "Ephemeral"):
            faults.unsupported("spec.volumeLifecycleModes", mode, ("Ephemeral", "Persistent"))
    policies = ("File", "None", "ReadWriteOnceWithFSType")
    if spec.get("fsGroupPolicy") not in (None, *policies):
        faults.unsupported("spec.fsGroupPolicy", spec["fsGroupPolicy"], policies)


def csi_node(obj: Obj, faults: Faults, old: Obj | None) -> None:
    seen: set[str] = set()
    for index, driver in enumerate(items(section(obj, "spec"), "drivers")):
        here, name = f"spec.drivers[{index}]", driver.get("name") or ""
        if not name:
            faults.required(f"{here}.name")
        elif name in seen:
            faults.duplicate(f"{here}.name", name)
        seen.add(name)
        if not driver.get("nodeID"):
            faults.required(f"{here}.nodeID")


def volume_attachment(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    faults.name("spec.attacher", spec.get("attacher"), names.is_dns1123_subdomain)
    source = section(spec, "source")
    given = [key for key in ("persistentVolumeName", "inlineVolumeSpec") if source.get(key)]
    if len(given) != 1:
        detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        faults.required("spec.source", detail)
    faults.name("spec.nodeName", spec.get("nodeName"), names.is_dns1123_subdomain)


def volume_attachment_update(new: Obj, old: Obj, faults: Faults) -> None:
    if section(new, "spec") != section(old, "spec"):
        faults.invalid("spec", section(new, "spec"), "field is immutable")


def csi_storage_capacity(obj: Obj, faults: Faults, old: Obj | None) -> None:
    faults.name("storageClassName", obj.get("storageClassName"), names.is_dns1123_subdomain)
    selectors.label_selector(obj.get("nodeTopology"), "nodeTopology", faults)
    for field in ("capacity", "maximumVolumeSize"):
        if obj.get(field) is not None:
            faults.quantity_at_least_zero(field, obj[field])


def volume_attributes_class(obj: Obj, faults: Faults, old: Obj | None) -> None:
    if not obj.get("driverName"):
        faults.required("driverName")
    if not obj.get("parameters"):
        faults.required("parameters", "must contain at least one key/value pair")


def volume_attributes_class_update(new: Obj, old: Obj, faults: Faults) -> None:
    for field in ("driverName", "parameters"):
        if new.get(field) != old.get(field):
            faults.forbidden(field, f"updates to {field} are forbidden.")
