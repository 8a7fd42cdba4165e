"""Models test/e2e/apimachinery/crd_selectable_fields.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import Custom
from tests.conformance.scenario import Kube, refused
from tests.conformance.webhooks import convertible


def _names(custom: Custom, selector: str) -> list[str]:
    found = custom.list(*custom.where, field_selector=selector)
    return [item["metadata"]["name"] for item in found["items"]]


@conformance(
    "[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector [Conformance]"
)
def test_declared_fields_select_in_every_version(kube: Kube) -> None:
    v1 = convertible(kube)
    v2 = v1.at("v2")
    with (
        kube.watch(v2.list, *v2.where, field_selector="host=host1") as by_host,
        kube.watch(v2.list, *v2.where, field_selector="host=host1,port=80") as by_both,
        kube.watch(v1.list, *v1.where, field_selector="hostPort=host1:80") as by_old_name,
    ):
        for name, fields in (
            ("a", {"host": "host1", "port": "80"}),
            ("b", {"host": "host1", "port": "8080"}),
            ("c", {"host": "host2"}),
        ):
            v2.create(name, **fields)
        assert _names(v2, "host=host1") == ["a", "b"]
        assert _names(v2, "host=host1,port=80") == ["a"]
        assert _names(v2, "host!=host1") == ["c"]
        assert _names(v1, "hostPort=host1:80") == ["a"]
        assert _names(v1, "hostPort=host1:8080") == ["b"]
        assert [str(by_host.next()), str(by_host.next())] == ["ADDED a", "ADDED b"]
        for events in (by_both, by_old_name):
            assert str(events.next()) == "ADDED a"
        kube.custom.delete_collection_namespaced_custom_object(*v2.where, field_selector="host=host1,port=80")
        v2.replace("b", {**v2.read("b"), "host": "host2"})  # leaves the selector
        for selector in ("host=host1", "host=host1,port=80"):
            assert _names(v2, selector) == []
        assert [str(by_host.next()), str(by_host.next())] == ["DELETED a", "DELETED b"]
        for events in (by_both, by_old_name):
            assert str(events.next()) == "DELETED a"
        v1.patch("c", {"hostPort": "host1:80"})  # enters all three
        for events in (by_host, by_both, by_old_name):
            assert str(events.next()) == "ADDED c"
    with refused(400, contains="field label not supported: hostPort"):
        _names(v2, "hostPort=host1:80")
