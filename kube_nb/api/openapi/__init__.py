"""OpenAPI: the documents that clients read to explain, validate and patch; made from the registry when asked for.

    v3_index(registry)               which documents there are, with their hashes
    v3_group(registry, "apis/apps/v1")  one group and version: paths, and all schemas that they refer to
    v2(registry)                     everything in one Swagger document
    v2_protobuf(registry)            that document's head, for clients that read version 2 in protobuf only

    components.py  definitions in the words of OpenAPI      paths.py  operations      parameters.py  their parameters

Differs: the schemas have no ``default`` and ``enum`` values, for the definitions that we have carry none; the
deprecated ``/watch/`` paths are served but not documented; the protobuf form of version 2 has neither paths nor
definitions: kubectl asks for it where version 3 does not know a kind, and finds what is true, that it is unknown.
"""

import hashlib

from kube_nb.api import definitions
from kube_nb.api.kinds import Kind
from kube_nb.api.openapi import paths
from kube_nb.api.openapi.components import V2, V3, Dialect, closure, definition
from kube_nb.api.registry import Registry
from kube_nb.machinery.types import Obj

_INFO = {"title": "Kubernetes"}
_BEARER = {
    "BearerToken": {
        "type": "apiKey",
        "name": "authorization",
        "in": "header",
        "description": "Bearer Token authentication",
    }
}
_META = ("Status", "DeleteOptions", "Patch", "WatchEvent", "APIResourceList", "ListMeta", "ObjectMeta")
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_COMMON = tuple(paths.META + name for name in _META)


def v3_index(registry: Registry) -> Obj:
    """``/openapi/v3``: path of each document -> its URL, whose hash changes with its content."""
    served = ((group, version) for group, versions in registry.groups().items() for version in versions)
    urls = {_path(group, version): _url(registry, group, version) for group, version in served}
    return {"paths": {path: {"serverRelativeURL": url} for path, url in urls.items() if url}}


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _url(registry: Registry, group: str, version: str) -> str:
    """Where a version's document is, "" if another server serves the version and has none."""
    path, remote = _path(group, version), registry.remote.get((group, version))
    return f"/openapi/v3/{path}?hash={group_hash(registry, path)}" if remote is None else remote.v3


def group_hash(registry: Registry, path: str) -> str:
    """A fingerprint of `v3_group`'s document, much cheaper than the document; also its ETag."""
    digest = hashlib.sha256(registry.version.encode())
    for kind in _kinds(registry, path):
        digest.update(f"{kind.gvk}{kind.verbs}{[each.name for each in kind.subresources]}".encode())
        digest.update(kind.schema.fingerprint() if kind.schema is not None else b"")
    return digest.hexdigest().upper()


def _kinds(registry: Registry, path: str) -> list[Kind]:
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) == 2:
        return registry.of("", parts[1])
    return registry.of(parts[1], parts[2]) if parts[0] == "apis" and len(parts) == 3 else []


def v3_group(registry: Registry, path: str) -> Obj | None:
    """``/openapi/v3/apis/apps/v1``; path: ``apis/apps/v1``. None if nothing is served there."""
    kinds = _kinds(registry, path)
    if not kinds:
        return None
    found, schemas = _paths_and_schemas(registry, kinds, V3)
    return {
        "openapi": "3.0.0",
        "info": {**_INFO, "version": f"v{registry.version}.0"},
        "paths": {f"/{path.strip('/')}/": _resources_path(kinds[0], V3), **found},
        "components": {"schemas": schemas, "securitySchemes": _BEARER},
    }


def v2(registry: Registry) -> Obj:
    """``/openapi/v2``."""
    found, schemas = _paths_and_schemas(registry, registry.kinds(), V2)
    for remote in registry.remote.values():
        theirs = remote.v2 or {}
        found = {**(theirs.get("paths") or {}), **found}
        schemas = {**(theirs.get("definitions") or {}), **schemas}
    return {
        "swagger": "2.0",
        "info": {**_INFO, "version": f"v{registry.version}.0"},
        "paths": found,
        "definitions": schemas,
        "securityDefinitions": _BEARER,
        "security": [{"BearerToken": []}],
    }


def v2_protobuf(registry: Registry) -> bytes:
    """The same as gnostic's openapi.v2.Document: swagger (1) and info (2) with its title (1) and version (2)."""
    info = _text(1, _INFO["title"]) + _text(2, f"v{registry.version}.0")
    return _text(1, "2.0") + _text(2, info)


def _text(number: int, value: str | bytes) -> bytes:
    """A short length-delimited field of protobuf."""
    raw = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(raw)]) + raw


def _paths_and_schemas(registry: Registry, kinds: list[Kind], dialect: Dialect) -> tuple[Obj, Obj]:
    known = definitions.load(registry.version)
    found: Obj = {}
    schemas: Obj = {}
    used = list(_COMMON)
    for kind in kinds:
        item, list_ = _definition_names(kind, known)
        found |= paths.of(kind, item, list_, dialect)
        used += [item, list_, *(paths.definition_name(each.gvk) for each in kind.subresources)]
        if kind.schema is not None:
            schemas |= _custom(kind, item, list_, dialect, known)
    for name in closure(known, used):
        schemas[name] = definition(known, name, dialect)
    return found, dict(sorted(schemas.items()))


def _definition_names(kind: Kind, known: definitions.Definitions) -> tuple[str, str]:
    if kind.schema is None:
        item = known.name(kind.gvk) or ""
        return item, known.name(kind.gvk._replace(kind=kind.list_kind)) or item
    prefix = ".".join(reversed(kind.group.split(".")))
    return f"{prefix}.{kind.version}.{kind.kind}", f"{prefix}.{kind.version}.{kind.list_kind}"


def _custom(kind: Kind, item: str, list_: str, dialect: Dialect, known: definitions.Definitions) -> Obj:
    """A custom resource's own schema and its list's; what all kinds have is taken from pods."""
    assert kind.schema is not None
    common, common_list = (_type_fields(known, dialect, name) for name in ("Pod", "PodList"))
    own = kind.schema.published(dialect.version)
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    rows = {
        "description": f"List of {kind.plural}. More info: {_CONVENTIONS}",
        "type": "array",
        "items": dialect.reference(item),
    }
    return {
        item: {
            **own,
            "properties": {**own.get("properties", {}), **common},
            "x-kubernetes-group-version-kind": [gvk],
        },
        list_: {
            "description": f"{kind.list_kind} is a list of {kind.kind}",
            "type": "object",
            "required": ["items"],
            "properties": {**common_list, "items": rows},
            "x-kubernetes-group-version-kind": [{**gvk, "kind": kind.list_kind}],
        },
    }


def _type_fields(known: definitions.Definitions, dialect: Dialect, kind: str) -> Obj:
    fields = definition(known, f"io.k8s.api.core.v1.{kind}", dialect)["properties"]
    return {name: fields[name] for name in ("apiVersion", "kind", "metadata")}


def _resources_path(kind: Kind, dialect: Dialect) -> Obj:
    """The operation that lists the group's resources."""
    group = paths.Names(kind, "", "").group
    schema = dialect.reference(paths.META + "APIResourceList")
    content = {"application/json": {"schema": schema}, "application/yaml": {"schema": schema}}
    return {
        "get": {
            "description": "get available resources",
            "operationId": f"get{group}APIResources",
            "tags": [paths.tag(kind)],
            "responses": {"200": {"description": "OK", "content": content}, "401": {"description": "Unauthorized"}},
        }
    }
