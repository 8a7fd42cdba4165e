"""The form that the client accepts: the object itself, a Table, or metadata only.

Models apiserver pkg/endpoints/handlers/response.go and pkg/endpoints/handlers/negotiation.
"""

from dataclasses import dataclass

from kube_nb.api import tables
from kube_nb.apiserver import reading, watching
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Response, WatchEvent
from kube_nb.machinery.types import Obj

ACCEPTED = "application/json, application/yaml"
_JSON = ("application/json", "application/*", "*/*", "")
_YAML = ("application/yaml",)
_FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True, slots=True)
class Form:
    """as_: "" for the object itself, else a kind of meta.k8s.io; yaml: whether the client wants YAML."""

    as_: str = ""
    version: str = "v1"
    yaml: bool = False


PLAIN = Form()


def negotiate(accept: str, *, transforms: bool = True) -> Form:
    """The first form of an Accept header that this server has; 406 if it has none.

    transforms: whether there is a Table or metadata to be made of what is asked for.

    ``application/json;as=Table;v=v1;g=meta.k8s.io,application/json`` -> Form("Table").
    Differs: quality values are not weighed, first come first served.
    """
    if not accept or accept == "application/json":
        return PLAIN
    for clause in accept.split(","):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        known = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        if media_type not in _JSON and media_type not in _YAML:
            continue
        as_ = known.get("as", "")
        of_meta = known.get("g") == "meta.k8s.io" and known.get("v") in ("v1", "v1beta1")
        if as_ and (not transforms or as_ not in _FORMS or not of_meta):
            continue
        return Form(as_, known.get("v", "v1"), media_type in _YAML)
    raise errors.not_acceptable(ACCEPTED)


def form_of(call: Call) -> Form:
    """Reviews, which nobody can get, are answered as they are only."""
    return negotiate(call.request.headers.get("accept", ""), transforms="get" in call.resource.kind.verbs)


def one(call: Call, obj: Obj, status: int = 200) -> Response:
    """A single object in the accepted form."""
    form = form_of(call)
    if form.as_ and obj.get("kind") != "Status":
        obj = _as(call, form, [obj], obj["metadata"])
    return finished(call, Response(status, obj=obj), form)


def many(call: Call, found: reading.Page) -> Response:
    """A list in the accepted form."""
    form = form_of(call)
    response: Response = reading.response(call, found)
    if form.as_:
        assert response.obj is not None
        response = Response(obj=_as(call, form, response.obj["items"], response.obj["metadata"], listed=True))
    return finished(call, response, form)


def finished(call: Call, response: Response, form: Form = PLAIN) -> Response:
    response.warnings = tuple(dict.fromkeys(call.warnings))
    if form.yaml:
        import yaml

        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        response.raw = yaml.dump(response.obj, Dumper=dumper, default_flow_style=False).encode()
        response.content_type = "application/yaml"
    return response


def _as(call: Call, form: Form, objs: list[Obj], metadata: Obj, *, listed: bool = False) -> Obj:
    if form.as_ == "Table":
        table = tables.table(
            call.resource.kind, objs, call.server.clock.now(), call.request.param("includeObject") or "Metadata"
        )
        kept = ("resourceVersion", "continue", "remainingItemCount")
        meta = {field: metadata[field] for field in kept if field in metadata}
        return {**table, "metadata": meta}
    rows = [_partial(obj) for obj in objs]
    if not listed and form.as_ == "PartialObjectMetadata":
        return rows[0]
    return {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": rows}


def _partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def of_events(call: Call) -> watching.Render | None:
    """How a watch's events are rendered; None if as they are."""
    form = form_of(call)
    if not form.as_:
        return None
    first = True

    def rendered(event: WatchEvent) -> WatchEvent:
        nonlocal first
        if event.type == "ERROR":
            return event
        objs = [event.object] if event.type != "BOOKMARK" or form.as_ != "Table" else []
        obj = _as(call, form, objs or [], event.object["metadata"])
        if form.as_ == "Table" and not first:
            obj = {**obj, "columnDefinitions": None}
        first = False
        return WatchEvent(event.type, obj)

    return rendered
