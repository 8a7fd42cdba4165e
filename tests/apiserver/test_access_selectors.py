"""Selectors in questions of access: access reviews that carry them, lists that do, and who looks at them."""

import pytest

from kube_nb.apiserver.authz import selectors
from kube_nb.machinery import fields, labels
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import PODS, Api, pod, serving

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
LOCAL = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
SELF = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NODE = User("system:node:node-1", ("system:nodes", "system:authenticated"))
IN = "must be specified when `operator` is 'In' or 'NotIn'"
EXISTS = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"


def asking(verb: str = "list", **attributes: object) -> Obj:
    given = {"verb": verb, "resource": "pods", "namespace": "default", **attributes}
    return {"user": NODE.name, "groups": list(NODE.groups), "resourceAttributes": given}


@pytest.mark.parametrize("name", ["fieldSelector", "labelSelector"])
@pytest.mark.parametrize("path", [REVIEWS, LOCAL, SELF])
@pytest.mark.parametrize(
    ("selector", "fault"),
    [
        pytest.param(
            {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]},
            'rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
            id="both",
        ),
        pytest.param(
            {},
            "requirements: Required value: when spec.resourceAttributes.NAME is specified, requirements or rawSelector "
            "is required",
            id="neither",
        ),
        pytest.param(
            {"requirements": [{"key": "a", "operator": "In"}]},
            f"requirements[0].values: Required value: {IN}",
            id="in nothing",
        ),
        pytest.param(
            {"requirements": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            f"requirements[0].values: Forbidden: {EXISTS}",
            id="exists with values",
        ),
    ],
)
async def test_a_review_with_a_wrong_selector_is_refused(path: str, name: str, selector: Obj, fault: str) -> None:
    async with serving() as api:
        spec = asking(**{name: selector})
        if path == SELF:
            spec = {"resourceAttributes": spec["resourceAttributes"]}
        status = await api.refused("POST", path, {"metadata": {}, "spec": spec})
        assert status["code"] == 422
        assert f"spec.resourceAttributes.{name}.{fault.replace('NAME', name)}" in status["message"]


async def test_a_requirement_needs_a_key() -> None:
    async with serving() as api:
        spec = asking(fieldSelector={"requirements": [{"key": "", "operator": "In", "values": ["a"]}]})
        status = await api.refused("POST", REVIEWS, {"spec": spec})
        assert "fieldSelector.requirements[0].key: Required value: must be specified" in status["message"]


async def review(api: Api, **attributes: object) -> Obj:
    status: Obj = (await api.create(REVIEWS, {"spec": asking(**attributes)}))["status"]
    return status


def requirement(key: str, operator: str, *values: str) -> Obj:
    return {"requirements": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "allowed"),
    [
        pytest.param({"rawSelector": "spec.nodeName=node-1"}, True, id="its own, as text"),
        pytest.param(requirement("spec.nodeName", "In", "node-1"), True, id="its own"),
        pytest.param(requirement("spec.nodeName", "In", "node-2"), False, id="another node's"),
        pytest.param(requirement("spec.nodeName", "NotIn", "node-1"), False, id="all others'"),
        pytest.param(requirement("status.phase", "In", "Running"), False, id="everybody's"),
    ],
)
async def test_a_node_lists_its_own_pods_only(selector: Obj, allowed: bool) -> None:
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        status = await review(api, fieldSelector=selector)
        assert status["allowed"] is allowed
        refusal = "" if allowed else "can only list/watch pods with spec.nodeName field selector"
        assert status.get("reason", "") == refusal
        assert "evaluationError" not in status


async def test_a_list_is_judged_by_its_selector() -> None:
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        await api.create(PODS, pod(nodeName="node-1"))
        api.user = NODE
        assert (await api.get(PODS, fieldSelector="spec.nodeName=node-1"))["items"]
        status = await api.refused("GET", PODS)
        assert status["message"] == (
            'pods is forbidden: User "system:node:node-1" cannot list resource "pods" in API group "" in the namespace '
            '"default": can only list/watch pods with spec.nodeName field selector'
        )
        await api.get("/api/v1/nodes", fieldSelector="metadata.name=node-1")
        status = await api.refused("GET", "/api/v1/nodes")
        assert status["message"].endswith("node 'node-1' cannot read all nodes, only its own Node object")
        status = await api.refused("GET", "/api/v1/nodes/node-2")
        assert status["message"].endswith("node 'node-1' cannot read 'node-2', only its own Node object")


async def test_a_role_for_one_name_lets_list_that_name() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        group = "rbac.authorization.k8s.io"
        path = f"/apis/{group}/v1/namespaces/default"
        rule = {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["web"], "verbs": ["list", "watch"]}
        await api.create(f"{path}/roles", {"metadata": {"name": "one"}, "rules": [rule]})
        subject = {"kind": "User", "name": "bob", "apiGroup": group}
        role = {"apiGroup": group, "kind": "Role", "name": "one"}
        await api.create(f"{path}/rolebindings", {"metadata": {"name": "b"}, "roleRef": role, "subjects": [subject]})
        api.user = User("bob", ())
        await api.get(PODS, fieldSelector="metadata.name=web")
        assert (await api.refused("GET", PODS))["code"] == 403


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        pytest.param({"fieldSelector": {"rawSelector": "nothing"}}, "fieldSelector ignored", id="malformed fields"),
        pytest.param({"labelSelector": {"rawSelector": "a in"}}, "labelSelector ignored", id="malformed labels"),
        pytest.param({"fieldSelector": requirement("a", "In", "b", "c")}, "fieldSelector ignored", id="two values"),
        pytest.param({"labelSelector": requirement("a", "Newer")}, "labelSelector ignored", id="an unknown operator"),
        pytest.param(
            {"labelSelector": {"requirements": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "New"}]}},
            "labelSelector partially ignored",
            id="one of two",
        ),
    ],
)
async def test_what_cannot_be_read_is_ignored_and_told(attributes: Obj, text: str) -> None:
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        status = await review(api, **attributes)
        assert status["allowed"] is False
        assert status["evaluationError"] == f"spec.resourceAttributes.{text} due to parse error"


def test_requirements_and_text_say_the_same() -> None:
    rows = selectors.of_review(
        {
            "fieldSelector": requirement("spec.nodeName", "NotIn", "a"),
            "labelSelector": requirement("app", "In", "web"),
        }
    )
    assert rows == selectors.of_query("spec.nodeName!=a", "app in (web)")
    assert rows.by_field == (fields.Requirement("spec.nodeName", fields.NOT_EQUALS, "a"),)
    assert rows.by_label == (labels.Requirement("app", labels.IN, ("web",)),)
