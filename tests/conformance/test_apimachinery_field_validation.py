"""Models test/e2e/apimachinery/field_validation.go."""

import copy
from typing import Any

import yaml

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import Custom, define, definition
from tests.conformance.scenario import Answer, Kube

Obj = dict[str, Any]
_STRICT = "fieldManager=field_validation_mgr&fieldValidation=Strict"
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer", "format": "int32"}
_PORT = {"containerPort": _NUMBER, "hostIP": _TEXT, "hostPort": _NUMBER, "name": _TEXT, "protocol": _TEXT}
_SPEC: Obj = {
    "type": "object",
    "properties": {
        "foo": _TEXT,
        "cronSpec": {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
            "items": {"type": "object", "properties": _PORT, "required": ["containerPort", "protocol"]},
        },
    },
}
_KEPT = {**_SPEC, "x-kubernetes-preserve-unknown-fields": True}
_VALID: Obj = {
    "foo": "foo1",
    "cronSpec": "* * * * */5",
    "ports": [{"name": "x", "containerPort": 80, "protocol": "TCP"}],
}
_TEMPLATE = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "properties": {
        "metadata": {"type": "object", "properties": {"name": _TEXT}},
        "spec": {"type": "object"},
    },
}


def _define(kube: Kube, spec: Obj | None) -> Custom:
    """A definition of two versions; spec: the schema of spec, None for none at all."""
    if spec is None:
        schema: Obj = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    else:
        schema = {"type": "object", "properties": {"spec": copy.deepcopy(spec)}}
    body = definition(
        "noxus", "mygroup.example.com", versions={"v1beta1": schema, "v1beta2": schema}, kind="Noxu", scope="Cluster"
    )
    return define(kube, body)


def _apply(kube: Kube, custom: Custom, spec: Obj, *, more: str = "", **metadata: Any) -> Answer:
    """Server-side apply under strict validation. more: YAML lines put at the end."""
    obj = custom.body("mytest", spec=spec)
    obj["metadata"] |= {"finalizers": ["test-finalizer"], **metadata}
    text = yaml.safe_dump(obj, sort_keys=False) + more
    headers = {"content-type": "application/apply-patch+yaml"}
    return kube.request("PATCH", f"{custom.path}/mytest?{_STRICT}", text, headers=headers)


def _deployment(metadata: str = "", spec: str = "") -> str:
    template = '{"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx:latest"}]}}'
    return (
        '{"apiVersion": "apps/v1", "kind": "Deployment", '
        f'"metadata": {{"name": "my-dep", {metadata} "labels": {{"app": "nginx"}}}}, '
        f'"spec": {{{spec} "selector": {{"matchLabels": {{"app": "nginx"}}}}, "template": {template}}}}}'
    )


def _create(kube: Kube, text: str) -> Answer:
    return kube.request("POST", f"/apis/apps/v1/namespaces/{kube.namespace}/deployments?{_STRICT}", text)


@conformance(
    "[sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object [Conformance]"
)
def test_unknown_and_duplicate_fields_of_a_deployment(kube: Kube) -> None:
    answer = _create(kube, _deployment(spec='"unknownField": "foo", "replicas": 1, "replicas": 2,'))
    assert (answer.status, answer.obj["reason"]) == (400, "BadRequest")
    wanted = 'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"'
    assert wanted in answer.obj["message"]


@conformance(
    "[sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object [Conformance]"
)
def test_unknown_metadata_of_a_deployment(kube: Kube) -> None:
    answer = _create(kube, _deployment(metadata='"unknownMeta": "foo",'))
    assert answer.status == 400
    assert 'strict decoding error: unknown field "metadata.unknownMeta"' in answer.obj["message"]


@conformance(
    "[sig-api-machinery] FieldValidation should create/apply a valid CR for CRD with validation schema [Conformance]"
)
def test_a_valid_object_is_applied(kube: Kube) -> None:
    answer = _apply(kube, _define(kube, _SPEC), _VALID)
    assert answer.status == 201, answer.text
    assert answer.obj["spec"] == _VALID


@conformance(
    "[sig-api-machinery] FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema [Conformance]"
)
def test_without_a_schema_every_field_is_fine(kube: Kube) -> None:
    answer = _apply(kube, _define(kube, None), {**_VALID, "unknown": "uk1"})
    assert answer.status == 201, answer.text
    assert answer.obj["spec"]["unknown"] == "uk1"


@conformance(
    "[sig-api-machinery] FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema [Conformance]"
)
def test_a_field_that_the_schema_does_not_have_is_refused(kube: Kube) -> None:
    answer = _apply(kube, _define(kube, _SPEC), _VALID, more="unknownField: unknown\n")
    assert answer.status >= 400
    assert ".unknownField: field not declared in schema" in answer.text


@conformance(
    "[sig-api-machinery] FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR [Conformance]"
)
def test_unknown_metadata_at_the_root_and_in_an_embedded_object(kube: Kube) -> None:
    schema = {**_KEPT, "properties": {**_KEPT["properties"], "template": _TEMPLATE}}
    custom = _define(kube, schema)
    template = {"apiVersion": "foo/v1", "kind": "Sub"}
    answer = _apply(
        kube, custom, {**_VALID, "template": {**template, "metadata": {"unknownSubMeta": "x", "name": "sub"}}}
    )
    assert answer.status >= 400
    assert ".spec.template.metadata.unknownSubMeta: field not declared in schema" in answer.text
    fine = {**_VALID, "template": {**template, "metadata": {"name": "sub"}}}
    answer = _apply(kube, custom, fine, unknownMeta="unknown")
    assert answer.status >= 400
    assert ".metadata.unknownMeta: field not declared in schema" in answer.text
    assert _apply(kube, custom, fine).status == 201


@conformance(
    "[sig-api-machinery] FieldValidation should detect duplicates in a CR when preserving unknown fields [Conformance]"
)
def test_duplicate_fields_are_refused_though_unknown_ones_are_kept(kube: Kube) -> None:
    custom = _define(kube, _KEPT)
    answer = _apply(kube, custom, {**_VALID, "unknown": "uk1"}, more="  foo: foo2\n  unknown: uk2\n")
    assert answer.status == 400
    for field in ("foo", "unknown"):
        assert f'key "{field}" already set in map' in answer.obj["message"]
    assert _apply(kube, custom, {**_VALID, "unknown": "uk1"}).status == 201
