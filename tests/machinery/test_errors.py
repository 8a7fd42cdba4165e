import pickle

import pytest

from kube_nb.machinery import errors
from kube_nb.machinery.errors import ApiError, FieldError


@pytest.mark.parametrize(
    ("error", "code", "reason", "message", "details"),
    [
        (
            errors.not_found("deployments.apps", "web"),
            404,
            "NotFound",
            'deployments.apps "web" not found',
            {"name": "web", "group": "apps", "kind": "deployments"},
        ),
        (
            errors.already_exists("pods", "p"),
            409,
            "AlreadyExists",
            'pods "p" already exists',
            {"name": "p", "kind": "pods"},
        ),
        (
            errors.conflict("pods", "p", errors.OBJECT_WAS_MODIFIED),
            409,
            "Conflict",
            'Operation cannot be fulfilled on pods "p": the object has been modified; '
            "please apply your changes to the latest version and try again",
            {"name": "p", "kind": "pods"},
        ),
        (errors.forbidden("pods", "", "no"), 403, "Forbidden", "pods is forbidden: no", {"name": "", "kind": "pods"}),
        (errors.timeout("slow"), 504, "Timeout", "Timeout: slow", {"retryAfterSeconds": 0}),
    ],
)
def test_refusals_carry_upstreams_code_reason_and_message(error, code, reason, message, details):
    assert (error.code, error.reason, error.message, error.details) == (code, reason, message, details)


def test_an_error_survives_the_wire_and_a_pickle():
    error = errors.not_found("pods", "p")
    for copy in (ApiError.from_status(error.status()), pickle.loads(pickle.dumps(error))):
        assert copy.status() == error.status()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FieldError(errors.REQUIRED, "spec.name", ""), "spec.name: Required value"),
        (FieldError(errors.INVALID, "spec.n", -1, "must be positive"), "spec.n: Invalid value: -1: must be positive"),
        (FieldError(errors.INVALID, "spec.s", 'a"b', "bad"), 'spec.s: Invalid value: "a\\"b": bad'),
        (FieldError(errors.INVALID, "spec.s", None, "bad"), 'spec.s: Invalid value: "null": bad'),
        (FieldError(errors.INVALID, "spec.b", True), "spec.b: Invalid value: true"),
        (FieldError(errors.INVALID, "spec.o", {"a": [1]}, "no"), 'spec.o: Invalid value: {"a":[1]}: no'),
        (
            FieldError(errors.TOO_MANY, "spec.l", errors.OMITTED, "has too many items"),
            "spec.l: Too many: has too many items",
        ),
        (FieldError(errors.TOO_LONG, "spec.s", "x" * 99, "long"), "spec.s: Too long: long"),
        (FieldError(errors.DUPLICATE, "spec.l[1]", "a"), 'spec.l[1]: Duplicate value: "a"'),
    ],
)
def test_field_errors_read_as_upstreams(error, text):
    assert str(error) == text


def test_several_field_errors_stand_in_brackets_without_repeats():
    faults = [FieldError(errors.REQUIRED, "a", ""), FieldError(errors.REQUIRED, "b", "")]
    error = errors.invalid("Deployment", "apps", "web", [*faults, faults[0]])
    assert error.message == 'Deployment.apps "web" is invalid: [a: Required value, b: Required value]'
    assert error.details["causes"][0] == {"reason": "FieldValueRequired", "message": "Required value", "field": "a"}
    single = errors.invalid("Pod", "", "p", faults[:1])
    assert single.message == 'Pod "p" is invalid: a: Required value'
