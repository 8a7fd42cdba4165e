"""The JSON gateway and the HTTP endpoints beside the gRPC API, on the same port: requests in, answers out, no I/O.

A POST to one of `ROUTES` is the method behind it with its messages as JSON: bytes in base 64, 64-bit numbers as decimal
strings, enums by name, fields that are zero left out; a stream is a line for each message. GET `/version`, `/health`,
`/livez`, `/readyz` and `/metrics` tell how the member does (`wire.health`).

Models server/embed/serve.go, grpc-gateway's runtime and server/etcdserver/api/etcdhttp. Differs: a request is read
whole before it is looked at; texts of JSON that cannot be read are our own; `/debug` and `/config` are not there.
"""

import json
import string
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from google.protobuf import json_format

from kube_nb.etcd.errors import Code, EtcdError
from kube_nb.etcd.wire.calls import Context, Kind, Method
from kube_nb.etcd.wire.health import Health

#: Path to gRPC method. Facts of the API (etcd's rpc.proto, google.api.http).
ROUTES = {
    f"/v3/{path}": f"/{service}/{method}".encode()
    for service, paths in {
        "etcdserverpb.KV": {
            "kv/range": "Range",
            "kv/put": "Put",
            "kv/deleterange": "DeleteRange",
            "kv/txn": "Txn",
            "kv/compaction": "Compact",
        },
        "etcdserverpb.Watch": {"watch": "Watch"},
        "etcdserverpb.Lease": {
            "lease/grant": "LeaseGrant",
            "lease/revoke": "LeaseRevoke",
            "kv/lease/revoke": "LeaseRevoke",
            "lease/keepalive": "LeaseKeepAlive",
            "lease/timetolive": "LeaseTimeToLive",
            "kv/lease/timetolive": "LeaseTimeToLive",
            "lease/leases": "LeaseLeases",
            "kv/lease/leases": "LeaseLeases",
        },
        "etcdserverpb.Cluster": {
            f"cluster/member/{verb}": f"Member{verb.title()}" for verb in ("add", "remove", "update", "list", "promote")
        },
        "etcdserverpb.Maintenance": {
            "maintenance/alarm": "Alarm",
            "maintenance/status": "Status",
            "maintenance/defragment": "Defragment",
            "maintenance/hash": "Hash",
            "maintenance/hashkv": "HashKV",
            "maintenance/snapshot": "Snapshot",
            "maintenance/transfer-leadership": "MoveLeader",
        },
        "etcdserverpb.Auth": {
            "auth/enable": "AuthEnable",
            "auth/disable": "AuthDisable",
            "auth/status": "AuthStatus",
            "auth/authenticate": "Authenticate",
            "auth/user/add": "UserAdd",
            "auth/user/get": "UserGet",
            "auth/user/list": "UserList",
            "auth/user/delete": "UserDelete",
            "auth/user/changepw": "UserChangePassword",
            "auth/user/grant": "UserGrantRole",
            "auth/user/revoke": "UserRevokeRole",
            "auth/role/add": "RoleAdd",
            "auth/role/get": "RoleGet",
            "auth/role/list": "RoleList",
            "auth/role/delete": "RoleDelete",
            "auth/role/grant": "RoleGrantPermission",
            "auth/role/revoke": "RoleRevokePermission",
        },
        "v3lockpb.Lock": {"lock/lock": "Lock", "lock/unlock": "Unlock"},
        "v3electionpb.Election": {
            f"election/{verb}": verb.title() for verb in ("campaign", "proclaim", "leader", "observe", "resign")
        },
    }.items()
    for path, method in paths.items()
}
#: The HTTP status of a gRPC code (grpc-gateway's HTTPStatusFromCode); all others are 500.
_STATUS = {
    Code.CANCELED: 408,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.PERMISSION_DENIED: 403,
    Code.UNAUTHENTICATED: 401,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 412,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
}
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/")
_CORS = {
    "Access-Control-Allow-Headers": "accept, content-type, authorization",
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
    "Access-Control-Allow-Origin": "*",
}


