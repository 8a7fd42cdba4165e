"""Models test/e2e/apimachinery/crd_watch.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import define, definition
from tests.conformance.scenario import Kube


@conformance(
    "[sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on custom resource definition objects [Conformance]"
)
def test_a_watch_tells_of_custom_objects(kube: Kube) -> None:
    custom = define(kube, definition("noxus", "mygroup.example.com", kind="WishIHadChosenNoxu", scope="Cluster"))
    names = ("name1", "name2")
    with kube.watch(custom.list, *custom.where) as events:
        for name in names:
            custom.create(name, content={"key": "value"}, num={"num1": 1})
            assert str(events.next()) == f"ADDED {name}"
        for name in names:
            custom.patch(name, {"dummy": "test"})
            event = events.next()
            assert str(event) == f"MODIFIED {name}"
            assert event.raw["dummy"] == "test"
        for name in names:
            custom.delete(name)
            assert str(events.next()) == f"DELETED {name}"
