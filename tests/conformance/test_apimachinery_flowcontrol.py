"""Models test/e2e/apimachinery/flowcontrol.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube

_GROUP = "flowcontrol.apiserver.k8s.io"


def _condition(type: str) -> dict:
    return {
        "type": type,
        "status": "True",
        "reason": "E2E",
        "message": "a test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def _check_status(operations: Operations, body: dict, type: str) -> None:
    """The status can be read, patched and replaced by its subresource."""
    name = operations.create({"metadata": {"generateName": "e2e-example-"}, **body}).metadata.name
    assert operations.read(name, "status").metadata.name == name
    patched = operations.patch(name, {"status": {"conditions": [_condition(type)]}}, "status")
    assert next(row for row in patched.status.conditions if row.type == type).message == "a test"
    next(row for row in patched.status.conditions if row.type == type).message = "updated"
    updated = operations.replace(name, patched, "status")
    assert next(row for row in updated.status.conditions if row.type == type).message == "updated"
    operations.delete(name)


@conformance("[sig-api-machinery] API priority and fairness should support FlowSchema API operations [Conformance]")
def test_flow_schemas_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "flowschemas")
    check_discovery(kube, _GROUP, "v1", "flowschemas/status")

    def schema() -> dict:
        rule = {
            "subjects": [{"kind": "User", "user": {"name": "example-e2e-non-existent-user"}}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }
        level = {"name": "global-default"}
        spec = {"matchingPrecedence": 10000, "priorityLevelConfiguration": level, "rules": [rule]}
        return {"spec": {**spec, "distinguisherMethod": {"type": "ByUser"}}}

    schemas = Operations(kube.flowcontrol, "flow_schema")
    schemas.check(kube, schema)
    _check_status(schemas, schema(), "FieldValidation")


@conformance(
    "[sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations [Conformance]"
)
def test_priority_levels_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "prioritylevelconfigurations")
    check_discovery(kube, _GROUP, "v1", "prioritylevelconfigurations/status")

    def level() -> dict:
        limited = {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}
        return {"spec": {"type": "Limited", "limited": limited}}

    levels = Operations(kube.flowcontrol, "priority_level_configuration")
    levels.check(kube, level)
    _check_status(levels, level(), "FieldValidation")
