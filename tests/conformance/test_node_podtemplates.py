"""Models test/e2e/common/node/podtemplates.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused

_TEMPLATE = {"template": {"spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}}


def _body(name: str) -> dict:
    return {"metadata": {"name": name, "labels": {"podtemplate-set": "true"}}, **_TEMPLATE}


@conformance("[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]")
def test_a_pod_template_lives(kube: Kube) -> None:
    templates = Operations(kube.core, "pod_template", kube.namespace)
    assert kube.core.list_pod_template_for_all_namespaces(label_selector="podtemplate-set=true").items == []
    templates.create(_body("nginx"))
    assert templates.read("nginx").template.spec.restart_policy == "Always"
    templates.patch("nginx", {"metadata": {"labels": {"podtemplate": "patched"}}})
    assert templates.read("nginx").metadata.labels["podtemplate"] == "patched"
    assert templates.delete("nginx").metadata.name == "nginx"
    with refused(404):
        templates.read("nginx")
    assert kube.core.list_pod_template_for_all_namespaces(label_selector="podtemplate-set=true").items == []


@conformance("[sig-node] PodTemplates should delete a collection of pod templates [Conformance]")
def test_pod_templates_are_deleted_by_label(kube: Kube) -> None:
    templates = Operations(kube.core, "pod_template", kube.namespace)
    select = {"label_selector": "podtemplate-set=true"}
    for number in (1, 2, 3):
        templates.create(_body(f"test-podtemplate-{number}"))
    templates.create({"metadata": {"name": "other"}, **_TEMPLATE})
    assert len(templates.list(kube.namespace, **select).items) == 3
    templates.delete_collection(**select)
    assert templates.list(kube.namespace, **select).items == []
    assert [item.metadata.name for item in templates.list(kube.namespace).items] == ["other"]


@conformance("[sig-node] PodTemplates should replace a pod template [Conformance]")
def test_a_pod_template_is_replaced(kube: Kube) -> None:
    templates = Operations(kube.core, "pod_template", kube.namespace)
    made = templates.create(_body("replaced"))
    made.metadata.annotations = {"updated": "true"}
    updated = templates.replace("replaced", made)
    assert updated.metadata.annotations == {"updated": "true"}
    assert int(updated.metadata.resource_version) > int(made.metadata.resource_version)
