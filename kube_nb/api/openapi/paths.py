"""The paths of a kind: one operation per verb, in both dialects of OpenAPI.

Models apiserver pkg/endpoints/installer.go: operation ids, tags, actions and parameters are upstream's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kube_nb.api.kinds import Kind, Subresource
from kube_nb.api.openapi import parameters
from kube_nb.api.openapi.components import Dialect
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_WRITTEN = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_READ = (
    *_WRITTEN,
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
)
PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_STATUSES = {"200": "OK", "201": "Created", "202": "Accepted"}


@dataclass(frozen=True)
class Operation:
    """One method of one path. action: x-kubernetes-action; body and answer: names of definitions."""

    method: str
    action: str
    id: str
    description: str
    answer: str
    query: tuple[str, ...] = ()
    body: str = ""
    statuses: tuple[str, ...] = ("200",)
    produces: tuple[str, ...] = _WRITTEN
    consumes: tuple[str, ...] = ("*/*",)
    subresource: str = ""


@dataclass(frozen=True)
class Names:
    """How a kind is called in operation ids, and the definitions that its operations use."""

    kind: Kind
    item: str
    list: str
    group: str = field(init=False)

    def __post_init__(self) -> None:
        parts = self.kind.group.removesuffix(".k8s.io").split(".") if self.kind.group else ["core"]
        object.__setattr__(self, "group", "".join(_capital(part) for part in parts) + _capital(self.kind.version))

    def id(self, verb: str, infix: str = "", suffix: str = "") -> str:
        """``readAppsV1NamespacedDeploymentScale``."""
        namespaced = "Namespaced" if self.kind.namespaced else ""
        return f"{verb}{self.group}{infix}{namespaced}{self.kind.kind}{suffix}"


def _capital(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in text.split("-"))


def tag(kind: Kind) -> str:
    """``apps_v1``, ``rbacAuthorization_v1``."""
    parts = kind.group.removesuffix(".k8s.io").split(".") if kind.group else ["core"]
    group = parts[0] + "".join(map(_capital, parts[1:]))
    return f"{group}_{kind.version}"


def of(kind: Kind, item: str, list_: str, dialect: Dialect) -> dict[str, Obj]:
    """All paths of a kind; item and list_: the names of its definitions."""
    names = Names(kind, item, list_)
    root = "/".join(filter(None, ("/apis" if kind.group else "/api", kind.group, kind.version)))
    inside = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
    found: dict[str, Obj] = {}

    def add(path: str, operations: Iterator[Operation], gvk: GVK) -> None:
        item = {operation.method: _render(kind, operation, gvk, dialect) for operation in operations}
        if item:
            found[path] = {**item, "parameters": _path_parameters(path, kind, dialect)}

    if kind.namespaced and "list" in kind.verbs:
        add(f"{root}/{kind.plural}", _everywhere(names), kind.gvk)
    add(f"{inside}/{kind.plural}", _collection(names), kind.gvk)
    add(f"{inside}/{kind.plural}/{{name}}", _single(names), kind.gvk)
    for subresource in kind.subresources:
        base = f"{inside}/{kind.plural}/{{name}}/{subresource.name}"
        add(base, _subresource(names, subresource), subresource.gvk)
        if subresource.name == "proxy":
            add(f"{base}/{{path}}", _subresource(names, subresource, suffix="WithPath"), subresource.gvk)
    return found


def _everywhere(names: Names) -> Iterator[Operation]:
    kind = names.kind
    identity = f"list{names.group}{kind.kind}ForAllNamespaces"
    yield Operation(
        "get",
        "list",
        identity,
        f"list or watch objects of kind {kind.kind}",
        names.list,
        ("pretty", *parameters.LIST),
        produces=_READ,
    )


def _collection(names: Names) -> Iterator[Operation]:
    kind, verbs = names.kind, names.kind.verbs
    if "list" in verbs:
        description = f"list or watch objects of kind {kind.kind}"
        listing = ("pretty", *parameters.LIST)
        yield Operation("get", "list", names.id("list"), description, names.list, listing, produces=_READ)
    if "create" in verbs:
        article = "an" if kind.kind[0] in "AEIOU" else "a"
        description, write = f"create {article} {kind.kind}", ("pretty", *parameters.WRITE)
        statuses = ("200", "201", "202")
        yield Operation("post", "post", names.id("create"), description, names.item, write, names.item, statuses)
    if "deletecollection" in verbs:
        identity, query = names.id("delete", "Collection"), ("pretty", *parameters.DELETE_COLLECTION)
        description = f"delete collection of {kind.kind}"
        yield Operation(
            "delete", "deletecollection", identity, description, META + "Status", query, META + "DeleteOptions"
        )


def _single(names: Names) -> Iterator[Operation]:
    kind, verbs = names.kind, names.kind.verbs
    write, created = ("pretty", *parameters.WRITE), ("200", "201")
    if "get" in verbs:
        yield Operation("get", "get", names.id("read"), f"read the specified {kind.kind}", names.item, ("pretty",))
    if "update" in verbs:
        description = f"replace the specified {kind.kind}"
        yield Operation("put", "put", names.id("replace"), description, names.item, write, names.item, created)
    if "patch" in verbs:
        yield _patch(names, names.id("patch"), f"partially update the specified {kind.kind}", names.item)
    if "delete" in verbs:
        article = "an" if kind.kind[0] in "AEIOU" else "a"
        query, statuses = ("pretty", *parameters.DELETE), ("200", "202")
        yield Operation(
            "delete",
            "delete",
            names.id("delete"),
            f"delete {article} {kind.kind}",
            names.item if kind.returns_deleted else META + "Status",
            query,
            META + "DeleteOptions",
            statuses,
        )


def _patch(names: Names, identity: str, description: str, answer: str) -> Operation:
    types = tuple(kind for kind in PATCHES if not names.kind.is_custom or "strategic" not in kind)
    query = ("pretty", *parameters.PATCH)
    return Operation(
        "patch", "patch", identity, description, answer, query, META + "Patch", ("200", "201"), consumes=types
    )


#: Subresources that are a connection instead of an object, with the methods by which clients connect.
_CONNECT = {"attach": ("get", "post"), "exec": ("get", "post"), "portforward": ("get", "post")}
_PROXY = ("delete", "get", "patch", "post", "put")


def _subresource(names: Names, subresource: Subresource, suffix: str = "") -> Iterator[Operation]:
    kind, name = names.kind, subresource.name
    ending = _capital(name) + suffix
    own = tuple(parameters.SUBRESOURCES.get(name, ()))
    methods = _PROXY if name == "proxy" else _CONNECT.get(name, ())
    for method in methods:
        identity = names.id("connect", _capital(method), ending)
        yield Operation(
            method,
            "connect",
            identity,
            f"connect {method.upper()} requests to {name} of {kind.kind}",
            "",
            own,
            produces=("*/*",),
            subresource=name,
        )
    if not methods:
        yield from _object_subresource(names, subresource, ending, own)


def _object_subresource(
    names: Names, subresource: Subresource, ending: str, own: tuple[str, ...]
) -> Iterator[Operation]:
    kind, name, verbs = names.kind, subresource.name, subresource.verbs
    item = names.item if subresource.gvk == kind.gvk else definition_name(subresource.gvk)
    of_what = f"{name} of the specified {kind.kind}"
    write = ("pretty", *parameters.WRITE)
    if "get" in verbs:
        query = ("pretty", *own)
        produces = ("text/plain", *_WRITTEN) if name == "log" else _WRITTEN
        answer = "" if name == "log" else item
        identity = names.id("read", "", ending)
        yield Operation("get", "get", identity, f"read {of_what}", answer, query, produces=produces, subresource=name)
    if "update" in verbs:
        identity = names.id("replace", "", ending)
        yield Operation("put", "put", identity, f"replace {of_what}", item, write, item, ("200", "201"))
    if "patch" in verbs:
        yield _patch(names, names.id("patch", "", ending), f"partially update {of_what}", item)
    if "create" in verbs:
        identity, statuses = names.id("create", "", ending), ("200", "201", "202")
        yield Operation("post", "post", identity, f"create {name} of a {kind.kind}", item, write, item, statuses)


#: Groups whose types do not live in the package of their name.
_PACKAGES = {"": "core", "rbac.authorization.k8s.io": "rbac", "flowcontrol.apiserver.k8s.io": "flowcontrol"}


def definition_name(gvk: GVK) -> str:
    """The definition of a built-in kind that a subresource takes: ``io.k8s.api.autoscaling.v1.Scale``."""
    package = _PACKAGES.get(gvk.group, gvk.group.partition(".")[0])
    return f"io.k8s.api.{package}.{gvk.version}.{gvk.kind}"


def _path_parameters(path: str, kind: Kind, dialect: Dialect) -> list[Obj]:
    found = []
    if "{name}" in path:
        found.append(parameters.path("name", f"name of the {kind.kind}", dialect))
    if "{namespace}" in path:
        description = "object name and auth scope, such as for teams and projects"
        found.append(parameters.path("namespace", description, dialect))
    if "{path}" in path:
        found.append(parameters.path("path", "path to the resource", dialect))
    return found


def _render(kind: Kind, operation: Operation, gvk: GVK, dialect: Dialect) -> Obj:
    rendered: Obj = {
        "description": operation.description,
        "operationId": operation.id,
        "tags": [tag(kind)],
        "parameters": [parameters.query(name, dialect, operation.subresource) for name in operation.query],
        "responses": _responses(operation, dialect),
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {"group": gvk.group, "version": gvk.version, "kind": gvk.kind},
    }
    if dialect.version == 2:
        rendered |= {"consumes": list(operation.consumes), "produces": list(operation.produces), "schemes": ["https"]}
    if operation.body:
        _add_body(rendered, operation, dialect)
    return rendered


def _add_body(rendered: Obj, operation: Operation, dialect: Dialect) -> None:
    schema = dialect.reference(operation.body)
    is_required = operation.method != "delete"
    if dialect.version == 2:
        body: Obj = {"name": "body", "in": "body", "schema": schema}
        rendered["parameters"].append({**body, "required": True} if is_required else body)
    else:
        content = {kind: {"schema": schema} for kind in operation.consumes}
        rendered["requestBody"] = {"content": content, **({"required": True} if is_required else {})}


def _responses(operation: Operation, dialect: Dialect) -> Obj:
    schema = dialect.reference(operation.answer) if operation.answer else {"type": "string"}
    found: Obj = {}
    for status in operation.statuses:
        body: Obj = (
            {"schema": schema}
            if dialect.version == 2
            else {"content": {kind: {"schema": schema} for kind in operation.produces}}
        )
        found[status] = {"description": _STATUSES[status], **body}
    return {**found, "401": {"description": "Unauthorized"}}
