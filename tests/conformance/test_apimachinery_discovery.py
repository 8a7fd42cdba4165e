"""Models test/e2e/apimachinery/discovery.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube


@conformance("[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]")
def test_the_preferred_version_is_one_of_the_versions(kube: Kube) -> None:
    groups = kube.get("/apis")["groups"]
    assert len(groups) > 15
    for group in groups:
        found = kube.get(f"/apis/{group['name']}")
        assert found["preferredVersion"] in found["versions"]
        assert found["preferredVersion"] == group["preferredVersion"]


@conformance(
    "[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]"
)
def test_every_version_of_every_group_lists_its_resources(kube: Kube) -> None:
    for group in kube.get("/apis")["groups"]:
        for version in group["versions"]:
            found = kube.get(f"/apis/{version['groupVersion']}")
            assert (found["kind"], found["groupVersion"]) == ("APIResourceList", version["groupVersion"])
            assert all(row["name"] and row["kind"] and row["verbs"] for row in found["resources"])
            assert found["resources"]
