"""Models test/e2e/apimachinery/crd_publish_openapi.go."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import OPEN, Custom, define, definition
from tests.conformance.scenario import Kube
from tests.scenarios.real import Kubectl

Obj = dict[str, Any]
_BAR = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"description": "Name of Bar.", "type": "string"},
        "age": {"description": "Age of Bar.", "type": "string"},
        "feeling": {"description": "Whether Bar is feeling great.", "type": "string", "enum": ["Great", "Down"]},
        "bazs": {"description": "List of Bazs.", "type": "array", "items": {"type": "string"}},
    },
}
_FOO: Obj = {
    "description": "Foo CRD for Testing",
    "type": "object",
    "properties": {
        "spec": {
            "description": "Specification of Foo",
            "type": "object",
            "properties": {"bars": {"description": "List of Bars and their specs.", "type": "array", "items": _BAR}},
        },
        "status": {"description": "Status of Foo", "type": "object", "properties": {"bars": {"type": "integer"}}},
    },
}
_WALDO: Obj = {
    "description": "Waldo CRD for Testing",
    "type": "object",
    "properties": {
        "spec": {"description": "Specification of Waldo", "type": "object", "properties": {"dummy": {"type": "string"}}}
    },
}
_NESTED: Obj = {
    "description": "preserve-unknown-properties in nested field for Testing",
    "type": "object",
    "properties": {
        "spec": {
            "description": "Specification of Waldo",
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"dummy": {"description": "Dummy property.", "type": "object"}},
        }
    },
}


def _publish(kube: Kube, schema: Obj, group: str, *versions: str, plural: str = "e2e-tests") -> Custom:
    kind = "".join(word.capitalize() for word in plural.split("-"))
    name = f"crd-publish-openapi-test-{group}.example.com"
    return define(kube, definition(plural, name, versions=dict.fromkeys(versions, schema), kind=kind))


def _published(kube: Kube, custom: Custom, version: str) -> Obj | None:
    """What both documents say of the kind in a version, as the schema was given."""
    reversed_group = ".".join(reversed(custom.group.split(".")))
    name = f"{reversed_group}.{version}.{custom.kind}"
    old = kube.get("/openapi/v2")["definitions"].get(name)
    path = f"apis/{custom.group}/{version}"
    index = kube.get("/openapi/v3")["paths"]
    new = kube.get(index[path]["serverRelativeURL"])["components"]["schemas"].get(name) if path in index else None
    assert (old is None) == (new is None)
    if old is None or new is None:
        return None
    for found in (old, new):
        assert {"group": custom.group, "version": version, "kind": custom.kind} in found[
            "x-kubernetes-group-version-kind"
        ]
        assert "ObjectMeta" in str(found["properties"]["metadata"])
    return _without_common(new)


def _without_common(schema: Obj) -> Obj:
    """A schema without what every kind has."""
    found = copy.deepcopy(schema)
    found.pop("x-kubernetes-group-version-kind", None)
    for field in ("apiVersion", "kind", "metadata"):
        found["properties"].pop(field)
    return found


@pytest.fixture
def kubectl(kube: Kube) -> Kubectl:
    return Kubectl(Path(kube.kubeconfig), kube.namespace)


def _create_and_apply(kubectl: Kubectl, custom: Custom, **fields: Any) -> None:
    """Both take the object, whatever the client makes of the published schema."""
    text = json.dumps(custom.body("test-cr", **fields))
    for verb in ("create", "apply"):
        kubectl(f"{verb} -f -", stdin=text)
        kubectl(f"delete {custom.plural} test-cr")


@pytest.mark.kubectl
@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD with validation schema [Conformance]"
)
def test_kubectl_validates_and_explains_a_schema(kube: Kube, kubectl: Kubectl) -> None:
    custom = _publish(kube, _FOO, "foo", "v1")
    assert _published(kube, custom, "v1") == _FOO
    _create_and_apply(kubectl, custom, spec={"bars": [{"name": "test-bar"}]})
    for verb in ("create", "apply"):
        for spec, fault in (
            ({"bars": [{"name": "test-bar", "feeling": "NonExistentValue"}]}, 'Unsupported value: "NonExistentValue"'),
            ({"foo": True}, 'unknown field "spec.foo"'),
            ({"bars": [{"age": "10"}]}, "spec.bars[0].name: Required value"),
        ):
            refused = kubectl(f"{verb} -f -", stdin=json.dumps(custom.body("test-cr", spec=spec)), code=1)
            assert fault in refused.err
    for field, pattern in (
        (
            "",
            r"(?s)DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo",
        ),
        (
            ".metadata",
            r"(?s)DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp",
        ),
        (".spec", r"(?s)DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs"),
        (
            ".spec.bars",
            r"(?s)bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar",
        ),
    ):
        assert re.search(pattern, kubectl.out(f"explain {custom.plural}{field}"))
    assert 'field "bars2" does not exist' in kubectl(f"explain {custom.plural}.spec.bars2", code=1).err


@pytest.mark.kubectl
@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD without validation schema [Conformance]"
)
def test_kubectl_takes_anything_where_there_is_no_schema(kube: Kube, kubectl: Kubectl) -> None:
    custom = _publish(kube, OPEN, "empty", "v1")
    _create_and_apply(kubectl, custom, a={"b": [{"c": "d"}]})
    assert re.search(r"(?s)DESCRIPTION:.*<empty>", kubectl.out(f"explain {custom.plural}"))


@pytest.mark.kubectl
@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields at the schema root [Conformance]"
)
def test_kubectl_takes_unknown_fields_at_the_root(kube: Kube, kubectl: Kubectl) -> None:
    custom = _publish(kube, {**_WALDO, **OPEN}, "unknown-at-root", "v1")
    _create_and_apply(kubectl, custom, a={"b": [{"c": "d"}]})
    assert re.search(rf"(?s)KIND:.*{custom.kind}", kubectl.out(f"explain {custom.plural}"))


@pytest.mark.kubectl
@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields in an embedded object [Conformance]"
)
def test_kubectl_takes_unknown_fields_in_an_object(kube: Kube, kubectl: Kubectl) -> None:
    custom = _publish(kube, _NESTED, "unknown-in-nested", "v1")
    published = _published(kube, custom, "v1")
    assert published is not None
    assert published["properties"]["spec"]["x-kubernetes-preserve-unknown-fields"] is True
    _create_and_apply(kubectl, custom, spec={"a": None, "b": [{"c": "d"}]})
    shown = kubectl.out(f"explain {custom.plural}")
    assert re.search(r"(?s)DESCRIPTION:.*preserve-unknown-properties in nested field for Testing", shown)


@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of different groups [Conformance]"
)
def test_two_groups_are_published(kube: Kube) -> None:
    foo, waldo = _publish(kube, _FOO, "foo", "v1"), _publish(kube, _WALDO, "waldo", "v1beta1")
    assert _published(kube, waldo, "v1beta1") == _WALDO
    assert _published(kube, foo, "v1") == _FOO


@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group but different versions [Conformance]"
)
def test_versions_of_one_definition_and_of_two_are_published(kube: Kube) -> None:
    both = _publish(kube, _FOO, "multi-ver", "v2", "v3")
    assert _published(kube, both, "v3") == _published(kube, both, "v2") == _FOO
    foo = _publish(kube, _FOO, "common-group", "v4", plural="foos")
    waldo = _publish(kube, _WALDO, "common-group", "v5", plural="waldos")
    assert _published(kube, waldo, "v5") == _WALDO
    assert _published(kube, foo, "v4") == _FOO


@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group and version but different kinds [Conformance]"
)
def test_two_kinds_of_one_version_are_published(kube: Kube) -> None:
    foo = _publish(kube, _FOO, "common-group", "v6", plural="foos")
    waldo = _publish(kube, _WALDO, "common-group", "v6", plural="waldos")
    assert _published(kube, waldo, "v6") == _WALDO
    assert _published(kube, foo, "v6") == _FOO


@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] updates the published spec when one version gets renamed [Conformance]"
)
def test_a_renamed_version_is_published_under_its_new_name(kube: Kube) -> None:
    custom = _publish(kube, _FOO, "multi-ver", "v2", "v3")
    assert _published(kube, custom, "v3") == _published(kube, custom, "v2") == _FOO
    patch = [
        {"op": "test", "path": "/spec/versions/1/name", "value": "v3"},
        {"op": "replace", "path": "/spec/versions/1/name", "value": "v4"},
    ]
    kube.extensions.patch_custom_resource_definition(custom.name, patch)
    kube.settle()
    assert _published(kube, custom, "v4") == _FOO
    assert _published(kube, custom, "v3") is None
    assert _published(kube, custom, "v2") == _FOO


@conformance(
    "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] removes definition from spec when one version gets changed to not be served [Conformance]"
)
def test_a_version_that_is_not_served_is_not_published(kube: Kube) -> None:
    custom = _publish(kube, _FOO, "multi-to-single-ver", "v5", "v6alpha1")
    assert _published(kube, custom, "v5") == _published(kube, custom, "v6alpha1") == _FOO
    patch = [{"op": "replace", "path": "/spec/versions/1/served", "value": False}]
    kube.extensions.patch_custom_resource_definition(custom.name, patch)
    kube.settle()
    assert _published(kube, custom, "v6alpha1") is None
    assert _published(kube, custom, "v5") == _FOO
