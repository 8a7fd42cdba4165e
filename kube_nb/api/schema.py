"""`Schema`: a type's fields, its lists' keys and merge rules, and its decoder; made when first asked for.

    definitions (JSON)  ->  Schemas.for_gvk(Pod)  ->  Schema .field("spec").field("containers").map_keys == ("name",)
                                                      .decode(obj) -> obj as the server keeps it, unknown fields

A `Schema` of a field combines what stands at the field (list type, merge key) with the type that it refers to. It is
`machinery.patch.TypeSchema` for the patches.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from kube_nb.api import data, decode, definitions
from kube_nb.api.decode import DROP, Decoder, Mismatch, Unknown, Unreadable
from kube_nb.api.kinds import Kind
from kube_nb.machinery import errors
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Json, Obj

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

#: Definitions with UnmarshalJSON methods of their own.
_SPECIAL: dict[str, tuple[str, Decoder]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("scalar", decode.resource_quantity),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("scalar", decode.int_or_string),
    _META + "Time": ("scalar", decode.time),
    _META + "MicroTime": ("scalar", decode.micro_time),
    _META + "Duration": ("scalar", decode.go_duration),
    _META + "FieldsV1": ("any", decode.anything),
    _META + "Patch": ("any", decode.anything),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("any", decode.anything),
    _EXTENSIONS + "JSON": ("any", decode.anything),
}

#: List-map keys that Go defaults before items are told apart.
_KEY_DEFAULTS = {("core.v1.ContainerPort", "protocol"): "TCP", ("core.v1.ServicePort", "protocol"): "TCP"}

#: How many unknown fields are reported. Models maxStrictErrors in sigs.k8s.io/json.
_MOST_UNKNOWN = 100


@functools.cache
def _go_types() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = data.load(data.FOLDER / "gotypes.yaml")
    return found


def short_name(definition: str) -> str:
    """``io.k8s.api.core.v1.PodSpec`` -> ``core.v1.PodSpec``."""
    return ".".join(definition.split(".")[-3:])


class Schema:
    """A type at its place. kind: object (fields), map, list, scalar or any (kept as it comes).

    list_type: atomic, set, map or None; map_type: granular or atomic; merge_key and patch_strategy ({merge, replace,
    retainKeys}) are strategic merge patch's. description: the API documentation's sentence.
    """

    def __init__(self, schemas: "Schemas", raw: Mapping[str, Any], owner: str, name: str) -> None:
        self.schemas = schemas
        self._owner = owner
        self._name = name
        self.definition, self._type = schemas.definitions.resolve(dict(raw))
        self.raw = raw
        self.kind = _kind(self.definition, self._type)
        keys = raw.get("x-kubernetes-list-map-keys", ())
        self.map_keys: tuple[str, ...] = tuple(keys)
        self.list_type: str | None = raw.get("x-kubernetes-list-type")
        self.map_type: str = raw.get("x-kubernetes-map-type", self._type.get("x-kubernetes-map-type", "granular"))
        self.merge_key: str | None = raw.get("x-kubernetes-patch-merge-key")
        self.patch_strategy = frozenset(filter(None, raw.get("x-kubernetes-patch-strategy", "").split(",")))
        self.description: str = raw.get("description", self._type.get("description", ""))

    def __repr__(self) -> str:
        return f"Schema({self._name or short_name(self.definition)}: {self.go_type})"

    @functools.cached_property
    def fields(self) -> Mapping[str, "Schema"]:
        """An object's fields; empty for every other kind."""
        if self.kind != "object":
            return {}
        return self.schemas.struct_fields(self.definition, self._type)

    def field(self, name: str) -> "Schema | None":
        return self.fields.get(name)

    @functools.cached_property
    def required(self) -> frozenset[str]:
        return frozenset(self._type.get("required", ()))

    def element(self) -> "Schema | None":
        """The type of a list's items or a map's values."""
        return self._element

    @functools.cached_property
    def _element(self) -> "Schema | None":
        raw = self._type.get("items") if self.kind == "list" else self._type.get("additionalProperties")
        return Schema(self.schemas, raw, "", "") if isinstance(raw, dict) and self.kind in ("list", "map") else None

    def default_for(self, key: str) -> Json:
        """What a missing list-map key counts as: TCP for a port's protocol, else None."""
        definition = self._element.definition if self._element is not None else self.definition
        return _KEY_DEFAULTS.get((short_name(definition), key))

    @functools.cached_property
    def go_type(self) -> str:
        """The Go type as decoding errors name it: ``v1.PodSpec``, ``[]v1.Container``, ``map[string]string``."""
        named = _go_types().get(self._owner, {}).get("names", {}).get(self._name)
        if named:
            return str(named)
        if self._element is not None:
            return _container_type(self.kind, self._element)
        if self.definition:
            return ".".join(self.definition.split(".")[-2:])
        return _scalar_type(self._type)

    @functools.cached_property
    def decoder(self) -> Decoder:
        """The value's way through Go's decoder and encoder."""
        if self.definition in _SPECIAL:
            return _SPECIAL[self.definition][1]
        if self.definition.startswith(_EXTENSIONS) and self.definition in _UNIONS:
            return _UNIONS[self.definition](self.schemas)
        if self.kind == "object":
            return self.schemas.struct_decoder(self.definition, self)
        if self._element is not None:
            return self._container_decoder(self._element)
        return self._scalar_decoder()

    @property
    def _keeps_empty(self) -> bool:
        """Whether Go writes the field when it is empty: a pointer, or a field without omitempty."""
        if not self._name:
            return True
        if self._name in self.schemas.required(self._owner):
            return True
        tags = _go_types().get(self._owner, {})
        if _is_number_or_bool(self._type):
            return self._name not in tags.get("values", ())
        return self._name in tags.get("pointers", ())

    def _container_decoder(self, element: "Schema") -> Decoder:
        keep = self._keeps_empty
        plain = (
            not element.definition and element._type.get("format") is None and _scalar_type(element._type) == "string"
        )
        if self.kind == "list":
            return (
                decode.string_array(keep)
                if plain
                else decode.array(element.decoder, self.go_type, element.zero(), keep)
            )
        if plain:
            return decode.string_mapping(self.go_type, keep)
        return decode.mapping(element.decoder, self.go_type, element.zero(), keep)

    def _scalar_decoder(self) -> Decoder:
        keep = self._keeps_empty
        match _scalar_type(self._type):
            case "bool":
                return decode.boolean(keep)
            case "int32":
                return decode.integer(32, keep)
            case "int64":
                return decode.integer(64, keep)
            case "float64":
                return decode.number
            case "[]uint8":
                return decode.base64_bytes(keep)
        plain = self.go_type == "string" and not keep
        return decode.string if plain else decode.named_string(self.go_type, keep)

    def zero(self) -> Json:
        """What Go has in the place of a null item."""
        if self.kind in ("object", "list", "map", "any"):
            return {} if self.kind == "object" else None
        if self.go_type == "resource.Quantity":
            return "0"
        return {"bool": False, "int32": 0, "int64": 0, "float64": 0}.get(_scalar_type(self._type), "")

    def decode(self, obj: Obj, old: Obj | None = None) -> tuple[Obj, list[str]]:
        """`obj` as the server keeps it, and its unknown fields: ``['unknown field "spec.foo"', ...]``.

        old: the object as stored; parts that equal the stored ones are taken from it, unchecked, so that later steps
        see by identity what did not change. Raises ApiError BadRequest for a value of the wrong type.
        """
        unknown: Unknown = []
        same = {} if old is None else _same(obj, old)
        rest = {key: value for key, value in obj.items() if key not in same} if same else obj
        try:
            decoded = self.decoder(rest, unknown)
        except (Mismatch, Unreadable) as error:
            raise self._refusal(obj, str(error)) from None
        except RecursionError:
            raise self._refusal(obj, "json: exceeded max depth") from None
        return {**same, **decoded} if same else decoded, list(self._unknown_fields(rest)) if unknown else []

    def check(self, obj: Obj) -> list[str]:
        """The unknown fields of `obj`; raises ApiError BadRequest for a value of the wrong type."""
        return self.decode(obj)[1]

    def drop_nulls_and_unknown(self, obj: Obj) -> Obj:
        """`obj` as the server keeps it; raises as `decode`."""
        return self.decode(obj)[0]

    def default(self, obj: Obj) -> Obj:
        """`obj` with the defaults that the schema itself carries; built-in types have theirs in api.defaults."""
        return obj

    def validate(self, obj: Obj, old: Obj | None = None) -> list[errors.FieldError]:
        """What the schema itself finds wrong with values; the rules of built-in types are in api.validation."""
        return []

    def fingerprint(self) -> bytes:
        """Bytes that change when the schema does; for custom resources."""
        return orjson.dumps(self.raw, option=orjson.OPT_SORT_KEYS)

    def published(self, version: int) -> Obj:
        """The schema as OpenAPI documents of version 2 or 3 show it; for custom resources."""
        return dict(self.raw)

    def _refusal(self, obj: Obj, fault: str) -> errors.ApiError:
        gvk = GVK.of(obj) if isinstance(obj, dict) else GVK("", "", "")
        own = self.definition.rpartition(".")[2]
        return errors.bad_request(f'{gvk.kind or own} in version "{gvk.version}" cannot be handled as a {own}: {fault}')

    def _unknown_fields(self, obj: Json) -> Iterator[str]:
        for count, path in enumerate(_unknown_paths(self, obj, "")):
            if count == _MOST_UNKNOWN:
                return
            yield f'unknown field "{path}"'