class Request(NamedTuple):
    """target: path and query. headers: by name in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    common_name: str = ""


class Answer(NamedTuple):
    """body: all of it, or its pieces as they come."""

    status: int
    headers: dict[str, str]
    body: bytes | AsyncGenerator[bytes, None]


class Gateway:
    """The methods of a server as JSON over HTTP, and its health."""

    def __init__(self, methods: Mapping[bytes, Method], health: Health) -> None:
        self._methods = methods
        self._health = health

    async def answer(self, request: Request) -> Answer:
        url = urlsplit(request.target)
        if request.method == "OPTIONS":
            return Answer(200, _CORS, b"")
        if url.path.startswith("/v3/"):
            return await self._call(request, url.path)
        told = await self._health.answer(request.method, url.path, parse_qs(url.query, keep_blank_values=True))
        return Answer(told.status, {**_CORS, **told.headers}, told.body)

    async def _call(self, request: Request, path: str) -> Answer:
        name = ROUTES.get(path)
        if name is None:
            return _plain(404, "Not Found")
        if request.method != "POST":
            return _plain(405, "Method Not Allowed")
        method = self._methods[name]
        context = Context(
            [(key.encode(), value.encode()) for key, value in request.headers.items()], request.common_name
        )
        try:
            messages = _messages(method.request, request.body)
            if method.kind is Kind.UNARY:
                response = await method.function(messages[0] if messages else method.request(), context)
                return _json(200, _text(response))
            given: Any = _each(messages) if method.kind is Kind.STREAM else (messages or [method.request()])[0]
            return await _streamed(method.function(given, context))
        except EtcdError as error:
            return _json(_STATUS.get(error.code, 500), _refusal(error))


def _messages(request: Any, body: bytes) -> list[Any]:
    """The JSON values of a body, one after the other, as messages; EtcdError for what is none."""
    text = body.decode(errors="replace")
    decoder = json.JSONDecoder()
    found, place = [], 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        try:
            value, place = decoder.raw_decode(text, place)
            _check(value, request.DESCRIPTOR)
            found.append(json_format.ParseDict(value, request(), ignore_unknown_fields=True))
        except json.JSONDecodeError as error:
            cut = error.pos >= len(text.rstrip())
            raise EtcdError("unexpected EOF" if cut else str(error), Code.INVALID_ARGUMENT) from None
        except (json_format.ParseError, AttributeError, TypeError) as error:
            raise EtcdError(str(error), Code.INVALID_ARGUMENT) from None
    return found


def _check(value: Any, descriptor: Any) -> None:
    """Refuse what the parser would pass over: enums by names that they do not have, bytes that are no base 64."""
    if not isinstance(value, dict):
        return
    by_name = {**descriptor.fields_by_name, **descriptor.fields_by_camelcase_name}
    for name, given in value.items():
        field = by_name.get(name)
        for each in given if isinstance(given, list) else [given]:
            if field is None or each is None:
                continue
            if field.message_type is not None:
                _check(each, field.message_type)
            elif field.enum_type is not None and isinstance(each, str):
                _check_enum(each, field.enum_type)
            elif field.type == field.TYPE_BYTES and isinstance(each, str):
                _check_base64(each)


def _check_enum(name: str, enum: Any) -> None:
    if name not in enum.values_by_name:
        known_as = f"etcdserverpb.{enum.full_name.removeprefix('kube_nb.etcd.').replace('.', '_')}"
        raise EtcdError(f'unknown value "{name}" for enum {known_as}', Code.INVALID_ARGUMENT)


def _check_base64(text: str) -> None:
    kept = text.rstrip("=")
    odd = next((place for place, char in enumerate(kept) if char not in _BASE64), None)
    if odd is None and len(text) % 4 and len(kept) % 4:
        odd = len(text) - len(text) % 4
    if odd is not None:
        raise EtcdError(f"illegal base64 data at input byte {odd}", Code.INVALID_ARGUMENT)


async def _each(messages: list[Any]) -> AsyncIterator[Any]:
    for message in messages:
        yield message


async def _streamed(responses: AsyncIterator[Any]) -> Answer:
    """A line for each response. A refusal before the first one is the answer's status."""
    try:
        first = await anext(responses)
    except StopAsyncIteration:
        return Answer(200, {**_CORS, "Content-Type": "application/json"}, b"")

    async def lines() -> AsyncGenerator[bytes, None]:
        try:
            yield b'{"result":' + _text(first) + b"}\n"
            async for response in responses:
                yield b'{"result":' + _text(response) + b"}\n"
        except EtcdError as error:
            status = _STATUS.get(error.code, 500)
            told = {"grpc_code": int(error.code), "http_code": status, "message": error.message}
            yield json.dumps({"error": told}, separators=(",", ":")).encode() + b"\n"
        finally:
            close: Any = getattr(responses, "aclose", None)
            if close is not None:
                await close()

    return Answer(200, {**_CORS, "Content-Type": "application/json"}, lines())


def _text(message: Any) -> bytes:
    value = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _refusal(error: EtcdError) -> bytes:
    told = {"error": error.message, "message": error.message, "code": int(error.code)}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def _json(status: int, body: bytes) -> Answer:
    of_grpc = {"Grpc-Metadata-Content-Type": "application/grpc"} if status == 200 else {}
    return Answer(status, {**_CORS, "Content-Type": "application/json", **of_grpc}, body)


def _plain(status: int, text: str) -> Answer:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return Answer(status, {**_CORS, **headers}, text.encode() + b"\n")
