"""Admission policies in CEL."""

import pytest

from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, DEPLOYMENTS, Api, config_map, deployment, serving

GROUP = "/apis/admissionregistration.k8s.io/v1"


async def policy(api: Api, *validations: Obj, actions: tuple[str, ...] = ("Deny",), **more: object) -> None:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments"],
    }
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": list(validations), **more}
    await api.create(f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "small"}, "spec": spec})
    bound = {"policyName": "small", "validationActions": list(actions)}
    if "paramKind" in more:
        bound["paramRef"] = {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}
    await api.create(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "here"}, "spec": bound})


async def test_a_policy_denies_what_its_expression_does_not_allow() -> None:
    async with serving() as api:
        await policy(api, {"expression": "object.spec.replicas <= 5"})
        await api.create(DEPLOYMENTS, deployment(replicas=5))
        status = await api.refused("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 6}}, type="merge")
        assert (status["code"], status["reason"]) == (422, "Invalid")
        assert status["message"] == (
            "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'small' with binding 'here' denied "
            "request: failed expression: object.spec.replicas <= 5"
        )


@pytest.mark.parametrize(
    ("validation", "code", "message"),
    [
        pytest.param(
            {"expression": "false", "message": "too big", "reason": "Forbidden"}, 403, "too big", id="its own words"
        ),
        pytest.param(
            {"expression": "false", "messageExpression": "'at most ' + string(3)"}, 422, "at most 3", id="words in CEL"
        ),
        pytest.param({"expression": "object.spec.nothing > 1"}, 422, "resulted in error", id="an error"),
        pytest.param({"expression": "oldObject == null && variables.two == 2"}, 201, "", id="variables"),
        pytest.param({"expression": "request.userInfo.username == 'admin'"}, 201, "", id="the request"),
        pytest.param(
            {"expression": "object.spec.template.spec.containers.all(c, c.image.startsWith('nginx'))"},
            201,
            "",
            id="every container",
        ),
    ],
)
async def test_an_expression_says(validation: Obj, code: int, message: str) -> None:
    async with serving() as api:
        await policy(api, validation, variables=[{"name": "two", "expression": "1 + 1"}])
        answer = await api.ask("POST", DEPLOYMENTS, deployment())
        assert answer.status == code
        assert message in answer.object().get("message", "")


async def test_a_policy_may_only_warn() -> None:
    async with serving() as api:
        await policy(api, {"expression": "false", "message": "hm"}, actions=("Warn",))
        answer = await api.ask("POST", DEPLOYMENTS, deployment())
        assert answer.status == 201
        wanted = "Validation failed for ValidatingAdmissionPolicy 'small' with binding 'here': hm"
        assert list(answer.warnings) == [wanted]


async def test_a_policy_takes_its_numbers_from_a_parameter() -> None:
    async with serving() as api:
        kind = {"apiVersion": "v1", "kind": "ConfigMap"}
        await policy(api, {"expression": "object.spec.replicas <= int(params.data.max)"}, paramKind=kind)
        assert (await api.refused("POST", DEPLOYMENTS, deployment()))["reason"] == "Forbidden"
        await api.create(CONFIG_MAPS, config_map("limits", max="2"))
        await api.create(DEPLOYMENTS, deployment(replicas=2))
        await api.refused("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 3}}, type="merge")


async def test_other_resources_are_none_of_its_business() -> None:
    async with serving() as api:
        await policy(api, {"expression": "false"})
        await api.create(CONFIG_MAPS, config_map())