def of_kind(kind: Kind) -> "Schema | None":
    """A served kind's schema: its CRD's, or its release's."""
    return kind.schema if kind.schema is not None else schemas(kind.release).for_gvk(kind.gvk)


def _same(obj: Obj, old: Obj) -> Obj:
    """The stored object's own values where `obj` has equal ones."""
    return {key: old[key] for key, value in obj.items() if key in old and old[key] == value}


def _unknown_paths(schema: "Schema", value: Json, path: str) -> Iterator[str]:
    if isinstance(value, dict) and schema.kind == "object":
        for key, item in value.items():
            field = schema.field(key)
            here = f"{path}.{key}" if path else key
            if field is None:
                yield here
            else:
                yield from _unknown_paths(field, item, here)
    element = schema.element()
    if element is None:
        return
    if isinstance(value, list) and schema.kind == "list":
        for index, item in enumerate(value):
            yield from _unknown_paths(element, item, f"{path}[{index}]")
    elif isinstance(value, dict) and schema.kind == "map":
        for key, item in value.items():
            yield from _unknown_paths(element, item, f"{path}.{key}")


def strict_error(gvk: GVK, faults: list[str]) -> errors.ApiError:
    """The refusal of a request with fieldValidation=Strict; faults as `Schema.decode` lists them."""
    text = f"strict decoding error: {', '.join(faults)}"
    return errors.bad_request(f'{gvk.kind} in version "{gvk.version}" cannot be handled as a {gvk.kind}: {text}')


