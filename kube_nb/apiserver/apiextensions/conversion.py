"""Conversion of custom resources by a webhook: objects of one version in, the same objects in another version out.

Models apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go. A list is one review.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kube_nb.api.validation import metadata as rules
from kube_nb.api.validation.faults import Faults
from kube_nb.apiserver import callout
from kube_nb.machinery import errors, names
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

TIMEOUT_S = 30.0
_REVIEW_VERSIONS = ("v1", "v1beta1")
_KEPT = ("labels", "annotations")


class Invalid(Exception):
    """What is wrong with a webhook's answer."""


class Webhook:
    """One definition's converter. config: spec.conversion.webhook."""

    def __init__(self, server: "ApiServer", config: Obj) -> None:
        self._server = server
        self._client: Obj = config.get("clientConfig") or {}
        self._versions: Sequence[str] = config.get("conversionReviewVersions") or ()

    async def convert(self, objs: Sequence[Obj], to: GVK) -> list[Obj]:
        """The objects in the wanted version, in their order. ApiError 500 in upstream's words if that fails."""
        wanted = to.api_version
        others = [obj for obj in objs if obj["apiVersion"] != wanted]
        if not others:
            return list(objs)
        where = f"conversion webhook for {others[0]['apiVersion']}, Kind={others[0]['kind']}"
        converted = iter(await self._ask(where, others, wanted))
        return [obj if obj["apiVersion"] == wanted else next(converted) for obj in objs]

    async def _ask(self, where: str, objs: list[Obj], wanted: str) -> list[Obj]:
        try:
            sent = self._review(objs, wanted)
            answer = await callout.review(self._server, self._client, sent, TIMEOUT_S)
            found = _converted(answer, sent["request"]["uid"])
        except (callout.Unreachable, Invalid) as error:
            raise errors.ApiError(500, "", f"{where} failed: {error}") from None
        if len(found) != len(objs):
            raise errors.ApiError(500, "", f"{where} returned {len(found)} objects, expected {len(objs)}")
        try:
            return [_checked(before, after, wanted) for before, after in zip(objs, found, strict=True)]
        except Invalid as error:
            raise errors.ApiError(500, "", f"{where} returned {error}") from None

    def _review(self, objs: list[Obj], wanted: str) -> Obj:
        version = next((each for each in self._versions if each in _REVIEW_VERSIONS), None)
        if version is None:
            raise Invalid("no supported conversion review versions")
        uid = names.uid(self._server.stream("conversions"))
        request = {"uid": uid, "desiredAPIVersion": wanted, "objects": objs}
        return {"kind": "ConversionReview", "apiVersion": f"apiextensions.k8s.io/{version}", "request": request}


def _converted(review: Obj, uid: str) -> list[Any]:
    response = review.get("response")
    if not isinstance(response, dict):
        raise Invalid("no response provided")
    if review.get("apiVersion") == "apiextensions.k8s.io/v1" and response.get("uid") != uid:
        raise Invalid(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        told = f"response.result.status was '{result.get('status', '')}', not 'Success'"
        raise Invalid(result.get("message") or told)
    return list(response.get("convertedObjects") or ())


def _checked(before: Obj, after: Any, wanted: str) -> Obj:
    """The converted object with the metadata of the one that was sent; only labels and annotations may be new."""
    if not isinstance(after, dict) or after.get("apiVersion") != wanted:
        got = after.get("apiVersion", "") if isinstance(after, dict) else ""
        raise Invalid(f"invalid object at index 0: invalid groupVersion (expected {wanted}, received {got})")
    if after.get("kind") != before["kind"]:
        why = f"(expected {before['kind']}, received {after.get('kind', '')})"
        raise Invalid(f"invalid object at index 0: invalid kind {why}")
    metadata = after.get("metadata")
    if not isinstance(metadata, dict):
        raise Invalid("invalid metadata: missing metadata in converted object")
    for field, word in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        old, new = before["metadata"].get(field, ""), metadata.get(field, "")
        if old != new:
            raise Invalid(f"invalid object: must have the same {word}: {old} != {new}")
    kept = {field: value for field, value in before["metadata"].items() if field not in _KEPT}
    return {**after, "metadata": {**kept, **dict(_own(before["metadata"], metadata))}}


def _own(before: Obj, after: Obj) -> Iterator[tuple[str, Obj]]:
    """Labels and annotations as the webhook wants them, checked if it changed them."""
    faults = Faults()
    for field in _KEPT:
        found = after.get(field)
        if found is None:
            continue
        if not isinstance(found, dict):
            raise Invalid(f"invalid metadata: invalid metadata.{field} in converted object")
        for key, value in found.items():
            if not isinstance(value, str):
                raise Invalid(f"invalid metadata: metadata.{field}[{key}] must be a string in converted object")
        if found != before.get(field):
            if field == "labels":
                faults.labels("metadata.labels", found)
            else:
                rules.check_annotations(found, faults)
        yield field, found
    if faults:
        raise Invalid("invalid metadata: " + "; ".join(map(str, faults)))
