"""Admission policies in CEL, validating and mutating."""

from collections.abc import Iterable

import pytest

from kube_nb.apiserver.audit import Audit
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, DEPLOYMENTS, Api, config_map, deployment, serving

GROUP = "/apis/admissionregistration.k8s.io/v1"
RULE = {
    "apiGroups": ["apps"],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["deployments"],
}
BOB = User("bob", ("developers",))


def bound(name: str, more: Obj, actions: Iterable[str] = ()) -> Obj:
    spec: Obj = {"policyName": name}
    if actions:
        spec["validationActions"] = list(actions)
    if "paramKind" in more:
        spec["paramRef"] = {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}
    return {"metadata": {"name": "here"}, "spec": spec}


async def policy(api: Api, *validations: Obj, actions: tuple[str, ...] = ("Deny",), **more: object) -> None:
    spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": list(validations), **more}
    await api.create(f"{GROUP}/validatingadmissionpolicies", {"metadata": {"name": "small"}, "spec": spec})
    await api.create(f"{GROUP}/validatingadmissionpolicybindings", bound("small", more, actions))


# -- validating --------------------------------------------------------------------------------------------------------


async def test_a_policy_denies_what_its_expression_does_not_allow() -> None:
    async with serving() as api:
        await policy(api, {"expression": "object.spec.replicas <= 5"})
        await api.create(DEPLOYMENTS, deployment(replicas=5))
        status = await api.refused("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 6}}, type="merge")
        text = (
            "ValidatingAdmissionPolicy 'small' with binding 'here' denied request: failed expression: "
            "object.spec.replicas <= 5"
        )
        assert (status["code"], status["reason"]) == (422, "Invalid")
        assert status["message"] == f'deployments.apps "web" is forbidden: {text}'
        assert status["details"]["causes"] == [{"message": text}]


@pytest.mark.parametrize(
    ("validation", "code", "message"),
    [
        pytest.param(
            {"expression": "false", "message": "too big", "reason": "Forbidden"}, 403, "too big", id="its own words"
        ),
        pytest.param(
            {"expression": "false", "messageExpression": "'at most ' + string(3)"}, 422, "at most 3", id="words in CEL"
        ),
        pytest.param(
            {"expression": "false", "message": "plain", "messageExpression": "string(object.nothing)"},
            422,
            "plain",
            id="words in CEL that fail",
        ),
        pytest.param(
            {"expression": "object.spec.nothing > 1"},
            422,
            "expression 'object.spec.nothing > 1' resulted in error: no such key: nothing",
            id="an error",
        ),
        pytest.param(
            {"expression": "variables.broken > 1"},
            422,
            'composited variable "broken" fails to evaluate: no such key: nothing',
            id="an error in a variable",
        ),
        pytest.param({"expression": "oldObject == null && variables.two == 2"}, 201, "", id="variables"),
        pytest.param({"expression": "request.userInfo.username == 'admin'"}, 201, "", id="the request"),
        pytest.param({"expression": "namespaceObject.metadata.name == 'default'"}, 201, "", id="the namespace"),
        pytest.param({"expression": "request.kind.kind == 'Deployment' && !request.dryRun"}, 201, "", id="the kind"),
        pytest.param(
            {"expression": "object.spec.template.spec.containers.all(c, c.image.startsWith('nginx'))"},
            201,
            "",
            id="every container",
        ),
    ],
)
async def test_an_expression_says(validation: Obj, code: int, message: str) -> None:
    variables = [
        {"name": "one", "expression": "1"},
        {"name": "two", "expression": "variables.one + 1"},
        {"name": "broken", "expression": "object.spec.nothing"},
    ]
    async with serving() as api:
        await policy(api, validation, variables=variables)
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


async def test_a_policy_writes_to_the_audit_log() -> None:
    async with serving() as api:
        rows = [{"key": "replicas", "valueExpression": "'has ' + string(object.spec.replicas)"}]
        await policy(api, {"expression": "false", "message": "hm"}, actions=("Audit",), auditAnnotations=rows)
        events: list[Obj] = []
        api.server.audit = Audit(events.append)
        await api.create(DEPLOYMENTS, deployment(replicas=3))
        assert events[-1]["annotations"] == {
            "small/replicas": "has 3",
            "validation.policy.admission.k8s.io/validation_failure": (
                '[{"message":"hm","policy":"small","binding":"here","expressionIndex":0,"validationActions":["Audit"]}]'
            ),
        }


async def test_a_policy_takes_its_numbers_from_a_parameter() -> None:
    async with serving() as api:
        kind = {"apiVersion": "v1", "kind": "ConfigMap"}
        await policy(api, {"expression": "object.spec.replicas <= int(params.data.max)"}, paramKind=kind)
        status = await api.refused("POST", DEPLOYMENTS, deployment())
        assert status["message"].endswith(
            "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
        )
        await api.create(CONFIG_MAPS, config_map("limits", max="2"))
        await api.create(DEPLOYMENTS, deployment(replicas=2))
        await api.refused("PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 3}}, type="merge")


async def test_a_condition_that_is_false_spares_and_one_that_fails_denies() -> None:
    async with serving() as api:
        condition = {"name": "others", "expression": "object.metadata.labels.team != 'mine'"}
        await policy(api, {"expression": "false"}, matchConditions=[condition])
        mine = deployment()
        mine["metadata"]["labels"] = {"team": "mine"}
        await api.create(DEPLOYMENTS, mine)
        status = await api.refused("POST", DEPLOYMENTS, deployment("other"))
        assert "resulted in error: no such key: team" in status["message"]


async def test_an_expression_asks_what_the_caller_may() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        check = "authorizer.group('apps').resource('deployments').namespace('default').name('web').check('boost')"
        await policy(api, {"expression": f"object.spec.replicas < 5 || {check}.allowed()"})
        subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
        reference = {"kind": "ClusterRole", "name": "edit", "apiGroup": "rbac.authorization.k8s.io"}
        binding = {"metadata": {"name": "bob"}, "roleRef": reference, "subjects": [subject]}
        await api.create("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", binding)
        await api.ok("POST", DEPLOYMENTS, deployment("small", 2), user=BOB)
        await api.refused("POST", DEPLOYMENTS, deployment("web", 9), user=BOB)
        await api.ok("POST", DEPLOYMENTS, deployment("web", 9))


async def test_other_resources_are_none_of_its_business() -> None:
    async with serving() as api:
        await policy(api, {"expression": "false"})
        await api.create(CONFIG_MAPS, config_map())


@pytest.mark.parametrize(
    ("field", "value", "where", "detail"),
    [
        pytest.param(
            "validations",
            [{"expression": "object.x."}],
            "spec.validations[0].expression",
            "compilation failed: ERROR: <input>:1:10: Syntax error: mismatched input '<EOF>'",
            id="syntax",
        ),
        pytest.param(
            "validations",
            [{"expression": "object.x"}],
            "spec.validations[0].expression",
            "must evaluate to bool",
            id="type",
        ),
        pytest.param(
            "validations",
            [{"expression": "params.x == 1"}],
            "spec.validations[0].expression",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')",
            id="params without paramKind",
        ),
        pytest.param(
            "validations",
            [{"expression": "true", "messageExpression": "1"}],
            "spec.validations[0].messageExpression",
            "must evaluate to string",
            id="message",
        ),
        pytest.param(
            "variables",
            [{"name": "1x", "expression": "1"}],
            "spec.variables[0].name",
            "name is not a valid CEL identifier",
            id="variable",
        ),
        pytest.param(
            "matchConditions",
            [{"name": "c", "expression": "variables.x"}],
            "spec.matchConditions[0].expression",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')",
            id="condition",
        ),
        pytest.param(
            "auditAnnotations",
            [{"key": "k", "valueExpression": "1"}],
            "spec.auditAnnotations[0].valueExpression",
            "must evaluate to one of [string null_type]",
            id="annotation",
        ),
    ],
)
async def test_a_policy_whose_expression_is_wrong_is_not_stored(
    field: str, value: list[Obj], where: str, detail: str
) -> None:
    async with serving() as api:
        spec = {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}], field: value}
        body = {"metadata": {"name": "bad"}, "spec": spec}
        status = await api.refused("POST", f"{GROUP}/validatingadmissionpolicies", body)
        assert (status["code"], status["reason"]) == (422, "Invalid")
        (cause,) = status["details"]["causes"]
        assert cause["field"] == where
        assert detail in cause["message"]


