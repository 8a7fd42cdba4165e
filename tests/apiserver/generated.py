"""Requests that schemathesis makes of the server's own OpenAPI, shaped so that many of them get past the front gate.

The document stays the server's; what is narrowed is where chance alone would never hit: kinds and versions are the
right ones, names and namespaces come from a few, objects have a few fields at a time (which is also what makes a pod's
hundreds of definitions cheap to draw from).
"""

import functools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from kube_nb.api import openapi
from kube_nb.api.registry import Registry
from kube_nb.machinery.exchange import Request
from kube_nb.machinery.types import Obj

_FEW = 3
_NAMES = ["a", "b", "c-1", "x.y", "A_"]
#: What any other string is drawn from: names, addresses, and what is none of both.
_WORDS = ["a", "b", "web", "10.0.0.1", "example.com/a", "TCP", "/x", "*", "", "A_", "é\u0000", "1"]
_WHOLE = ("metadata", "spec", "kind", "apiVersion")
#: Fields of any object, by name.
_FIELDS: dict[str, Obj] = {
    "name": {"type": "string", "enum": _NAMES},
    "generateName": {"type": "string", "enum": ["g-", "G"]},
    "namespace": {"type": "string", "enum": ["default", "other", ""]},
    "resourceVersion": {"type": "string", "enum": ["", "1", "x"]},
    "finalizers": {"type": "array", "items": {"type": "string", "enum": ["example.com/a", "x"]}, "maxItems": 1},
    "managedFields": {"type": "array", "maxItems": 0},
    "labels": {"enum": [{"a": "b"}, {"a": "b", "c": ""}]},
    "matchLabels": {"enum": [{"a": "b"}]},
    "containers": {"type": "array", "minItems": 1, "maxItems": 2},
    "expression": {"type": "string", "enum": ["true", "object.x", "1 +", "'a'"]},
    "rule": {"type": "string", "enum": ["true", "self.x", "1 +"]},
    "request": {"type": "string", "enum": ["eA==", "x"]},
    "uid": {"type": "string", "enum": ["", "0"]},
}
#: What a parameter of this name is drawn from.
_PARAMETERS: dict[str, Obj] = {
    "name": {"type": "string", "enum": ["a", "b", "c-1", "x.y", "A_"]},
    "namespace": {"type": "string", "enum": ["default", "default", "other"]},
    "labelSelector": {"type": "string", "enum": ["", "a=b", "a in (b", "!x", "a notin (b,c)", "=", "a>1"]},
    "fieldSelector": {"type": "string", "enum": ["", "metadata.name=a", "x=y", "metadata.name!=a", "="]},
    "resourceVersion": {"type": "string", "enum": ["", "0", "1", "999999999", "x", "-1"]},
    "resourceVersionMatch": {"type": "string", "enum": ["", "Exact", "NotOlderThan", "x"]},
    "continue": {"type": "string", "enum": ["", "x", "eyJ2IjoiIn0"]},
    "limit": {"type": "integer", "enum": [0, 1, 500, -1]},
    "timeoutSeconds": {"type": "integer", "enum": [0, 1, -1]},
    "dryRun": {"type": "string", "enum": ["All", "x"]},
    "fieldManager": {"type": "string", "enum": ["me", "you", "x" * 200]},
    "fieldValidation": {"type": "string", "enum": ["Ignore", "Warn", "Strict", "x"]},
    "pretty": {"type": "string", "enum": ["true", "x"]},
    "gracePeriodSeconds": {"type": "integer", "enum": [0, 1, -1]},
    "propagationPolicy": {"type": "string", "enum": ["Foreground", "Background", "Orphan", "x"]},
}
_QUANTITIES = ["1", "100m", "1Gi", "0", "-1", "x"]
_SUFFIXED: dict[str, Obj] = {
    "api.resource.Quantity": {"type": "string", "enum": _QUANTITIES},
    "util.intstr.IntOrString": {"enum": [1, 80, "50%", "http", -1, "x"]},
    "meta.v1.FieldsV1": {"type": "object", "maxProperties": 0},
    "v1.JSONSchemaProps": {
        "type": "object",
        "properties": {"type": {"enum": ["object", "string"]}},
        "maxProperties": 1,
    },
    "runtime.RawExtension": {"type": "object", "maxProperties": 1},
    "meta.v1.Patch": {"$ref": "#/components/schemas/Patch"},
}


