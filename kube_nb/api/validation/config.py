"""ConfigMap and Secret: keys, sizes, immutability, what each type of secret must hold.

Models ValidateConfigMap and ValidateSecret in core validation.
"""

import base64

import orjson

from kube_nb.api.validation.faults import Faults, section
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

_LARGEST = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"


def config_map(obj: Obj, faults: Faults, old: Obj | None) -> None:
    data, binary = section(obj, "data"), section(obj, "binaryData")
    for key in data:
        faults.check(f"data[{key}]", key, names.is_config_map_key)
        if key in binary:
            faults.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in binary:
        faults.check(f"binaryData[{key}]", key, names.is_config_map_key)
    size = sum(_bytes(value) for value in data.values()) + sum(_decoded_bytes(value) for value in binary.values())
    if size > _LARGEST:
        faults.too_long("[]", _LARGEST)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _decoded_bytes(text: str) -> int:
    return len(text) // 4 * 3 - text.count("=", -2)


def config_map_update(new: Obj, old: Obj, faults: Faults) -> None:
    _frozen(new, old, ("data", "binaryData"), faults)


def _frozen(new: Obj, old: Obj, fields: tuple[str, ...], faults: Faults) -> None:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        faults.forbidden("immutable", _FROZEN)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            faults.forbidden(field, _FROZEN)


def secret(obj: Obj, faults: Faults, old: Obj | None) -> None:
    data = section(obj, "data")
    for key in data:
        faults.check(f"data[{key}]", key, names.is_config_map_key)
    if sum(_decoded_bytes(value) for value in data.values()) > _LARGEST:
        faults.too_long("data", _LARGEST)
    match obj.get("type"):
        case "kubernetes.io/service-account-token":
            annotation = "kubernetes.io/service-account.name"
            if not (section(obj, "metadata").get("annotations") or {}).get(annotation):
                faults.required(f"metadata.annotations[{annotation}]")
        case "kubernetes.io/dockercfg":
            _json_key(data, ".dockercfg", faults)
        case "kubernetes.io/dockerconfigjson":
            _json_key(data, ".dockerconfigjson", faults)
        case "kubernetes.io/basic-auth":
            if "username" not in data and "password" not in data:
                _needed(data, ("username", "password"), faults)
        case "kubernetes.io/ssh-auth":
            _needed(data, ("ssh-privatekey",), faults)
        case "kubernetes.io/tls":
            _needed(data, ("tls.crt", "tls.key"), faults, may_be_empty=True)


def _needed(data: Obj, keys: tuple[str, ...], faults: Faults, *, may_be_empty: bool = False) -> None:
    for key in keys:
        if key not in data or not (data[key] or may_be_empty):
            faults.required(f"data[{key}]")


def _json_key(data: Obj, key: str, faults: Faults) -> None:
    if key not in data:
        faults.required(f"data[{key}]")
        return
    try:
        orjson.loads(base64.b64decode(data[key]))
    except ValueError:
        detail = "invalid character in the JSON document"
        faults.invalid(f"data[{key}]", "<secret contents redacted>", detail)


def secret_update(new: Obj, old: Obj, faults: Faults) -> None:
    faults.immutable("type", new.get("type"), old.get("type"))
    _frozen(new, old, ("data",), faults)
