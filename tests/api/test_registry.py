import pytest

from kube_nb.api import definitions
from kube_nb.api.kinds import Kind
from kube_nb.api.registry import Registry, version_order
from kube_nb.machinery.gvk import GVK, GVR


@pytest.mark.parametrize(
    ("text", "api_version", "plural"),
    [
        pytest.param("po", "v1", "pods", id="a short name"),
        pytest.param("Deployment", "apps/v1", "deployments", id="a kind"),
        pytest.param("service", "v1", "services", id="a singular"),
        pytest.param("deployments.apps", "apps/v1", "deployments", id="a group resource"),
        pytest.param("deployments.v1.apps", "apps/v1", "deployments", id="with version and group"),
        pytest.param("pods.v1.", "v1", "pods", id="with the core group's version"),
        pytest.param("ev", "v1", "events", id="the core group wins"),
        pytest.param("events.events.k8s.io", "events.k8s.io/v1", "events", id="a group resource beside a core one"),
        pytest.param("hpa", "autoscaling/v2", "horizontalpodautoscalers", id="the preferred version"),
        pytest.param("hpa.v1.autoscaling", "autoscaling/v1", "horizontalpodautoscalers", id="another version"),
        pytest.param("networkpolicy.networking", "networking.k8s.io/v1", "networkpolicies", id="a group cut short"),
    ],
)
def test_resolve_finds_what_a_person_means_by(text: str, api_version: str, plural: str) -> None:
    kind = Registry.builtin().resolve(text)
    assert kind is not None
    assert (kind.api_version, kind.plural) == (api_version, plural)


def test_resolve_does_not_guess() -> None:
    assert Registry.builtin().resolve("nosuch") is None
    assert Registry.builtin().resolve("pods.apps") is None


@pytest.mark.parametrize(
    ("plural", "group", "prefix"),
    [
        ("pods", "", "/registry/pods"),
        ("nodes", "", "/registry/minions"),
        ("services", "", "/registry/services/specs"),
        ("endpoints", "", "/registry/services/endpoints"),
        ("replicationcontrollers", "", "/registry/controllers"),
        ("deployments", "apps", "/registry/deployments"),
        ("ingresses", "networking.k8s.io", "/registry/ingress"),
        ("leases", "coordination.k8s.io", "/registry/leases"),
        ("events", "events.k8s.io", "/registry/events"),
        ("clusterroles", "rbac.authorization.k8s.io", "/registry/clusterroles"),
        (
            "customresourcedefinitions",
            "apiextensions.k8s.io",
            "/registry/apiextensions.k8s.io/customresourcedefinitions",
        ),
        ("apiservices", "apiregistration.k8s.io", "/registry/apiregistration.k8s.io/apiservices"),
    ],
)
def test_a_kind_is_stored_where_a_real_cluster_stores_it(plural: str, group: str, prefix: str) -> None:
    kind = Registry.builtin().by_resource(group, "v1", plural)
    assert kind is not None
    assert kind.storage_prefix == prefix


def test_versions_of_one_resource_share_their_storage() -> None:
    registry = Registry.builtin()
    for version in ("v1", "v2"):
        kind = registry.by_resource("autoscaling", version, "horizontalpodautoscalers")
        assert kind is not None
        assert kind.storage == GVK("autoscaling", "v2", "HorizontalPodAutoscaler")


def test_category_all_lists_workloads_once_each() -> None:
    found = [kind.plural for kind in Registry.builtin().by_category("all")]
    assert found == [
        "pods",
        "replicationcontrollers",
        "services",
        "daemonsets",
        "deployments",
        "replicasets",
        "statefulsets",
        "horizontalpodautoscalers",
        "cronjobs",
        "jobs",
    ]


def test_an_older_release_serves_what_it_had() -> None:
    old, new = Registry.builtin("1.25"), Registry.builtin("1.37")
    assert old.by_resource("flowcontrol.apiserver.k8s.io", "v1", "flowschemas") is None
    assert old.by_resource("flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas")
    assert new.by_resource("flowcontrol.apiserver.k8s.io", "v1", "flowschemas")
    pods = old.resolve("pods")
    assert pods is not None
    assert pods.subresource("resize") is None
    assert pods.subresource("log") is not None


def test_an_unknown_release_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"version 1\.99 is not among the served ones: 1\.25, "):
        Registry.builtin("1.99")


@pytest.mark.parametrize("version", definitions.versions())
def test_every_kind_and_subresource_has_a_definition(version: str) -> None:
    options = {"NodeProxyOptions", "PodAttachOptions", "PodExecOptions", "PodPortForwardOptions"}
    options |= {"PodProxyOptions", "ServiceProxyOptions"}
    known = definitions.load(version)
    for kind in Registry.builtin(version).kinds():
        assert kind.gvk in known
        for subresource in kind.subresources:
            assert subresource.gvk in known or subresource.gvk.kind in options


def test_a_kind_added_at_run_time_is_found_until_it_is_removed() -> None:
    registry = Registry.builtin()
    before = registry.generation
    kind = Kind("stable.example.com", "v1", "CronTab", "crontabs", "crontab", True, short_names=("ct",))
    registry.add(kind)
    assert registry.resolve("ct") is kind
    assert registry.by_gvk(kind.gvk) is kind
    assert registry.groups()["stable.example.com"] == ["v1"]
    assert kind.storage_prefix == "/registry/stable.example.com/crontabs"
    registry.remove(GVR("stable.example.com", "v1", "crontabs"))
    assert registry.resolve("ct") is None
    assert registry.generation == before + 2


def test_versions_sort_by_stability_then_number() -> None:
    versions = ["v1alpha1", "v1", "foo", "v2beta1", "v10", "v2beta2", "v2", "v1beta1"]
    assert sorted(versions, key=version_order) == [
        "v10",
        "v2",
        "v1",
        "v2beta2",
        "v2beta1",
        "v1beta1",
        "v1alpha1",
        "foo",
    ]