def _json_type(schema: Mapping[str, Any]) -> str:
    found = schema.get("type")
    return next((name for name in found if name != "null"), "") if isinstance(found, list) else found or ""


def _kind(definition: str, schema: Mapping[str, Any]) -> str:
    if definition in _SPECIAL:
        return _SPECIAL[definition][0]
    if definition in _UNIONS:
        return "any"
    if definition or "properties" in schema:
        return "object"
    if "additionalProperties" in schema:
        return "map"
    return {"array": "list", "object": "any", "": "any"}.get(_json_type(schema), "scalar")


def _scalar_type(schema: Mapping[str, Any]) -> str:
    kind, format_ = _json_type(schema), schema.get("format")
    if kind == "integer":
        return format_ or "int64"
    if kind == "string" and format_ == "byte":
        return "[]uint8"
    return {"boolean": "bool", "number": "float64", "object": "runtime.RawExtension"}.get(kind, kind)


def _is_number_or_bool(schema: Mapping[str, Any]) -> bool:
    return _json_type(schema) in ("integer", "boolean", "number")


def _container_type(kind: str, element: Schema) -> str:
    if kind == "map" and element.go_type == "resource.Quantity":
        return "v1.ResourceList"
    return ("[]" if kind == "list" else "map[string]") + element.go_type


