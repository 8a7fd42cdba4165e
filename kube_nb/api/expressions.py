"""What the CEL expressions of policies and webhooks may name, and what types it has.

Models apiserver pkg/admission/plugin/cel/compile.go (buildRequestType, buildNamespaceType) and
pkg/cel/mutation (the types ``Object`` and ``JSONPatch``).
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from kube_nb.machinery import cel
from kube_nb.machinery.cel.libraries.authorizer import REQUEST_RESOURCE
from kube_nb.machinery.cel.types import BOOL, DYN, INT, NULL, STRING, TIMESTAMP, Type, list_of, map_of

_STRINGS = list_of(STRING)
_LABELS = map_of(STRING, STRING)


def _object(name: str, /, **fields: Type) -> Type:
    return Type(name, (), fields)


_GVK = _object("kubernetes.GroupVersionKind", group=STRING, version=STRING, kind=STRING)
_GVR = _object("kubernetes.GroupVersionResource", group=STRING, version=STRING, resource=STRING)
_USER = _object("kubernetes.UserInfo", username=STRING, uid=STRING, groups=_STRINGS, extra=map_of(STRING, _STRINGS))
REQUEST = _object(
    "kubernetes.AdmissionRequest",
    kind=_GVK,
    resource=_GVR,
    subResource=STRING,
    requestKind=_GVK,
    requestResource=_GVR,
    requestSubResource=STRING,
    name=STRING,
    namespace=STRING,
    operation=STRING,
    userInfo=_USER,
    dryRun=BOOL,
    options=DYN,
)
_METADATA = _object(
    "kubernetes.NamespaceMetadata",
    name=STRING,
    generateName=STRING,
    namespace=STRING,
    labels=_LABELS,
    annotations=_LABELS,
    UID=STRING,
    creationTimestamp=TIMESTAMP,
    deletionGracePeriodSeconds=INT,
    deletionTimestamp=TIMESTAMP,
    generation=INT,
    resourceVersion=STRING,
    finalizers=_STRINGS,
)
NAMESPACE = _object(
    "kubernetes.Namespace",
    metadata=_METADATA,
    spec=_object("kubernetes.NamespaceSpec", finalizers=_STRINGS),
    status=_object("kubernetes.NamespaceStatus", phase=STRING),
)
VARIABLES: Mapping[str, Type] = {
    "object": DYN,
    "oldObject": DYN,
    "request": REQUEST,
    "namespaceObject": NAMESPACE,
    "authorizer": Type("kubernetes.authorization.Authorizer"),
    REQUEST_RESOURCE: Type("kubernetes.authorization.ResourceCheck"),
}


class _Anything(Mapping[str, Type]):
    """The fields of ``Object``: what they may be is the schema's matter when the patch is applied."""

    def __getitem__(self, name: str) -> Type:
        return DYN

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


OBJECT = Type("Object", (), _Anything())
JSON_PATCH = _object("JSONPatch", op=STRING, path=STRING, value=DYN, **{"from": STRING})


def _structs(name: str) -> Type | None:
    if name == "JSONPatch":
        return JSON_PATCH
    return Type(name, (), OBJECT.fields) if name == "Object" or name.startswith("Object.") else None


@functools.cache
def environment(*, params: bool = False, mutating: bool = False) -> cel.Environment:
    """The names that expressions of a policy may use, with or without parameters."""
    variables = {**VARIABLES, "params": DYN} if params else VARIABLES
    return cel.Environment(variables, _structs) if mutating else cel.Environment(variables)


#: What an expression must evaluate to, by where it stands.
CONDITION, MESSAGE, ANNOTATION = (BOOL,), (STRING,), (STRING, NULL)
APPLY_CONFIGURATION, JSON_PATCHES = (OBJECT,), (list_of(JSON_PATCH),)


class Composition:
    """The environment of one policy: ``variables`` has the type of each of its expressions.

    programs: those that compile. faults: index of a variable -> what is wrong with its expression.
    """

    def __init__(self, spec: Mapping[str, Any], *, mutating: bool = False) -> None:
        self.programs: dict[str, cel.Program] = {}
        self.faults: dict[int, cel.CelError] = {}
        self.base = environment(params=bool(spec.get("paramKind")), mutating=mutating)
        self.environment = self.base
        for index, row in enumerate(spec.get("variables") or ()):
            try:
                self.programs[row.get("name") or ""] = self.environment.compile(row.get("expression") or "")
            except cel.CelError as error:
                self.faults[index] = error
            self.environment = self.base.extended({"variables": self._type()})
        if not self.programs:
            self.environment = self.base.extended({"variables": self._type()})

    def _type(self) -> Type:
        return Type("kubernetes.variables", (), {name: program.type for name, program in self.programs.items()})


def compiled(environment: cel.Environment, expression: str, wanted: tuple[Type, ...]) -> cel.Program:
    """A program; CelError with upstream's words: ``compilation failed: ERROR: ...`` or ``must evaluate to bool``."""
    try:
        return environment.compile(expression, wanted)
    except cel.CompileError as error:
        raise cel.CelError(f"compilation failed: {error}") from None