# -- mutating ----------------------------------------------------------------------------------------------------------


def applied(expression: str) -> Obj:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression: str) -> Obj:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


async def mutating(api: Api, *mutations: Obj, name: str = "small", again: str = "Never", **more: object) -> None:
    spec = {
        "matchConstraints": {"resourceRules": [RULE]},
        "mutations": list(mutations),
        "reinvocationPolicy": again,
        **more,
    }
    await api.create(f"{GROUP}/mutatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec})
    binding = bound(name, more)
    binding["metadata"]["name"] = name
    await api.create(f"{GROUP}/mutatingadmissionpolicybindings", binding)


async def test_an_apply_configuration_is_merged() -> None:
    async with serving() as api:
        container = (
            "Object.spec.template.spec.containers{name: 'side', image: 'busybox:' + string(object.spec.replicas)}"
        )
        inner = f"Object.spec.template.spec{{containers: [{container}]}}"
        await mutating(api, applied(f"Object{{spec: Object.spec{{template: Object.spec.template{{spec: {inner}}}}}}}"))
        made = await api.create(DEPLOYMENTS, deployment(replicas=3))
        containers = made["spec"]["template"]["spec"]["containers"]
        assert [each["name"] for each in containers] == ["main", "side"]
        assert containers[1]["image"] == "busybox:3"
        assert containers[1]["terminationMessagePath"] == "/dev/termination-log"


async def test_a_json_patch_is_applied_and_sees_what_came_before() -> None:
    async with serving() as api:
        await mutating(
            api,
            patched("[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'a': 'b'}}]"),
            patched(
                "[JSONPatch{op: 'test', path: '/metadata/annotations/a', value: 'b'}, JSONPatch{op: 'add', "
                "path: '/metadata/annotations/' + jsonpatch.escapeKey('x/y'), value: object.metadata.annotations.a}]"
            ),
            variables=[{"name": "unused", "expression": "object.nothing"}],
        )
        made = await api.create(DEPLOYMENTS, deployment())
        assert made["metadata"]["annotations"] == {"a": "b", "x/y": "b"}


@pytest.mark.parametrize(
    ("mutation", "message"),
    [
        pytest.param(
            applied("Object{spec: Object.other{replicas: 1}}"),
            'type mismatch: unexpected type name "Object.other", expected "Object.spec", which matches field name path',
            id="a struct of another field",
        ),
        pytest.param(
            applied("Object{spec: Object.spec{nothing: 1}}"),
            ".spec.nothing: field not declared in schema",
            id="no such field",
        ),
        pytest.param(
            applied("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}"),
            "may not mutate atomic arrays, maps or structs: .spec.selector",
            id="an atomic struct",
        ),
        pytest.param(
            patched("[JSONPatch{op: 'remove', path: '/spec/nothing'}]"),
            "denied request: ",
            id="a patch that does not fit",
        ),
        pytest.param(
            applied("Object{spec: Object.spec{replicas: object.spec.nothing}}"), "no such key: nothing", id="an error"
        ),
    ],
)
async def test_a_mutation_that_fails_refuses_unless_failure_is_ignored(mutation: Obj, message: str) -> None:
    async with serving() as api:
        await mutating(api, mutation)
        status = await api.refused("POST", DEPLOYMENTS, deployment())
        assert status["message"].startswith("policy 'small' with binding 'small' denied request: ")
        assert message in status["message"]
        assert (status["code"], status["reason"]) == (403, "Invalid")
        await api.patch(f"{GROUP}/mutatingadmissionpolicies/small", {"spec": {"failurePolicy": "Ignore"}})
        assert (await api.create(DEPLOYMENTS, deployment()))["spec"]["replicas"] == 1


@pytest.mark.parametrize(("again", "seen"), [("IfNeeded", "2"), ("Never", "1")])
async def test_a_policy_sees_what_later_ones_changed_only_if_it_asks_to(again: str, seen: str) -> None:
    """The first policy notes how many annotations there were; the second adds one."""
    async with serving() as api:
        note = "Object{metadata: Object.metadata{annotations: {'seen': string(object.metadata.annotations.size())}}}"
        more = "Object{metadata: Object.metadata{annotations: {'more': 'yes'}}}"
        condition = {"name": "first", "expression": "'more' in object.metadata.annotations || !has(object.metadata.x)"}
        await mutating(api, applied(note), name="a", again=again, matchConditions=[condition])
        await mutating(api, applied(more), name="b")
        body = deployment()
        body["metadata"]["annotations"] = {"given": "1"}
        made = await api.create(DEPLOYMENTS, body)
        assert made["metadata"]["annotations"] == {"given": "1", "seen": "3" if seen == "2" else seen, "more": "yes"}


async def test_a_mutation_of_the_wrong_type_is_not_stored() -> None:
    async with serving() as api:
        for mutation, detail in (
            (applied("1"), "must evaluate to Object"),
            (patched("[1]"), "must evaluate to list(JSONPatch)"),
        ):
            spec = {
                "matchConstraints": {"resourceRules": [RULE]},
                "mutations": [mutation],
                "reinvocationPolicy": "Never",
            }
            body = {"metadata": {"name": "bad"}, "spec": spec}
            status = await api.refused("POST", f"{GROUP}/mutatingadmissionpolicies", body)
            assert detail in status["message"]