def _or_bool(schemas: "Schemas") -> Decoder:
    props = schemas.of(_EXTENSIONS + "JSONSchemaProps")

    def decoder(value: Json, unknown: Unknown) -> Json:
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict):
            raise Unreadable("boolean or JSON schema expected")
        return props.decoder(value, unknown)

    return decoder


def _or_array(schemas: "Schemas", expected: str = "array or JSON schema expected") -> Decoder:
    props = schemas.of(_EXTENSIONS + "JSONSchemaProps")

    def decoder(value: Json, unknown: Unknown) -> Json:
        if isinstance(value, list):
            return [item if isinstance(item, str) else props.decoder(item, unknown) for item in value]
        return props.decoder(value, unknown)

    return decoder


_UNIONS: dict[str, Callable[["Schemas"], Decoder]] = {
    _EXTENSIONS + "JSONSchemaPropsOrBool": _or_bool,
    _EXTENSIONS + "JSONSchemaPropsOrArray": _or_array,
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": _or_array,
}


class Schemas:
    """All schemas of one release; shared by every cluster of the process that serves it."""

    def __init__(self, found: definitions.Definitions) -> None:
        self.definitions = found
        self._by_name: dict[str, Schema] = {}
        self._fields: dict[str, dict[str, Schema]] = {}
        self._decoders: dict[str, Decoder] = {}

    def for_gvk(self, gvk: GVK) -> Schema | None:
        """A kind's schema, or None if the release does not have the kind."""
        name = self.definitions.name(gvk)
        return None if name is None else self.of(name)

    def of(self, definition: str) -> Schema:
        """The schema of a definition by its full name."""
        schema = self._by_name.get(definition)
        if schema is None:
            schema = self._by_name[definition] = Schema(self, {"$ref": "#/$defs/" + definition}, "", "")
        return schema

    def required(self, owner: str) -> frozenset[str]:
        """The required fields of a definition given by its short name."""
        return self._required.get(owner, frozenset())

    @functools.cached_property
    def _required(self) -> dict[str, frozenset[str]]:
        return {
            short_name(name): frozenset(schema["required"])
            for name, schema in self.definitions.schemas.items()
            if "required" in schema
        }

    def struct_fields(self, definition: str, type_: Mapping[str, Any]) -> dict[str, Schema]:
        fields = self._fields.get(definition) if definition else None
        if fields is None:
            owner = short_name(definition)
            fields = {name: Schema(self, raw, owner, name) for name, raw in type_.get("properties", {}).items()}
            if definition:
                self._fields[definition] = fields
        return fields

    def struct_decoder(self, definition: str, schema: Schema) -> Decoder:
        """A struct's decoder; its fields' own are made when a value first has the field."""
        decoder = self._decoders.get(definition)
        if decoder is None:
            decoders: dict[str, Decoder] = {}
            decoders.update({name: _made_when_used(decoders, name, field) for name, field in schema.fields.items()})
            decoder = decode.struct(definition.rpartition(".")[2], schema.go_type, decoders)
            self._decoders[definition] = decoder
        return decoder


def _made_when_used(decoders: dict[str, Decoder], name: str, field: Schema) -> Decoder:
    def first(value: Json, unknown: Unknown) -> Json:
        decoders[name] = field.decoder
        return decoders[name](value, unknown)

    return first


@functools.cache
def schemas(version: str | None = None) -> Schemas:
    """The schemas of a release, ``"1.37"``; the newest installed one if None."""
    return Schemas(definitions.load(version or definitions.newest()))


__all__ = ["DROP", "Schema", "Schemas", "of_kind", "schemas", "short_name", "strict_error"]
