"""Webhooks: admission by somebody else's program; see `callout` for where that may be.

Models apiserver pkg/admission/plugin/webhook/{mutating,validating}. Differs: no reinvocation.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import ClassVar

import orjson

from kube_nb.api import defaults
from kube_nb.apiserver import callout
from kube_nb.apiserver.admission import cel, matching
from kube_nb.apiserver.admission.attributes import CREATE, DELETE, UPDATE, Attributes
from kube_nb.apiserver.admission.policies import variables_of
from kube_nb.machinery import errors, names, patch
from kube_nb.machinery.types import Obj

DEFAULT_TIMEOUT_S = 10
_GROUP = "admissionregistration.k8s.io"
_EVERYTHING: Mapping[str, tuple[str, ...]] = {CREATE: ("*",), UPDATE: ("*",), DELETE: ("*",)}


class MutatingAdmissionWebhook:
    """Every mutating webhook that matches, one after the other."""

    name: ClassVar[str] = "MutatingAdmissionWebhook"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",), UPDATE: ("*",)}

    async def admit(self, attributes: Attributes) -> Obj:
        obj = attributes.new
        for webhook in _matching(attributes, "mutatingwebhookconfigurations"):
            response = await _ask(attributes, webhook, obj)
            if response is not None:
                obj = _patched(webhook, obj, response)
        if obj is attributes.obj:
            return obj
        return defaults.apply(attributes.call.resource.kind, obj)  # what a webhook adds may need some of its own


class ValidatingAdmissionWebhook:
    """Every validating webhook that matches; the first refusal counts."""

    name: ClassVar[str] = "ValidatingAdmissionWebhook"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = _EVERYTHING

    async def validate(self, attributes: Attributes) -> None:
        for webhook in _matching(attributes, "validatingwebhookconfigurations"):
            await _ask(attributes, webhook, attributes.obj)


# -- which -----------------------------------------------------------------------------------------------------------


def _matching(attributes: Attributes, plural: str) -> Iterator[Obj]:
    """The webhooks whose rules and selectors hold, in the order of their configurations' names."""
    if attributes.call.info.group == _GROUP:
        return  # nobody can lock themselves out of the configuration
    for entry in attributes.server.cacher(plural, _GROUP).select():
        for webhook in entry.obj.get("webhooks") or ():
            rules = webhook.get("rules") or ()
            if any(matching.covers(rule, attributes) for rule in rules) and matching.selected(webhook, attributes):
                yield webhook


# -- asking ------------------------------------------------------------------------------------------------------------


async def _ask(attributes: Attributes, webhook: Obj, obj: Obj | None) -> Obj | None:
    """The response of an allowing webhook; None if it could not be asked and its failure is to be ignored.

    Raises the refusal of a webhook that denies, and 500 for one that cannot be asked, unless failurePolicy is Ignore.
    """
    if attributes.call.dry_run and webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        name = webhook["name"]
        raise errors.bad_request(f'admission webhook "{name}" does not support dry run')
    request = _request(attributes, obj)
    timeout_s = float(webhook.get("timeoutSeconds") or DEFAULT_TIMEOUT_S)
    try:
        if not _conditions_hold(attributes, webhook):
            return None
        response = await _send(attributes, webhook.get("clientConfig") or {}, request, timeout_s)
    except (callout.Unreachable, ValueError, errors.ApiError) as error:
        if webhook.get("failurePolicy") == "Ignore":
            return None
        text = f'failed calling webhook "{webhook["name"]}": failed to call webhook: {error}'
        raise errors.internal_error(text) from None
    attributes.call.warnings += response.get("warnings") or []
    if not response.get("allowed"):
        raise _denial(webhook["name"], response.get("status") or response.get("result") or {})
    return response


def _conditions_hold(attributes: Attributes, webhook: Obj) -> bool:
    """Whether every CEL match condition is true. ValueError for one that cannot be evaluated."""
    conditions = webhook.get("matchConditions") or ()
    if not conditions:
        return True
    variables = variables_of(attributes)
    try:
        return all(cel.holds(row["expression"], variables) for row in conditions)
    except cel.CelError as error:
        raise ValueError(f"match conditions: {error}") from None


def _request(attributes: Attributes, obj: Obj | None) -> Obj:
    """The AdmissionRequest."""
    info, user = attributes.call.info, attributes.call.user
    kind = attributes.call.resource.kind
    resource = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    request: Obj = {
        "uid": names.uid(attributes.server.stream("webhooks")),
        "kind": gvk,
        "resource": resource,
        "requestKind": gvk,
        "requestResource": resource,
        "name": attributes.name,
        "operation": attributes.operation,
        "userInfo": {"username": user.name, "uid": user.uid, "groups": list(user.groups)},
        "object": obj,
        "oldObject": attributes.old,
        "dryRun": attributes.call.dry_run,
        "options": {"kind": f"{attributes.operation.capitalize()}Options", "apiVersion": "meta.k8s.io/v1"},
    }
    if info.subresource:
        request["subResource"] = request["requestSubResource"] = info.subresource
    if info.namespace:
        request["namespace"] = info.namespace
    return request


async def _send(attributes: Attributes, config: Obj, request: Obj, timeout_s: float) -> Obj:
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    answer = await callout.review(attributes.server, config, review, timeout_s)
    response = answer.get("response")
    if not isinstance(response, dict) or response.get("uid") != request["uid"]:
        raise callout.Unreachable("received invalid webhook response: expected response.uid to be the request's")
    return response


# -- answers -----------------------------------------------------------------------------------------------------------


def _patched(webhook: Obj, obj: Obj, response: Obj) -> Obj:
    operations = response.get("patch")
    if not operations:
        return obj
    if isinstance(operations, str):
        operations = orjson.loads(base64.b64decode(operations))
    try:
        changed = patch.json_patch.apply(obj, operations)
    except patch.PatchError as error:
        raise errors.internal_error(f'admission webhook "{webhook["name"]}" sent a bad patch: {error}') from None
    if not isinstance(changed, dict) or not isinstance(changed.get("metadata"), dict):
        raise errors.internal_error(f'admission webhook "{webhook["name"]}" made no object of it')
    return changed


def _denial(name: str, status: Obj) -> errors.ApiError:
    """Models webhookerrors.ToStatusErr."""
    text = f'admission webhook "{name}" denied the request'
    message = status.get("message") or status.get("reason")
    code = int(status.get("code") or 400)
    reason = status.get("reason") or ("Forbidden" if code == 403 else "BadRequest" if code == 400 else "")
    text = f"{text}: {message}" if message else f"{text} without explanation"
    return errors.ApiError(code, reason, text, status.get("details"))
