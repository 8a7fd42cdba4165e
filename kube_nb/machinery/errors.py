"""`ApiError`: the one error that crosses the API, convertible to and from a metav1.Status.

Models apimachinery pkg/api/errors: same codes, reasons and messages.
"""

import json
from collections.abc import Iterable
from typing import Any

from kube_nb.machinery.refusals import Refusal
from kube_nb.machinery.types import Obj


class ApiError(Refusal):
    """An API call's refusal. code: the HTTP status; reason: metav1.StatusReason; details: metav1.StatusDetails."""

    def __init__(self, code: int, reason: str, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.code, self.reason, self.message, self.details))

    def status(self) -> Obj:
        """The metav1.Status in wire form."""
        status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        return status

    @classmethod
    def from_status(cls, status: Obj) -> "ApiError":
        return cls(
            int(status.get("code") or 500), status.get("reason", ""), status.get("message", ""), status.get("details")
        )


def _named(resource: str, name: str, **more: object) -> Obj:
    """details for a `resource` given as ``deployments.apps``."""
    kind, _, group = resource.partition(".")
    details: Obj = {"name": name}
    if group:
        details["group"] = group
    details["kind"] = kind
    return {**details, **more}


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unauthorized(message: str = "Unauthorized") -> ApiError:
    return ApiError(401, "Unauthorized", message)


def forbidden(resource: str, name: str, why: str) -> ApiError:
    subject = f'{resource} "{name}"' if name else resource
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", _named(resource, name))


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', _named(resource, name))


def page_not_found() -> ApiError:
    """For a URL that no resource serves."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_supported(resource: str, action: str) -> ApiError:
    return ApiError(
        405, "MethodNotAllowed", f'{action} is not supported on resources of kind "{resource}"', _named(resource, "")
    )


def not_acceptable(accepted: str) -> ApiError:
    return ApiError(406, "NotAcceptable", f"only the following media types are accepted: {accepted}")


def already_exists(resource: str, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists', _named(resource, name))


def conflict(resource: str, name: str, why: str) -> ApiError:
    return ApiError(
        409, "Conflict", f'Operation cannot be fulfilled on {resource} "{name}": {why}', _named(resource, name)
    )


#: Why an update with a stale resourceVersion is refused.
OBJECT_WAS_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def gone(message: str) -> ApiError:
    """410 for a resourceVersion or continue token that the server no longer has."""
    return ApiError(410, "Expired", message)


def request_entity_too_large(message: str) -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: {message}")


def unsupported_media_type(message: str) -> ApiError:
    return ApiError(415, "UnsupportedMediaType", message)


def invalid(kind: str, group: str, name: str, causes: Iterable["FieldError"]) -> ApiError:
    """422 from field errors. kind: ``Deployment``; one cause is printed bare, more in brackets."""
    found = list(causes)
    texts = list(dict.fromkeys(str(cause) for cause in found))
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    full_kind = f"{kind}.{group}" if group else kind
    details: Obj = {
        "name": name,
        **({"group": group} if group else {}),
        "kind": kind,
        "causes": [cause.status_cause() for cause in found],
    }
    return ApiError(422, "Invalid", f'{full_kind} "{name}" is invalid: {text}', details)


def too_many_requests(message: str, retry_after_s: int) -> ApiError:
    return ApiError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after_s})


def internal_error(message: str) -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})


def service_unavailable(message: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", message)


def timeout(message: str, retry_after_s: int = 0) -> ApiError:
    return ApiError(504, "Timeout", f"Timeout: {message}", {"retryAfterSeconds": retry_after_s})


#: The value of a `FieldError` that is not to be shown.
OMITTED = object()


class FieldError:
    """One field's fault. Models apimachinery pkg/util/validation/field/errors.go.

    type: one of the FieldValue* reasons below; value: what was found (left out for Required, Forbidden, TooLong, and
    if it is `OMITTED`).
    """

    __slots__ = ("detail", "field", "type", "value")

    def __init__(self, type: str, field: str, value: object, detail: str = "") -> None:
        self.type = type
        self.field = field
        self.value = value
        self.detail = detail

    def __repr__(self) -> str:
        return f"FieldError({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldError) and str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]  # field errors are compared in lists, never kept in sets

    def body(self) -> str:
        """The message without the field's path."""
        text = _TITLES[self.type]
        if self.type not in _BARE and self.value is not OMITTED:
            text += ": " + _go_value(self.value)
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body()}"

    def status_cause(self) -> Obj:
        return {"reason": self.type, "message": self.body(), "field": self.field}


REQUIRED, INVALID, DUPLICATE, NOT_SUPPORTED = (
    "FieldValueRequired",
    "FieldValueInvalid",
    "FieldValueDuplicate",
    "FieldValueNotSupported",
)
FORBIDDEN, NOT_FOUND, TOO_LONG, TOO_MANY, TYPE_INVALID, INTERNAL = (
    "FieldValueForbidden",
    "FieldValueNotFound",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
    "InternalError",
)
_TITLES = {
    REQUIRED: "Required value",
    INVALID: "Invalid value",
    DUPLICATE: "Duplicate value",
    NOT_SUPPORTED: "Unsupported value",
    FORBIDDEN: "Forbidden",
    NOT_FOUND: "Not found",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    TYPE_INVALID: "Invalid value",
    INTERNAL: "Internal error",
}
_BARE = {REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL}


def _go_value(value: object) -> str:
    """A value as Go's error text shows it: strings (and null) quoted, numbers bare, structures as JSON."""
    if value is None:
        return '"null"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