_VALUES: Obj = {"enum": [None, 0, 3, -1, "a", "", True, [], {}, {"a": "b"}, [{"name": "a"}]]}
_METADATA: Obj = {
    "type": "object",
    "properties": {
        **{name: {"enum": [None, {"a": "b"}, {"a": None}, {"A_/b": 1}]} for name in ("labels", "annotations")},
        "finalizers": {"enum": [None, ["example.com/a"], ["x"]]},
        "name": {"type": "string", "enum": _NAMES},
        "resourceVersion": {"enum": ["", "1", "x"]},
    },
    "additionalProperties": False,
}
_PATCH: Obj = {
    "type": "object",
    "properties": {
        "metadata": _METADATA,
        "spec": {
            "type": "object",
            "properties": dict.fromkeys(("replicas", "selector", "template", "paused", "ports", "containers"), _VALUES),
        },
        **dict.fromkeys(("status", "data", "rules", "webhooks", "kind", "apiVersion"), _VALUES),
    },
    "additionalProperties": False,
}
_POINTERS = [
    "/metadata/labels",
    "/metadata/labels/a",
    "/spec",
    "/spec/replicas",
    "/data",
    "/spec/ports/0",
    "",
    "x",
    "/-",
]
_OPERATIONS: Obj = {
    "type": "array",
    "maxItems": 3,
    "items": {
        "type": "object",
        "properties": {
            "op": {"enum": ["add", "remove", "replace", "test", "move", "copy", "x"]},
            **{field: {"enum": _POINTERS} for field in ("path", "from")},
            "value": _VALUES,
        },
        "required": ["op", "path"],
        "additionalProperties": False,
    },
}


class Case(NamedTuple):
    """One request, and the path template that it comes from."""

    template: str
    request: Request


@functools.cache
def registry() -> Registry:
    return Registry.builtin()


def groups() -> list[str]:
    """``api/v1``, ``apis/apps/v1`` ...: what OpenAPI v3 has a document for."""
    return [
        f"apis/{group}/{version}" if group else f"api/{version}"
        for group, versions in registry().groups().items()
        for version in versions
    ]


def shaped(group: str) -> Obj:
    """The server's document of a group, narrowed."""
    document: Obj = orjson.loads(orjson.dumps(openapi.v3_group(registry(), group)))
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        narrow = next((shape for suffix, shape in _SUFFIXED.items() if name.endswith(suffix)), None)
        schemas[name] = narrow if narrow is not None else _shaped(schema)
    schemas["Patch"] = _PATCH
    for path in document["paths"].values():
        for holder in (path, *(part for part in path.values() if isinstance(part, dict))):
            _shape_body((holder.get("requestBody") or {}).get("content") or {})
            for parameter in holder.get("parameters") or ():
                parameter["schema"] = _PARAMETERS.get(parameter.get("name"), parameter.get("schema"))
    return document


def _shape_body(content: Obj) -> None:
    """Bodies are JSON, whatever else would do; a JSON patch is a list of operations."""
    if "*/*" in content:
        content["application/json"] = content.pop("*/*")
    for media_type in [each for each in content if "cbor" in each or "protobuf" in each]:
        del content[media_type]
    if "application/json-patch+json" in content:
        content["application/json-patch+json"] = {"schema": _OPERATIONS}


def _shaped(schema: Obj) -> Obj:
    """An object with a few of its fields, its kind as it must be."""
    kinds = schema.get("x-kubernetes-group-version-kind") or ()
    properties = {name: _part(name, part) for name, part in (schema.get("properties") or {}).items()}
    if not properties:
        return _small(schema)
    if len(kinds) == 1 and "kind" in properties:
        kind = kinds[0]
        version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
        properties |= {"kind": {"enum": [kind["kind"]]}, "apiVersion": {"enum": [version]}}
    required = list(schema.get("required") or ())
    expected = _WHOLE if len(kinds) == 1 else ("labels", "matchLabels", "metadata")
    expected += ("name",) if "generateName" in properties else ()
    required += [name for name in expected if name in properties and name not in required]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "maxProperties": len(required) + _FEW,
        "additionalProperties": False,
    }


