"""Pod volumes: one source each, its required fields, and paths that stay inside. Models validateVolumeSource."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from kube_nb.api.validation.faults import Faults, items
from kube_nb.machinery import names, quantity
from kube_nb.machinery.types import Obj

Rule: TypeAlias = Callable[[Obj, str, Faults], None]

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_SHORTEST_TOKEN_S = 600


def volumes(found: Sequence[Obj], path: str, faults: Faults) -> dict[str, str]:
    """All volumes; returns name -> kind of source."""
    seen: dict[str, str] = {}
    for index, volume in enumerate(found):
        here = f"{path}[{index}]"
        name = volume.get("name") or ""
        if not faults.name(f"{here}.name", name, names.is_dns1123_label):
            pass
        elif name in seen:
            faults.duplicate(f"{here}.name", name)
        seen[name] = next((key for key in volume if key != "name"), "")
        source(volume, here, faults)
    return seen


def source(volume: Obj, path: str, faults: Faults) -> None:
    """Exactly one source, and that one right."""
    kinds = [key for key in volume if key != "name" and volume[key] is not None]
    if not kinds:
        faults.required(path, "must specify a volume type")
    for extra in kinds[1:]:
        faults.forbidden(f"{path}.{extra}", "may not specify more than 1 volume type")
    if kinds and (rule := _SOURCES.get(kinds[0])) is not None:
        rule(volume[kinds[0]], f"{path}.{kinds[0]}", faults)


def _needs(*fields: str) -> Rule:
    def rule(value: Obj, path: str, faults: Faults) -> None:
        for field in fields:
            if not value.get(field):
                faults.required(f"{path}.{field}")

    return rule


def path_without_backsteps(path: str, value: str, faults: Faults) -> None:
    if ".." in value.replace("\\", "/").split("/"):
        faults.invalid(path, value, "must not contain '..'")


def local_path(path: str, value: str, faults: Faults) -> None:
    """A relative path that does not leave its folder. Models validateLocalDescendingPath."""
    if value.startswith("/"):
        faults.invalid(path, value, "must be a relative path")
    path_without_backsteps(path, value, faults)


def host_path(value: Obj, path: str, faults: Faults) -> None:
    if not value.get("path"):
        faults.required(f"{path}.path")
        return
    path_without_backsteps(f"{path}.path", value["path"], faults)
    if value.get("type") not in (None, *_HOST_PATH_TYPES):
        faults.unsupported(f"{path}.type", value["type"], _HOST_PATH_TYPES)


def _empty_dir(value: Obj, path: str, faults: Faults) -> None:
    limit = value.get("sizeLimit")
    if limit is not None and quantity.parse(limit).value() < 0:
        faults.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _default_mode(value: Obj, path: str, faults: Faults) -> None:
    mode = value.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        faults.invalid(f"{path}.defaultMode", mode, _MODE)


def _key_paths(value: Obj, path: str, faults: Faults) -> None:
    for index, item in enumerate(items(value, "items")):
        here = f"{path}.items[{index}]"
        if not item.get("key"):
            faults.required(f"{here}.key")
        _file(item, here, faults)


def _file(item: Obj, path: str, faults: Faults) -> None:
    """A file's path and mode in a volume."""
    if not item.get("path"):
        faults.required(f"{path}.path")
    else:
        local_path(f"{path}.path", item["path"], faults)
        if item["path"].startswith("..") and not item["path"].startswith("../"):
            faults.invalid(f"{path}.path", item["path"], "must not start with '..'")
    mode = item.get("mode")
    if mode is not None and not 0 <= mode <= 0o777:
        faults.invalid(f"{path}.mode", mode, _MODE)


def _secret(value: Obj, path: str, faults: Faults) -> None:
    _needs("secretName")(value, path, faults)
    _default_mode(value, path, faults)
    _key_paths(value, path, faults)


def _config_map(value: Obj, path: str, faults: Faults) -> None:
    _needs("name")(value, path, faults)
    _default_mode(value, path, faults)
    _key_paths(value, path, faults)


def _downward(value: Obj, path: str, faults: Faults) -> None:
    _default_mode(value, path, faults)
    for item in items(value, "items"):  # upstream names the volume, not the item
        _file(item, path, faults)
        references = [key for key in ("fieldRef", "resourceFieldRef") if item.get(key)]
        if not references:
            faults.required(path, "one of fieldRef and resourceFieldRef is required")
        elif len(references) > 1:
            faults.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")


def _projected(value: Obj, path: str, faults: Faults) -> None:
    _default_mode(value, path, faults)
    for index, projection in enumerate(items(value, "sources")):
        here = f"{path}.sources[{index}]"
        for kind in projection:
            rule = _PROJECTIONS.get(kind)
            if rule is not None:
                rule(projection[kind], f"{here}.{kind}", faults)
        if len(projection) > 1:
            faults.forbidden(here, "may not specify more than 1 volume type")


def _named_items(value: Obj, path: str, faults: Faults) -> None:
    _needs("name")(value, path, faults)
    _key_paths(value, path, faults)


def _token(value: Obj, path: str, faults: Faults) -> None:
    seconds = value.get("expirationSeconds", _SHORTEST_TOKEN_S)
    if seconds < _SHORTEST_TOKEN_S:
        faults.invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    elif seconds > 1 << 32:
        faults.invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    if not value.get("path"):
        faults.required(path.rpartition(".sources[")[0] + ".path")  # upstream's path


def _nfs(value: Obj, path: str, faults: Faults) -> None:
    _needs("server", "path")(value, path, faults)
    if not (value.get("path") or "").startswith("/"):
        faults.invalid(f"{path}.path", value.get("path") or "", "must be an absolute path")


def _csi(value: Obj, path: str, faults: Faults) -> None:
    if not value.get("driver"):
        faults.required(f"{path}.driver")
    secret = value.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        faults.required(f"{path}.nodePublishSecretRef.name")


def _ephemeral(value: Obj, path: str, faults: Faults) -> None:
    from kube_nb.api.validation import storage  # storage uses this module's sources

    template = value.get("volumeClaimTemplate")
    if template is None:
        faults.required(f"{path}.volumeClaimTemplate")
    else:
        storage.claim_spec(template.get("spec") or {}, f"{path}.volumeClaimTemplate.spec", faults)


def _image(value: Obj, path: str, faults: Faults) -> None:
    _needs("reference")(value, path, faults)


_PROJECTIONS: dict[str, Rule] = {
    "secret": _named_items,
    "configMap": _named_items,
    "downwardAPI": _downward,
    "serviceAccountToken": _token,
}

_SOURCES: dict[str, Rule] = {
    "awsElasticBlockStore": _needs("volumeID"),
    "azureDisk": _needs("diskName", "diskURI"),
    "azureFile": _needs("secretName", "shareName"),
    "cephfs": _needs("monitors"),
    "cinder": _needs("volumeID"),
    "configMap": _config_map,
    "csi": _csi,
    "downwardAPI": _downward,
    "emptyDir": _empty_dir,
    "ephemeral": _ephemeral,
    "flexVolume": _needs("driver"),
    "gcePersistentDisk": _needs("pdName"),
    "glusterfs": _needs("endpoints", "path"),
    "hostPath": host_path,
    "image": _image,
    "iscsi": _needs("targetPortal", "iqn"),
    "nfs": _nfs,
    "persistentVolumeClaim": _needs("claimName"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "projected": _projected,
    "quobyte": _needs("registry", "volume"),
    "rbd": _needs("monitors", "image"),
    "scaleIO": _needs("gateway", "system", "volumeName"),
    "secret": _secret,
    "vsphereVolume": _needs("volumePath"),
}
