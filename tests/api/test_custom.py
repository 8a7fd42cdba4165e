from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from kube_nb.api import custom, defaults, discovery, openapi
from kube_nb.api.kinds import Kind
from kube_nb.api.registry import Registry
from kube_nb.api.tables import table
from kube_nb.api.validation import validate
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

CRD: Obj = yaml.safe_load("""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, listKind: CronTabList, shortNames: [ct]}
  conversion: {strategy: "None"}
  versions:
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns: [{name: Spec, type: string, jsonPath: .spec.cronSpec}]
    selectableFields: [{jsonPath: .spec.image}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [cronSpec]
            properties:
              cronSpec: {type: string, pattern: '^(\\S+ ){4}\\S+$'}
              image: {type: string, default: busybox, maxLength: 20}
              replicas: {type: integer, minimum: 1, maximum: 10, default: 1}
              port: {x-kubernetes-int-or-string: true}
              mode: {type: string, enum: [Fast, Slow]}
              template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: object,
                properties: {a: {type: string}}}}}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              rows:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, properties: {name: {type: string}, level: {type: integer, default: 3}}}
              labels: {type: object, additionalProperties: {type: string}}
              maybe: {type: string, nullable: true}
          status: {type: object, properties: {replicas: {type: integer}}}
""")


def kind(version: str = "v1") -> Kind:
    return next(found for found in custom.kinds(CRD) if found.version == version)


def crontab(**spec: Any) -> Obj:
    return {
        "apiVersion": "stable.example.com/v1",
        "kind": "CronTab",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"cronSpec": "* * * * *", **spec},
    }


def stored(obj: Obj) -> Obj:
    schema = kind().schema
    assert schema is not None
    return defaults.apply(kind(), schema.decode(obj)[0])


def test_a_definition_yields_a_kind_per_served_version() -> None:
    first, second = custom.kinds(CRD)
    assert [first.version, second.version] == ["v1", "v1beta1"]
    assert first.storage == second.storage == GVK("stable.example.com", "v1", "CronTab")
    assert first.storage_prefix == "/registry/stable.example.com/crontabs"
    assert [subresource.name for subresource in first.subresources] == ["scale", "status"]
    assert first.generation == ("spec",)
    assert first.selectable == ("spec.image",)
    assert second.deprecation == "stable.example.com/v1beta1 CronTab is deprecated"


def test_the_example_of_the_documentation_is_valid_itself() -> None:
    found = Registry.builtin().resolve("crd")
    assert found is not None
    assert validate(found, CRD) == []


@pytest.mark.parametrize(
    ("spec", "kept", "unknown"),
    [
        pytest.param({"foo": 1}, {}, ['unknown field "spec.foo"'], id="unknown fields go"),
        pytest.param({"free": {"x": {"y": 1}}}, {"free": {"x": {"y": 1}}}, [], id="unless they are preserved"),
        pytest.param(
            {"free": {"known": {"a": "b", "c": "d"}}},
            {"free": {"known": {"a": "b"}}},
            ['unknown field "spec.free.known.c"'],
            id="known ones inside are pruned again",
        ),
        pytest.param(
            {"template": {"kind": "Pod", "metadata": {"name": "x", "nosuch": 1}, "spec": {"a": 1}}},
            {"template": {"kind": "Pod", "metadata": {"name": "x"}, "spec": {"a": 1}}},
            ['unknown field "spec.template.metadata.nosuch"'],
            id="an embedded resource has metadata",
        ),
        pytest.param(
            {"rows": [{"name": "a", "x": 1}]},
            {"rows": [{"name": "a"}]},
            ['unknown field "spec.rows[0].x"'],
            id="in lists",
        ),
        pytest.param({"labels": {"a": "b"}}, {"labels": {"a": "b"}}, [], id="maps are free"),
    ],
)
def test_pruning(spec: Obj, kept: Obj, unknown: list[str]) -> None:
    schema = kind().schema
    assert schema is not None
    obj = crontab(**spec)
    decoded, found = schema.decode(obj)
    assert decoded["spec"] == {"cronSpec": "* * * * *", **kept}
    assert found == unknown


def test_a_sound_object_is_handed_back_as_it_is() -> None:
    schema = kind().schema
    assert schema is not None
    obj = crontab(replicas=1, image="a", rows=[{"name": "x", "level": 1}])
    assert schema.decode(obj)[0] is obj
    assert defaults.apply(kind(), obj) is obj


def test_defaulting() -> None:
    spec = stored(crontab(rows=[{"name": "x"}], maybe=None))["spec"]
    assert spec == {
        "cronSpec": "* * * * *",
        "image": "busybox",
        "replicas": 1,
        "rows": [{"name": "x", "level": 3}],
        "maybe": None,
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"replicas": "3"},
            'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        ),
        (
            {"replicas": 0},
            "spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or equal to 1",
        ),
        (
            {"replicas": 11},
            "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10",
        ),
        (
            {"cronSpec": "x"},
            "spec.cronSpec: Invalid value: \"x\": spec.cronSpec in body should match '^(\\S+ ){4}\\S+$'",
        ),
        ({"image": "x" * 21}, "spec.image: Too long: may not be more than 20 bytes"),
        ({"mode": "No"}, 'spec.mode: Unsupported value: "No": supported values: "Fast", "Slow"'),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"rows": [{"name": "a"}, {"name": "a"}]}, 'spec.rows[1]: Duplicate value: {"name":"a"}'),
        (
            {"port": True},
            'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
        ),
        (
            {"image": None, "cronSpec": None},
            'spec.cronSpec: Invalid value: "null": spec.cronSpec in body must be of type string: "null"',
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_values_are_checked(spec: Obj, message: str) -> None:
    assert [str(fault) for fault in validate(kind(), stored(crontab(**spec)))] == [message]


def test_required_fields_are_asked_for() -> None:
    obj = {key: value for key, value in crontab().items() if key != "spec"}
    assert [str(fault) for fault in validate(kind(), obj)] == ["spec: Required value"]


def test_a_registered_kind_appears_in_every_document() -> None:
    registry = Registry.builtin()
    for found in custom.kinds(CRD):
        registry.add(found)
    assert registry.resolve("ct") is not None
    resources = discovery.resource_list(registry, "stable.example.com", "v1")
    assert resources is not None
    assert [row["name"] for row in resources["resources"]] == ["crontabs", "crontabs/scale", "crontabs/status"]
    document = openapi.v3_group(registry, "apis/stable.example.com/v1")
    assert document is not None
    schema = document["components"]["schemas"]["com.example.stable.v1.CronTab"]
    assert schema["properties"]["spec"]["required"] == ["cronSpec"]
    assert "com.example.stable.v1.CronTab" in openapi.v2(registry)["definitions"]


def test_it_prints_its_columns_or_its_age() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert table(kind(), [crontab()], now)["rows"][0]["cells"] == ["a", "* * * * *"]
    columns = table(kind("v1beta1"), [], now)["columnDefinitions"]
    assert [column["name"] for column in columns] == ["Name", "Age"]


def test_patches_see_list_types_and_keys() -> None:
    schema = kind().schema
    assert schema is not None
    rows = schema.field("spec").field("rows")  # type: ignore[union-attr]  # they exist
    assert rows is not None
    assert (rows.list_type, rows.map_keys, rows.default_for("level")) == ("map", ("name",), 3)
    free = schema.field("spec").field("free").field("anything")  # type: ignore[union-attr]  # they exist
    assert free is not None
    assert free.kind == "any"
