"""Bodies: from bytes of a content type to a value, within limits of size and depth.

Models apiserver pkg/endpoints/handlers/negotiation and the JSON and YAML serializers' refusals.
"""

from typing import Any, ClassVar

import orjson
import yaml

from kube_nb.api import protobuf
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request
from kube_nb.machinery.types import Obj

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
ACCEPTED = (JSON, YAML, PROTOBUF)
#: Upstream's --max-resource-write-bytes.
BODY_LIMIT_BYTES = 3 * 1024 * 1024
#: What a body gets that nests deeper than orjson (1,024 levels), libyaml or this program can follow.
#: Upstream's limit is 10,000 levels.
TOO_DEEP = "error decoding from json: json: exceeded max depth"
#: Values that a YAML document may grow to when its aliases are written out.
EXPANSION_LIMIT = 4_000_000
_SUMMARY = 30


#: What the loader raises by mistake, as for ``!!int`` of nothing.
_LOADERS_OWN = (IndexError, KeyError, AttributeError, OverflowError)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # whichever of the two there is
    """YAML as sigs.k8s.io/yaml reads it: dates stay strings."""

    yaml_implicit_resolvers: ClassVar = {
        first: [row for row in rows if row[0] != "tag:yaml.org,2002:timestamp"]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def content_type(request: Request) -> str:
    """The media type without its parameters; JSON if the client does not say."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() or JSON


def body(request: Request, accepted: tuple[str, ...] = ACCEPTED) -> Any:
    """The decoded body; 400, 413 or 415 if it cannot be. An in-kernel caller's value passes as it is."""
    raw = request.body
    if not isinstance(raw, bytes):
        return raw
    media_type = content_type(request)
    if media_type not in accepted:
        listed = ", ".join(accepted)
        raise errors.unsupported_media_type(
            f"the body of the request was in an unknown format - accepted media types include: {listed}"
        )
    if len(raw) > BODY_LIMIT_BYTES:
        raise errors.request_entity_too_large(f"limit is {BODY_LIMIT_BYTES}")
    if media_type == PROTOBUF:
        return _protobuf(raw)
    return _yaml(raw) if media_type.endswith("yaml") else _json(raw)


def obj(request: Request) -> Obj:
    """A body that must be an object."""
    value = body(request)
    if not isinstance(value, dict):
        found = {list: "array", str: "string", bool: "bool", type(None): "null"}.get(type(value), "number")
        if value is None and not request.body:
            raise errors.bad_request("the body of the request was empty")
        raise errors.bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal "
            f'{found} into Go value of type struct {{ APIVersion string "json:\\"apiVersion,omitempty\\""; '
            'Kind string "json:\\"kind,omitempty\\"" }'
        )
    return value


def of_kind(request: Request, kind: str) -> Obj:
    """A body that must be an object of this kind. Models transformDecodeError."""
    try:
        return obj(request)
    except errors.ApiError as error:
        if not error.message.startswith("couldn't get version/kind"):
            raise
        found = f"the object provided is unrecognized (must be of type {kind}): {error.message}"
        raise errors.bad_request(f"{found} ({_summary(request.body)})") from None


def _summary(body: object) -> str:
    """The beginning of a body, in hexadecimal if it does not look like JSON. Models summarizeData."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    start = raw[:_SUMMARY].decode(errors="replace") if raw[:1] == b"{" else raw[:_SUMMARY].hex()
    return f"{start} ..." if len(raw) > _SUMMARY else start


def _protobuf(raw: bytes) -> Obj:
    try:
        return protobuf.decode(raw)
    except protobuf.NotProtobuf as error:
        raise errors.bad_request(str(error)) from None


def _json(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error) or "ecursion limit" in str(error):
            raise errors.bad_request(TOO_DEEP) from None
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from None


def _yaml(raw: bytes) -> Any:
    try:
        value = yaml.load(raw, _Loader)
        if b"*" in raw and _size(value, {}) > EXPANSION_LIMIT:
            raise errors.bad_request("error converting YAML to JSON: yaml: document contains excessive aliasing")
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))  # aliases become copies
    except RecursionError:
        raise errors.bad_request(TOO_DEEP) from None
    except (yaml.YAMLError, ValueError, TypeError, *_LOADERS_OWN) as error:
        raise errors.bad_request(f"error converting YAML to JSON: yaml: {_one_line(error)}") from None


def _size(value: Any, known: dict[int, int]) -> int:
    """How many values a tree with shared branches unfolds to; known: those of the branches, by identity."""
    if not isinstance(value, (dict, list)):
        return 1
    size = known.get(id(value))
    if size is None:
        known[id(value)] = EXPANSION_LIMIT + 1  # a loop counts as too big
        parts = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = 1 + sum(_size(part, known) for part in parts)
    return size


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)
