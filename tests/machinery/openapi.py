"""Types of the published definitions, as patches ask for them; the API's own schemas live a layer above machinery."""

import functools
import glob
from pathlib import Path

import kubernetes_validate
import orjson

_SCALARS = ("Quantity", "IntOrString", "Time", "MicroTime")
_ANY = ("FieldsV1", "RawExtension", "JSON")


@functools.cache
def definitions():
    pattern = str(Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema/v1.3?.0-local/_definitions.json")
    return orjson.loads(Path(sorted(glob.glob(pattern))[-1]).read_bytes())["$defs"]


class Type:
    def __init__(self, at, of, name=""):
        self._of = of
        self.merge_key = at.get("x-kubernetes-patch-merge-key")
        self.patch_strategy = frozenset(at.get("x-kubernetes-patch-strategy", "").split(",")) - {""}
        self.list_type = at.get("x-kubernetes-list-type")
        self.map_keys = tuple(at.get("x-kubernetes-list-map-keys", ()))
        self.map_type = at.get("x-kubernetes-map-type", of.get("x-kubernetes-map-type", "granular"))
        self.kind = _kind(name, of)

    @functools.cache  # noqa: B019  # the few types live as long as the tests
    def field(self, name):
        at = self._of.get("properties", {}).get(name)
        return None if at is None else _type(at)

    @functools.cache  # noqa: B019  # as above
    def element(self):
        at = self._of.get("items") or self._of.get("additionalProperties")
        return _type(at) if isinstance(at, dict) else None

    def default_for(self, key):
        default = self.element()._of["properties"].get(key, {}).get("default")
        return "TCP" if key == "protocol" else default


def _kind(name, of):
    if name.endswith(_SCALARS):
        return "scalar"
    if name.endswith(_ANY):
        return "any"
    if "properties" in of:
        return "object"
    types = of.get("type")
    types = types if isinstance(types, list) else [types]
    if "array" in types:
        return "list"
    if "object" in types:
        return "map" if "additionalProperties" in of else "any"
    return "scalar"


def _type(at):
    reference = at.get("$ref")
    if reference is None and len(at.get("allOf", ())) == 1:
        reference = at["allOf"][0].get("$ref")
    if reference is None:
        return Type(at, at)
    name = reference.rpartition("/")[2]
    return Type(at, definitions()[name], name)


@functools.cache
def kind(suffix):
    """The type of a definition, by the end of its name: ``apps.v1.Deployment``."""
    name = next(name for name in definitions() if name.endswith("." + suffix))
    return Type({}, definitions()[name], name)


class Custom:
    """A type made by hand, from nested literals: {"field": Custom(...)} or keyword attributes."""

    def __init__(self, kind="scalar", fields=None, items=None, default=None, **attributes):
        self.kind = kind
        self._fields = fields or {}
        self._items = items
        self._default = default or {}
        self.list_type = attributes.get("list_type")
        self.map_keys = attributes.get("map_keys", ())
        self.map_type = attributes.get("map_type", "granular")
        self.merge_key = attributes.get("merge_key")
        self.patch_strategy = frozenset(attributes.get("patch_strategy", ()))

    def field(self, name):
        return self._fields.get(name)

    def element(self):
        return self._items

    def default_for(self, key):
        return self._default.get(key)