def _part(name: str, part: Obj) -> Obj:
    """The schema of a field: what is known of its name over what the document says."""
    known = _FIELDS.get(name)
    if known is None:
        return _small(part)
    return {**_small(part), **known} if known.get("type") == "array" else known


def _small(part: Obj) -> Obj:
    """Lists and maps of two at the most, whole numbers that fit."""
    if "allOf" in part and len(part["allOf"]) == 1:
        return dict(part["allOf"][0])
    found = {key: value for key, value in part.items() if key not in ("default", "description")}
    if found.get("type") == "array":
        found["maxItems"] = 2
        found["items"] = _small(found.get("items") or {})
    elif isinstance(found.get("additionalProperties"), dict):
        found |= {"maxProperties": 2, "additionalProperties": _small(found["additionalProperties"])}
        found["propertyNames"] = {"enum": ["a", "b/c", "cpu", "A_"]}
    elif found.get("type") == "integer":
        found = {"type": "integer", "minimum": -5, "maximum": 70000}
    elif found.get("type") == "string" and "enum" not in found and "format" not in found:
        found = {"type": "string", "enum": _WORDS}
    return found


def cases(group: str, per_operation: int, shard: int = 0, shards: int = 1) -> Iterator[Case]:
    """The requests of every so manieth operation of a group, the same ones every time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside of its dependencies
        import schemathesis  # takes seconds, and every worker would spend them to know this module's tests
        from schemathesis.generation import GenerationMode
    schema = schemathesis.openapi.from_dict(shaped(group))
    for number, result in enumerate(schema.get_all_operations()):
        if number % shards != shard:
            continue
        operation = result.ok()
        for mode, count in ((GenerationMode.POSITIVE, per_operation), (GenerationMode.NEGATIVE, per_operation // 10)):
            for index, case in enumerate(_drawn(operation, mode, count)):
                yield Case(operation.path, _request(case, index))


def _drawn(operation: Any, mode: Any, count: int) -> list[Any]:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import Unsatisfiable

    found: list[Any] = []
    if not count:
        return found

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def draw(case: Any) -> None:
        found.append(case)

    try:
        draw()
    except Unsatisfiable:  # there is nothing that could be wrong with some operations
        assert mode.name == "NEGATIVE", f"{operation.method} {operation.path} takes nothing"
    return found


def _request(case: Any, index: int) -> Request:
    """The request, with a third of its parameters: all together they nearly always contradict each other."""
    path = case.path
    parameters = dict(case.path_parameters or {})
    if index % 5:  # most find what the tests have put there
        parameters |= {"name": "ab"[index % 2], "namespace": "default"}
    for name, value in parameters.items():
        path = path.replace("{" + name + "}", str(value))
    query = {
        str(name): [_text(item) for item in (value if isinstance(value, list) else [value])]
        for position, (name, value) in enumerate((case.query or {}).items())
        if (position + index) % 3 == 0
    }
    body = None
    headers = {"user-agent": "schemathesis"}
    if type(case.body).__name__ != "NotSet" and case.method.upper() != "GET":
        body = case.body if isinstance(case.body, bytes) else _encoded(_named(case, parameters, index))
        headers["content-type"] = str(case.media_type or "application/json").replace("*/*", "application/json")
    return Request(case.method.upper(), path, query, headers, body)


def _named(case: Any, parameters: Obj, index: int) -> Any:
    """The body; three of four that replace an object bear its name."""
    metadata = case.body.get("metadata") if isinstance(case.body, dict) else None
    if case.method.upper() != "PUT" or not isinstance(metadata, dict) or index % 4 == 0:
        return case.body
    return {**case.body, "metadata": {**metadata, "name": parameters.get("name")}}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encoded(value: Any) -> bytes:
    import json

    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def json_body(request: Request) -> Mapping[str, Any] | None:
    """The request's body as an object, if it is one."""
    try:
        found = orjson.loads(request.body) if isinstance(request.body, bytes) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def operations() -> int:
    """How many operations all groups have."""
    methods = ("get", "post", "put", "patch", "delete", "head", "options")
    return sum(
        sum(method in methods for method in path)
        for group in groups()
        for path in openapi.v3_group(registry(), group)["paths"].values()
    )
