"""Structural schemas: what a CustomResourceDefinition says of its objects, used as built-in schemas are.

    openAPIV3Schema  ->  StructuralSchema  .decode   prunes what the schema does not know
                                           .default  fills in the schema's defaults
                                           .validate checks values (in structural_validation)

Models apiextensions pkg/apiserver/schema. Differs: CEL rules (x-kubernetes-validations) are not evaluated.
"""

import functools
from collections.abc import Mapping
from typing import Any

import orjson

from kube_nb.api import decode, structural_validation
from kube_nb.api.decode import Decoder, Mismatch, Unknown, Unreadable
from kube_nb.api.schema import Schema, schemas
from kube_nb.machinery.errors import FieldError
from kube_nb.machinery.types import Json, Obj

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED = "x-kubernetes-embedded-resource"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
#: Keywords that OpenAPI v2 does not have.
_V3_ONLY = ("nullable", "oneOf", "anyOf", "not", "x-kubernetes-validations")


class StructuralSchema(Schema):
    """One node of a structural schema; the root and embedded resources know apiVersion, kind and metadata besides.

    raw: the JSONSchemaProps. preserves: whether unknown fields are kept here.
    """

    def __init__(self, raw: Mapping[str, Any], *, is_resource: bool = False, preserves: bool = False) -> None:
        self.raw = raw
        self.preserves = preserves or bool(raw.get(_PRESERVE))
        self.is_resource = is_resource or bool(raw.get(_EMBEDDED))
        self.definition = ""
        self.schemas = schemas()
        self._type = dict(raw)
        self._owner = self._name = ""
        self.kind = self._kind_of_node()
        self.map_keys = tuple(raw.get("x-kubernetes-list-map-keys", ()))
        self.list_type = raw.get("x-kubernetes-list-type")
        self.map_type = raw.get("x-kubernetes-map-type", "granular")
        self.merge_key = None
        self.patch_strategy = frozenset()
        self.description = raw.get("description", "")

    def _kind_of_node(self) -> str:
        if self.is_resource or self.raw.get("properties"):
            return "object"
        if self.raw.get("additionalProperties"):
            return "map"
        if self.raw.get("type") == "array":
            return "list"
        if self.raw.get("type") == "object" or "type" not in self.raw:
            scalar = self.raw.get("x-kubernetes-int-or-string")
            return "scalar" if scalar else "any" if self.preserves else "object"
        return "scalar"

    @functools.cached_property
    def fields(self) -> Mapping[str, Schema]:
        found: dict[str, Schema] = {
            name: StructuralSchema(child, preserves=False) for name, child in self.raw.get("properties", {}).items()
        }
        if self.is_resource:
            text = StructuralSchema({"type": "string"})
            found |= {"apiVersion": text, "kind": text, "metadata": self.schemas.of(_META)}
        return found

    @functools.cached_property
    def has_defaults(self) -> bool:
        """Whether `default` may change anything."""
        return _has_defaults(self.raw)

    def field(self, name: str) -> Schema | None:
        found = self.fields.get(name)
        return _anything() if found is None and self.preserves else found

    @functools.cached_property
    def _element(self) -> Schema | None:
        if self.kind == "list":
            return StructuralSchema(self.raw.get("items") or {_PRESERVE: True})
        if self.kind == "map":
            values = self.raw["additionalProperties"]
            return StructuralSchema(values if isinstance(values, dict) else {_PRESERVE: True})
        return None

    def default_for(self, key: str) -> Json:
        element = self._element if self.kind == "list" else self
        field = element.field(key) if element is not None else None
        return field.raw.get("default") if field is not None else None

    @functools.cached_property
    def decoder(self) -> Decoder:
        """Prunes; values of a wrong type are left for validation, as a real server does."""
        if self.kind == "object":
            return self._object_decoder()
        element = self._element
        if self.kind == "list" and element is not None:
            return _items(element.decoder)
        if self.kind == "map" and element is not None:
            return _values(element.decoder)
        return decode.anything

    def _object_decoder(self) -> Decoder:
        decoders = {name: field.decoder for name, field in self.fields.items()}
        preserves = self.preserves

        def decoder(value: Json, unknown: Unknown) -> Json:
            if not isinstance(value, dict):
                return value
            out = None
            for name, item in value.items():
                field = decoders.get(name)
                if field is None:
                    if preserves:
                        continue
                    unknown.append(name)
                    out = dict(value) if out is None else out
                    del out[name]
                elif item is not None and (new := field(item, unknown)) is not item:
                    out = dict(value) if out is None else out
                    out[name] = new
            return value if out is None else out

        return decoder

    def decode(self, obj: Obj, old: Obj | None = None) -> tuple[Obj, list[str]]:
        unknown: Unknown = []
        try:
            decoded = self.decoder(obj, unknown)
        except (Mismatch, Unreadable) as error:
            raise self._refusal(obj, str(error)) from None
        except RecursionError:
            raise self._refusal(obj, "json: exceeded max depth") from None
        return decoded, list(self._unknown_fields(obj)) if unknown else []

    def default(self, obj: Obj) -> Obj:
        """`obj` with the schema's defaults; null is replaced by a default where null is not allowed."""
        filled: Obj = self._defaulted(obj)
        return filled

    def _defaulted(self, value: Json) -> Json:
        if isinstance(value, dict) and self.kind == "object":
            return self._defaulted_object(value)
        element = self._element
        if not isinstance(element, StructuralSchema):
            return value
        if isinstance(value, list) and self.kind == "list":
            new = [element._defaulted(item) for item in value]
            return value if all(a is b for a, b in zip(value, new, strict=True)) else new
        if isinstance(value, dict) and self.kind == "map":
            changed = {key: element._defaulted(item) for key, item in value.items()}
            return value if all(value[key] is item for key, item in changed.items()) else changed
        return value

    def _defaulted_object(self, value: Obj) -> Obj:
        changed: Obj = {}
        for name, field in self.fields.items():
            if not isinstance(field, StructuralSchema):
                continue
            item = value.get(name)
            if item is None and "default" in field.raw and (name not in value or not field.raw.get("nullable")):
                item = field.raw["default"]
            if item is None:
                continue
            new = field._defaulted(item)
            if new is not value.get(name):
                changed[name] = new
        return {**value, **changed} if changed else value

    def validate(self, obj: Obj, old: Obj | None = None) -> list[FieldError]:
        """What the schema finds wrong with the object's values."""
        return structural_validation.validate(self.raw, obj)

    def fingerprint(self) -> bytes:
        return orjson.dumps(self.raw, option=orjson.OPT_SORT_KEYS)

    def published(self, version: int) -> Obj:
        return dict(self.raw) if version == 3 else _without_v3(self.raw)


def _has_defaults(raw: Mapping[str, Any]) -> bool:
    inner = [*(raw.get("properties") or {}).values(), raw.get("items"), raw.get("additionalProperties")]
    return any("default" in child or _has_defaults(child) for child in inner if isinstance(child, dict))


@functools.cache
def _anything() -> StructuralSchema:
    """The schema of what is kept as it comes."""
    return StructuralSchema({_PRESERVE: True})


def _items(element: Decoder) -> Decoder:
    def decoder(value: Json, unknown: Unknown) -> Json:
        if not isinstance(value, list):
            return value
        new = [element(item, unknown) for item in value]
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new

    return decoder


def _values(element: Decoder) -> Decoder:
    def decoder(value: Json, unknown: Unknown) -> Json:
        if not isinstance(value, dict):
            return value
        new = {key: element(item, unknown) for key, item in value.items()}
        return value if all(value[key] is item for key, item in new.items()) else new

    return decoder


def _without_v3(raw: Json) -> Json:
    if isinstance(raw, list):
        return [_without_v3(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    return {key: _without_v3(value) for key, value in raw.items() if key not in _V3_ONLY}
