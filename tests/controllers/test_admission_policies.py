"""status.typeChecking: what of a policy's expressions does not fit the kinds that it matches."""

import pytest

from kube_nb.api import resources
from kube_nb.api.resources import VALIDATING_ADMISSION_POLICIES as POLICIES
from tests.controllers.simulation import cluster

CONTROLLER = "validatingadmissionpolicy-status-controller"


def rule(*names, group="apps", version="v1"):
    return {"apiGroups": [group], "apiVersions": [version], "resources": list(names), "operations": ["*"]}


def policy(*expressions, rules, **spec):
    validations = [each if isinstance(each, dict) else {"expression": each} for each in expressions]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": rules}, "validations": validations, **spec},
    }


async def checked(c, obj):
    await c.client.create(POLICIES, obj)
    await c.settle()
    status = (await c.client.get(POLICIES, "p"))["status"]
    assert status["observedGeneration"] == 1
    return status["typeChecking"].get("expressionWarnings", [])


async def test_a_field_that_a_kind_does_not_have_is_warned_of():
    async with cluster(CONTROLLER) as c:
        rows = await checked(c, policy("object.replicas > 1", "object.spec.replicas > 1", rules=[rule("deployments")]))
        assert rows == [
            {
                "fieldRef": "spec.validations[0].expression",
                "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
                " | object.replicas > 1\n"
                " | ......^\n",
            }
        ]


async def test_each_kind_is_checked_and_a_message_too():
    async with cluster(CONTROLLER) as c:
        rules = [rule("replicasets", "deployments"), rule("pods", group="")]
        message = {"expression": "true", "messageExpression": "'x' + object.metadata.nam"}
        rows = await checked(c, policy("object.spec.paused == false", message, rules=rules))
        assert [row["fieldRef"] for row in rows] == [
            "spec.validations[0].expression",
            "spec.validations[1].messageExpression",
        ]
        assert [line for line in rows[0]["warning"].splitlines() if "Kind=" in line] == [
            "/v1, Kind=Pod: ERROR: <input>:1:12: undefined field 'paused'",
            "apps/v1, Kind=ReplicaSet: ERROR: <input>:1:12: undefined field 'paused'",
        ]
        assert rows[1]["warning"].count("Kind=") == 3


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([rule("*")], id="all resources"),
        pytest.param([rule("deployments", group="*")], id="all groups"),
        pytest.param([rule("deployments", version="*")], id="all versions"),
        pytest.param([rule("deployments/scale")], id="a subresource"),
        pytest.param([rule("flunders")], id="what nobody serves"),
        pytest.param([rule("flunders", group="example.com")], id="a group that nobody serves"),
    ],
)
async def test_nothing_is_checked_where_the_kinds_are_not_named(rules):
    async with cluster(CONTROLLER) as c:
        assert await checked(c, policy("object.replicas > 1", rules=rules)) == []


async def test_variables_and_parameters_have_types():
    async with cluster(CONTROLLER) as c:
        variables = [
            {"name": "labels", "expression": "object.metadata.labels"},
            {"name": "broken", "expression": "object.nothing"},
        ]
        rows = await checked(
            c,
            policy(
                "variables.labels['a'] == 'b' && variables.broken.anything",
                "variables.labels > 1",
                "params.data['a'] == request.name && authorizer.group('').resource('pods').check('get').allowed()",
                "params.spec == 1",
                rules=[rule("deployments")],
                variables=variables,
                paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            ),
        )
        assert [row["fieldRef"] for row in rows] == ["spec.validations[1].expression", "spec.validations[3].expression"]
        assert "found no matching overload for '_>_' applied to '(map(string, string), int)'" in rows[0]["warning"]
        assert "undefined field 'spec'" in rows[1]["warning"]


async def test_a_custom_resource_is_checked_and_a_new_generation_again():
    async with cluster(CONTROLLER) as c:
        spec = {"type": "object", "properties": {"size": {"type": "integer"}}}
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "shirts.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "shirts", "kind": "Shirt"},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        }
        await c.client.create(resources.CUSTOM_RESOURCE_DEFINITIONS, definition)
        await c.settle()
        rows = await checked(c, policy("object.spec.size == 'big'", rules=[rule("shirts", group="example.com")]))
        assert rows[0]["warning"].startswith(
            "example.com/v1, Kind=Shirt: ERROR: <input>:1:18: found no matching overload for '_==_' applied to "
            "'(int, string)'"
        )
        change = {"spec": {"validations": [{"expression": "object.spec.size == 1"}]}}
        await c.client.patch(POLICIES, "p", change)
        await c.settle()
        assert (await c.client.get(POLICIES, "p"))["status"] == {"observedGeneration": 2}


async def test_ten_kinds_are_checked_at_most():
    async with cluster(CONTROLLER) as c:
        names = (
            *("configmaps", "endpoints", "events", "limitranges", "namespaces", "nodes"),
            *("persistentvolumeclaims", "persistentvolumes", "pods", "podtemplates", "secrets", "services"),
        )
        rows = await checked(c, policy("object.nothing == 1", rules=[rule(*names, group=""), rule("deployments")]))
        assert rows[0]["warning"].count("Kind=") == 10
        assert "Deployment" not in rows[0]["warning"]
