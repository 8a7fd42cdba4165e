"""Models test/e2e/apimachinery/crd_selectable_fields.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import Custom, define, definition
from tests.conformance.scenario import Kube, refused

_SHIRT = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"color": {"type": "string"}, "size": {"type": "string"}}}},
}


def _names(kube: Kube, custom: Custom, selector: str) -> list[str]:
    found = custom.list(*custom.where, field_selector=selector)
    return sorted(item["metadata"]["name"] for item in found["items"])


@conformance(
    "[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector [Conformance]"
)
def test_declared_fields_select_in_every_version(kube: Kube) -> None:
    fields = [{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}]
    versions = {"v1": _SHIRT, "v2": _SHIRT}
    body = definition("shirts", "crd-test.example.com", versions=versions, kind="Shirt", selectableFields=fields)
    v1 = define(kube, body)
    v2 = v1.at("v2")
    with (
        kube.watch(v1.list, *v1.where, field_selector="spec.color=blue") as blue_v1,
        kube.watch(v2.list, *v2.where, field_selector="spec.color=blue,spec.size=M") as medium_v2,
    ):
        v1.create("blue-s", spec={"color": "blue", "size": "S"})
        v2.create("blue-m", spec={"color": "blue", "size": "M"})
        v1.create("green-m", spec={"color": "green", "size": "M"})
        for custom in (v1, v2):
            assert _names(kube, custom, "spec.color=blue") == ["blue-m", "blue-s"]
            assert _names(kube, custom, "spec.color=blue,spec.size=M") == ["blue-m"]
            assert _names(kube, custom, "spec.color!=blue") == ["green-m"]
        assert [str(blue_v1.next()), str(blue_v1.next())] == ["ADDED blue-s", "ADDED blue-m"]
        assert str(medium_v2.next()) == "ADDED blue-m"
        v1.patch("blue-m", {"spec": {"color": "green"}})  # leaves the selector
        for events in (blue_v1, medium_v2):
            assert str(events.next()) == "DELETED blue-m"
        v2.patch("green-m", {"spec": {"color": "blue"}})  # enters it
        for events in (blue_v1, medium_v2):
            assert str(events.next()) == "ADDED green-m"
    with refused(400, contains="field label not supported: spec.fabric"):
        _names(kube, v1, "spec.fabric=wool")
    _delete_by_field(kube, v2)
    assert _names(kube, v1, "") == ["blue-m"]


def _delete_by_field(kube: Kube, custom: Custom) -> Any:
    return kube.custom.delete_collection_namespaced_custom_object(*custom.where, field_selector="spec.color=blue")
