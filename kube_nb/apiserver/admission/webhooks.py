"""Webhooks: admission by somebody else's program; see `callout` for where that may be.

Models apiserver pkg/admission/plugin/webhook/{mutating,validating}. Differs: matchPolicy Equivalent does not look at
other versions of the resource.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import ClassVar

import orjson

from kube_nb.api import defaults
from kube_nb.api.expressions import environment
from kube_nb.apiserver import callout
from kube_nb.apiserver.admission import bindings, expressions, matching
from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.machinery import cel, errors, names, patch
from kube_nb.machinery.types import Obj

DEFAULT_TIMEOUT_S = 10
_GROUP = bindings.GROUP


class MutatingAdmissionWebhook:
    """Every mutating webhook that matches, one after the other."""

    name: ClassVar[str] = "MutatingAdmissionWebhook"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",), UPDATE: ("*",)}
    needs: ClassVar[tuple[str, str] | None] = ("mutatingwebhookconfigurations", bindings.GROUP)

    async def admit(self, attributes: Attributes) -> Obj:
        turns = attributes.reinvocation.of(self.name, attributes.new)
        for webhook in _matching(attributes, "mutatingwebhookconfigurations"):
            if turns.skips(webhook["name"]):
                continue
            response = await _ask(attributes, webhook)
            if response is not None:
                obj = _patched(attributes, webhook, response)
                if obj is not attributes.obj:
                    turns.changed()
                    attributes = attributes.with_object(obj)
            if webhook.get("reinvocationPolicy") == "IfNeeded":
                turns.may_run_again(webhook["name"])
        turns.ended(attributes.new)
        return attributes.new


class ValidatingAdmissionWebhook:
    """Every validating webhook that matches; the first refusal counts."""

    name: ClassVar[str] = "ValidatingAdmissionWebhook"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = bindings.EVERYTHING
    needs: ClassVar[tuple[str, str] | None] = ("validatingwebhookconfigurations", bindings.GROUP)

    async def validate(self, attributes: Attributes) -> None:
        for webhook in _matching(attributes, "validatingwebhookconfigurations"):
            await _ask(attributes, webhook)


# -- which -----------------------------------------------------------------------------------------------------------


def _matching(attributes: Attributes, plural: str) -> Iterator[Obj]:
    """The webhooks whose rules and selectors hold, in the order of their configurations' names."""
    if bindings.is_exempt(attributes):
        return
    for entry in attributes.server.cacher(plural, _GROUP).select():
        for webhook in entry.obj.get("webhooks") or ():
            rules = webhook.get("rules") or ()
            if any(matching.covers(rule, attributes) for rule in rules) and matching.selected(webhook, attributes):
                yield webhook


# -- asking ------------------------------------------------------------------------------------------------------------


async def _ask(attributes: Attributes, webhook: Obj) -> Obj | None:
    """The response of an allowing webhook; None if it could not be asked and its failure is to be ignored.

    Raises the refusal of a webhook that denies, and 500 for one that cannot be asked, unless failurePolicy is Ignore.
    """
    if attributes.call.dry_run and webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        name = webhook["name"]
        raise errors.bad_request(f'admission webhook "{name}" does not support dry run')
    request = _request(attributes)
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
    try:
        return expressions.conditions_hold(environment(), webhook, expressions.variables(attributes))
    except cel.CelError as error:
        raise ValueError(f"match conditions: {error}") from None


def _request(attributes: Attributes) -> Obj:
    """The AdmissionRequest."""
    return {
        "uid": names.uid(attributes.server.stream("webhooks")),
        **expressions.request(attributes),
        "object": attributes.obj,
        "oldObject": attributes.old,
    }


async def _send(attributes: Attributes, config: Obj, request: Obj, timeout_s: float) -> Obj:
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    answer = await callout.review(attributes.server, config, review, timeout_s)
    response = answer.get("response")
    if not isinstance(response, dict) or response.get("uid") != request["uid"]:
        raise callout.Unreachable("received invalid webhook response: expected response.uid to be the request's")
    return response


# -- answers -----------------------------------------------------------------------------------------------------------


def _patched(attributes: Attributes, webhook: Obj, response: Obj) -> Obj:
    """The object after the webhook's patch: pruned where its kind is a custom one, and with its defaults."""
    obj, operations = attributes.new, response.get("patch")
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
    if changed == obj:
        return obj
    schema = attributes.call.resource.schema
    if schema is not None:
        changed, _unknown = schema.decode(changed)
    return defaults.apply(attributes.call.resource.kind, changed)


def _denial(name: str, status: Obj) -> errors.ApiError:
    """Models webhookerrors.ToStatusErr."""
    text = f'admission webhook "{name}" denied the request'
    message = status.get("message") or status.get("reason")
    code = int(status.get("code") or 400)
    reason = status.get("reason") or ("Forbidden" if code == 403 else "BadRequest" if code == 400 else "")
    text = f"{text}: {message}" if message else f"{text} without explanation"
    return errors.ApiError(code, reason, text, status.get("details"))
