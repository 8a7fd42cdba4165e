"""From a decoded body to an object of the kind that the URL names: kind checked, fields checked, defaults filled in.

Models apiserver pkg/endpoints/handlers/create.go and its decoders.
"""

from kube_nb.api import defaults, duplicates, schema
from kube_nb.apiserver import decode as decoding
from kube_nb.apiserver import story
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj


def decode(call: Call, body: Obj, old: Obj | None = None) -> Obj:
    """The object that the body means; 400 for another kind, a wrong type or, if asked for strictly, an unknown field.

    old: the object as stored; what the body has in common with it is not checked again.
    """
    kind = call.resource.kind
    body = with_kind(body, kind.gvk)
    found = call.resource.schema
    if found is None:
        return body
    obj, unknown = found.decode(body, old)
    unknown = [*unknown, *_duplicates(call)]
    if unknown:
        _report(call, kind.gvk, unknown)
    if "metadata" not in obj:
        obj = {**obj, "metadata": {}}
    defaulted = defaults.apply(kind, obj, old)
    if (told := story.current()) is not None:
        told.tell("schema", f"{len(unknown)} unknown fields; the defaults: {story.changes(obj, defaulted)}")
    return defaulted


def _duplicates(call: Call) -> list[str]:
    """What stands twice in a body that is an object, not a patch of one."""
    if not isinstance(call.request.body, bytes) or call.field_validation == "Ignore":
        return []
    media_type = decoding.content_type(call.request)
    if media_type == decoding.YAML:
        fault = duplicates.find_in_yaml(call.request.body)
        return [fault] if fault else []
    return duplicates.find(call.request.body) if media_type == decoding.JSON else []


def read(call: Call) -> Obj:
    """The checked body of what is not stored as such: Binding, Scale, TokenReview."""
    row = call.resource.kind.subresource(call.info.subresource) if call.info.subresource else None
    gvk = row.gvk if row is not None else call.resource.kind.gvk
    return checked(call, with_kind(decoding.obj(call.request), gvk))


def checked(call: Call, body: Obj) -> Obj:
    """A body with its fields checked by the schema of its own kind."""
    gvk = GVK.of(body)
    found = call.server.schemas.for_gvk(gvk)
    if found is not None:
        body, unknown = found.decode(body)
        if unknown:
            _report(call, gvk, unknown)
    return body if isinstance(body.get("metadata"), dict) else {**body, "metadata": {}}


def with_kind(body: Obj, expected: GVK) -> Obj:
    """The body with apiVersion and kind; 400 if it has others than the URL's."""
    api_version, kind = body.get("apiVersion"), body.get("kind")
    if api_version == expected.api_version and kind == expected.kind:
        return body
    if not api_version and not kind:
        return {"apiVersion": expected.api_version, "kind": expected.kind, **_without_type(body)}
    if not kind:
        raise errors.bad_request("Object 'Kind' is missing in '" + _start(body) + "'")
    if not api_version:
        raise errors.bad_request("Object 'apiVersion' is missing in '" + _start(body) + "'")
    if kind != expected.kind:
        version = str(api_version).rpartition("/")[2]
        raise errors.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {expected.kind}: no kind "{kind}" is registered for '
            f'version "{api_version}" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
        )
    raise errors.bad_request(
        f"the API version in the data ({api_version}) does not match the expected API version ({expected.api_version})"
    )


def _start(body: Obj) -> str:
    import orjson

    return orjson.dumps(body)[:1000].decode("utf-8", "replace")


def _without_type(body: Obj) -> Obj:
    return {field: value for field, value in body.items() if field not in ("apiVersion", "kind")}


def _report(call: Call, gvk: GVK, unknown: list[str]) -> None:
    mode = call.field_validation
    if mode == "Strict":
        raise schema.strict_error(gvk, unknown)
    if mode == "Warn":
        call.warnings += unknown


def namespaced(call: Call, obj: Obj) -> Obj:
    """The object in the request's namespace; 400 if it says another. Models EnsureObjectNamespaceMatches..."""
    metadata = obj["metadata"]
    given, wanted = metadata.get("namespace") or "", call.info.namespace if call.resource.kind.namespaced else ""
    if given == wanted:
        return obj
    if given and wanted:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return {**obj, "metadata": {**metadata, "namespace": wanted or None}} if wanted else _bare(obj)


def _bare(obj: Obj) -> Obj:
    metadata = {field: value for field, value in obj["metadata"].items() if field != "namespace"}
    return {**obj, "metadata": metadata}


def named(call: Call, obj: Obj) -> Obj:
    """The object with the URL's name; 400 if it says another."""
    name = obj["metadata"].get("name")
    if name == call.info.name:
        return obj
    if not name:
        raise errors.bad_request("name must be provided")
    raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.info.name})")
