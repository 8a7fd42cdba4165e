"""PATCH: four ways to say what should change.

Models apiserver pkg/endpoints/handlers/patch.go.
"""

from collections.abc import Callable
from typing import Any

from kube_nb.api import duplicates
from kube_nb.apiserver import decode, ownership, restoring, typed, writing
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors, patch
from kube_nb.machinery.types import Obj

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
#: Upstream's limit of operations in one JSON patch.
MAX_OPERATIONS = 10_000

_Apply = Callable[[Call, Obj, Any], Obj]
Change = Callable[[Obj], Obj]


def _read(call: Call) -> tuple[str, Any]:
    """(media type, decoded body) of a patch; 415 for a type that the resource does not take."""
    media_type = decode.content_type(call.request)
    accepted = _accepted(call)
    if media_type not in accepted:
        raise errors.unsupported_media_type(
            f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
        )
    return media_type, decode.body(call.request, accepted)


def prepare(call: Call) -> Change:
    """What a JSON, merge or strategic patch does to an object; 400, 415 or 422 for a malformed one."""
    media_type, body = _read(call)
    if media_type == APPLY_PATCH:
        raise errors.unsupported_media_type("apply is not supported on this subresource")
    if call.request.param("force"):
        fault = errors.FieldError(errors.FORBIDDEN, "force", "", "may not be specified for non-apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [fault])
    apply = _APPLY[media_type]
    _check_shape(media_type, body)

    def change(old: Obj) -> Obj:
        patched = apply(call, old, body)
        if not isinstance(patched.get("metadata"), dict):
            raise errors.bad_request("metadata of the patched object is no object")
        return patched

    return change


async def patch_object(call: Call) -> tuple[Obj, bool]:
    """(the object as stored now, whether it was created)."""
    if decode.content_type(call.request) == APPLY_PATCH:
        return await _server_side_apply(call, _read(call)[1])
    change = prepare(call)

    async def transform(old: Obj | None) -> Obj:
        assert old is not None
        return _checked(call, _decode(call, change(old), old))

    return await writing.update(call, transform)


def _decode(call: Call, patched: Obj, old: Obj) -> Obj:
    try:
        return typed.decode(call, patched, old)
    except errors.ApiError as error:
        if decode.content_type(call.request) != STRATEGIC_PATCH:
            raise
        raise restoring.refusal(error, _read(call)[1]) from None


def _accepted(call: Call) -> tuple[str, ...]:
    if call.resource.kind.is_custom:
        return JSON_PATCH, MERGE_PATCH, APPLY_PATCH
    return JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH


def _check_shape(media_type: str, body: Any) -> None:
    if media_type == JSON_PATCH:
        if isinstance(body, list) and len(body) > MAX_OPERATIONS:
            raise errors.request_entity_too_large(
                f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(body)}"
            )
    elif not isinstance(body, dict):
        raise errors.bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
        )


def _json(call: Call, old: Obj, operations: Any) -> Obj:
    try:
        result = patch.json_patch.apply(old, operations)
    except patch.PatchError as error:
        if "cannot unmarshal" in str(error):
            raise errors.bad_request(f"error decoding patch: {error}") from None
        raise errors.ApiError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
        ) from None
    if not isinstance(result, dict):
        raise errors.bad_request("the patched value is no object")
    return result


def _merge(call: Call, old: Obj, body: Obj) -> Obj:
    result = patch.merge.apply(old, body)
    assert isinstance(result, dict)
    return result


def _strategic(call: Call, old: Obj, body: Obj) -> Obj:
    schema = call.resource.schema
    assert schema is not None
    try:
        result = patch.strategic.apply(old, body, schema)
    except patch.PatchError as error:
        raise errors.bad_request(str(error)) from None
    assert isinstance(result, dict)
    return result


_APPLY: dict[str, _Apply] = {JSON_PATCH: _json, MERGE_PATCH: _merge, STRATEGIC_PATCH: _strategic}


def _checked(call: Call, obj: Obj) -> Obj:
    """Name and namespace are those of the URL."""
    metadata = obj["metadata"]
    faults = []
    if metadata.get("name") != call.info.name:
        faults.append(
            errors.FieldError(errors.INVALID, "metadata.name", metadata.get("name") or "", "field is immutable")
        )
    if call.resource.kind.namespaced and metadata.get("namespace") != call.info.namespace:
        faults.append(
            errors.FieldError(
                errors.INVALID, "metadata.namespace", metadata.get("namespace") or "", "field is immutable"
            )
        )
    if faults:
        raise call.resource.invalid(call.info.name, faults)
    return obj


def _with_metadata(body: Obj) -> Obj:
    if isinstance(body.get("metadata"), dict):
        return body
    raise errors.bad_request("error decoding YAML: metadata is missing or no object")


async def _server_side_apply(call: Call, body: Any) -> tuple[Obj, bool]:
    if not isinstance(body, dict):
        raise errors.bad_request("error decoding YAML: the body is no object")
    if not call.request.param("fieldManager"):
        fault = errors.FieldError(errors.REQUIRED, "fieldManager", "", "is required for apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [fault])
    force = call.request.param("force") in ("true", "1")
    applied = typed.named(call, typed.namespaced(call, typed.with_kind(_with_metadata(body), call.resource.kind.gvk)))

    async def transform(old: Obj | None) -> Obj:
        merged = ownership.apply(call, old, applied, force)
        _report_duplicates(call)
        return _checked(call, typed.decode(call, merged, old))

    return await writing.update(call, transform, create_on_update=True, tracked=True)


def _report_duplicates(call: Call) -> None:
    """Fields that stand twice in what is applied: 400 if asked for strictly, else a warning."""
    if not isinstance(call.request.body, bytes) or call.field_validation == "Ignore":
        return
    fault = duplicates.find_in_yaml(call.request.body)
    if fault and call.field_validation == "Strict":
        raise errors.bad_request(f"error strict decoding YAML: error converting YAML to JSON: {fault}")
    if fault:
        call.warnings.append(f"error converting YAML to JSON: {fault}")
