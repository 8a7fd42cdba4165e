"""Requests that are wrong, as bytes over HTTPS: each is refused as upstream refuses it, and leaves nothing behind."""

import asyncio
import contextlib
import gc
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.apiserver.https import Https, at_walls_pace, listening
from tests.apiserver.serving import CONFIG_MAPS, DEPLOYMENTS, PATCHES, PODS, config_map, deployment

JSON = "application/json"
MAP = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"new"},"data":{"a":"b"}}'
RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


class Bad(NamedTuple):
    """A request, and its refusal: code, reason, a part of the message, the fields of its causes."""

    method: str
    path: str
    body: bytes
    code: int
    reason: str
    message: str
    causes: tuple[str, ...] = ()
    type: str = JSON
    accept: str = JSON


def named(name: str, namespace: str = "") -> bytes:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return orjson.dumps({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata})


NOT_FOUND = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"
TABLE = {
    # paths
    "an unknown path": Bad("GET", "/nope/nothing", b"", 404, "NotFound", NOT_FOUND),
    "an unknown resource": Bad("GET", "/api/v1/nopes", b"", 404, "NotFound", NOT_FOUND),
    "an unknown group": Bad("GET", "/apis/nope.example.com/v1/things", b"", 404, "NotFound", NOT_FOUND),
    "an unknown version": Bad("GET", "/apis/apps/v9/deployments", b"", 404, "NotFound", NOT_FOUND),
    "an unknown subresource": Bad("GET", f"{PODS}/web/nope", b"", 404, "NotFound", NOT_FOUND),
    "a name with a slash": Bad("GET", f"{CONFIG_MAPS}/kept/more", b"", 404, "NotFound", NOT_FOUND),
    "a name with %2F": Bad("GET", f"{CONFIG_MAPS}/kept%2Fmore", b"", 404, "NotFound", NOT_FOUND),
    "a path that climbs": Bad("GET", f"{CONFIG_MAPS}/..%2f..%2f..%2fsecrets", b"", 404, "NotFound", ""),
    "a verb that is not there": Bad(
        "PATCH", CONFIG_MAPS, b"{}", 405, "MethodNotAllowed", NOT_ALLOWED, (), PATCHES["merge"]
    ),
    "a method that nothing has": Bad("TRACE", CONFIG_MAPS, b"", 405, "MethodNotAllowed", NOT_ALLOWED),
    # bodies
    "another content type": Bad(
        "POST", CONFIG_MAPS, MAP, 415, "UnsupportedMediaType", "unknown format", (), "text/plain"
    ),
    "a patch without its type": Bad(
        "PATCH", f"{CONFIG_MAPS}/kept", b"{}", 415, "UnsupportedMediaType", "unknown format"
    ),
    "no body": Bad("POST", CONFIG_MAPS, b"", 400, "BadRequest", "empty"),
    "not JSON": Bad("POST", CONFIG_MAPS, b"{nope", 400, "BadRequest", "json parse error"),
    "a list": Bad("POST", CONFIG_MAPS, b"[]", 400, "BadRequest", "cannot unmarshal array into Go value"),
    "a number": Bad("POST", CONFIG_MAPS, b"7", 400, "BadRequest", "cannot unmarshal number into Go value"),
    "cut off in the middle": Bad("POST", CONFIG_MAPS, MAP[:40], 400, "BadRequest", "json parse error"),
    "10,000 levels": Bad("POST", CONFIG_MAPS, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "BadRequest", "max depth"),
    "10,000 levels of lists": Bad("POST", CONFIG_MAPS, b"[" * 10_000 + b"]" * 10_000, 400, "BadRequest", "max depth"),
    "10,000 levels of YAML": Bad("POST", CONFIG_MAPS, b"[" * 10_000, 400, "BadRequest", "", (), "application/yaml"),
    "10,000 levels in a patch": Bad(
        "PATCH",
        f"{CONFIG_MAPS}/kept",
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        400,
        "BadRequest",
        "",
        (),
        PATCHES["merge"],
    ),
    "twice the same key": Bad(
        "POST",
        f"{CONFIG_MAPS}?fieldValidation=Strict",
        MAP[:-1] + b',"data":{}}',
        400,
        "BadRequest",
        'duplicate field "data"',
    ),
    "an unknown field": Bad(
        "POST", f"{CONFIG_MAPS}?fieldValidation=Strict", MAP[:-1] + b',"x":1}', 400, "BadRequest", 'unknown field "x"'
    ),
    "bytes that are no UTF-8": Bad("POST", CONFIG_MAPS, MAP.replace(b"b", b"\xff\xfe"), 400, "BadRequest", ""),
    "four megabytes": Bad("POST", CONFIG_MAPS, b"x" * 4_000_000, 413, "RequestEntityTooLarge", "limit is 3145728"),
    "a bomb of aliases": Bad(
        "POST",
        CONFIG_MAPS,
        b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c, *%c]\n" % (n + 1, n + 1, n, n, n) for n in range(97, 117)),
        400,
        "BadRequest",
        "excessive aliasing",
        (),
        "application/yaml",
    ),
    "protobuf that is none": Bad(
        "POST", CONFIG_MAPS, b"nope", 400, "BadRequest", "", (), "application/vnd.kubernetes.protobuf"
    ),
    # meaning
    "another kind": Bad(
        "POST", CONFIG_MAPS, MAP.replace(b"ConfigMap", b"Secret"), 400, "BadRequest", "cannot be handled as a"
    ),
    "another version": Bad("POST", CONFIG_MAPS, MAP.replace(b'"v1"', b'"v2"'), 400, "BadRequest", "v2"),
    "no kind": Bad(
        "POST", CONFIG_MAPS, MAP.replace(b'"kind":"ConfigMap",', b""), 400, "BadRequest", "Object 'Kind' is missing"
    ),
    "another namespace": Bad(
        "POST",
        CONFIG_MAPS,
        named("new", "kube-system"),
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    ),
    "another name": Bad(
        "PUT", f"{CONFIG_MAPS}/kept", named("other"), 400, "BadRequest", "the name of the object (other) does not match"
    ),
    "an id of another namespace": Bad(
        "GET", "/api/v1/namespaces/kube-system/configmaps/kept", b"", 404, "NotFound", 'configmaps "kept" not found'
    ),
    "a namespace that is not there": Bad(
        "POST", CONFIG_MAPS.replace("default", "nope"), MAP, 404, "NotFound", 'namespaces "nope" not found'
    ),
    "a slash in the name": Bad("POST", CONFIG_MAPS, named("a/b"), 422, "Invalid", RULE, ("metadata.name",)),
    "a name of 254 bytes": Bad(
        "POST", CONFIG_MAPS, named("a" * 254), 422, "Invalid", "must be no more than 253", ("metadata.name",)
    ),
    "no name": Bad(
        "POST", CONFIG_MAPS, named(""), 422, "Invalid", "name or generateName is required", ("metadata.name",)
    ),
    "a name that is taken": Bad(
        "POST", CONFIG_MAPS, named("kept"), 409, "AlreadyExists", 'configmaps "kept" already exists'
    ),
    "a wrong type": Bad(
        "POST",
        CONFIG_MAPS,
        MAP.replace(b'{"a":"b"}', b"[1]"),
        400,
        "BadRequest",
        "json: cannot unmarshal array into Go struct field",
    ),
    "two faults": Bad(
        "PATCH",
        f"{DEPLOYMENTS}/kept",
        b'{"spec":{"replicas":-1,"minReadySeconds":-1}}',
        422,
        "Invalid",
        "must be greater than or equal to 0",
        ("spec.replicas", "spec.minReadySeconds"),
        PATCHES["merge"],
    ),
    "a stale version": Bad(
        "PUT",
        f"{CONFIG_MAPS}/kept",
        b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"kept","resourceVersion":"1"}}',
        409,
        "Conflict",
        "the object has been modified",
    ),
    # queries and headers
    "a form that nobody writes": Bad(
        "GET", CONFIG_MAPS, b"", 406, "NotAcceptable", "only the following media types", (), JSON, "text/html"
    ),
    "a limit that is none": Bad("GET", f"{CONFIG_MAPS}?limit=x", b"", 400, "BadRequest", 'parsing "x": invalid syntax'),
    "a label selector that is none": Bad(
        "GET", f"{CONFIG_MAPS}?labelSelector=a%20in", b"", 400, "BadRequest", "unable to parse requirement"
    ),
    "a field that is not selectable": Bad(
        "GET", f"{CONFIG_MAPS}?fieldSelector=data.a%3Db", b"", 400, "BadRequest", "field label not supported: data.a"
    ),
    "a continue token that is none": Bad(
        "GET", f"{CONFIG_MAPS}?continue=x", b"", 400, "BadRequest", "continue key is not valid"
    ),
    "a dry run of another sort": Bad("POST", f"{CONFIG_MAPS}?dryRun=Some", MAP, 422, "Invalid", "dryRun", ("dryRun",)),
}


async def send(server: Https, bad: Bad) -> tuple[int, Mapping[str, str], bytes]:
    """(status, headers, body), by hand: no client library makes such requests."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=server.authority.client_context("admin"), server_hostname="127.0.0.1"
    )
    head = f"{bad.method} {bad.path} HTTP/1.1\r\nHost: kubernetes\r\nAccept: {bad.accept}\r\nConnection: close\r\n"
    head += f"Content-Type: {bad.type}\r\nContent-Length: {len(bad.body)}\r\n\r\n"
    try:
        with contextlib.suppress(ConnectionError):  # a server may stop reading what is too long
            writer.write(head.encode() + bad.body)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    first, _, rest = answer.partition(b"\r\n")
    fields, _, body = rest.partition(b"\r\n\r\n")
    headers = dict(line.decode().lower().split(": ", 1) for line in fields.split(b"\r\n"))
    return int(first.split()[1]), headers, body


def faults_of(name: str, bad: Bad, status: int, body: bytes) -> list[str]:
    """What of an answer is not as the table has it."""
    assert b"Traceback" not in body, name
    try:
        found: Any = orjson.loads(body)
    except ValueError:
        return [f"{name}: {status} {body[:200]!r}"]
    causes = tuple(cause.get("field") for cause in (found.get("details") or {}).get("causes") or ())
    told = (status, found.get("code"), found.get("status"), found.get("kind"), found.get("reason"), causes)
    wanted = (bad.code, bad.code, "Failure", "Status", bad.reason, bad.causes)
    if told == wanted and bad.message in found["message"]:
        return []
    return [f"{name}: {told} {found.get('message', '')[:300]}"]


def test_each_is_refused_as_upstream_refuses_it_and_leaves_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            await server.api.create(CONFIG_MAPS, config_map("kept"))
            await server.api.create(DEPLOYMENTS, deployment("kept"))
            before = server.api.server.storage.revision
            faults: list[str] = []
            for name, bad in TABLE.items():
                status, _, body = await send(server, bad)
                faults += faults_of(name, bad, status, body)
            assert faults == []
            assert server.api.server.storage.revision == before

    at_walls_pace(story())


def test_a_body_that_never_comes_stores_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            before = server.api.server.storage.revision
            context = server.authority.client_context("admin")
            _, writer = await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=context, server_hostname="127.0.0.1"
            )
            head = (
                f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\nContent-Length: {len(MAP)}\r\n\r\n"
            )
            writer.write(head.encode() + MAP[:20])
            await writer.drain()
            status, _, _ = await send(server, Bad("GET", CONFIG_MAPS, b"", 200, "", ""))
            assert status == 200
            writer.transport.abort()
            await asyncio.sleep(0.05)
            assert server.api.server.storage.revision == before

    at_walls_pace(story())


def test_nothing_of_what_was_refused_stays_in_memory(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            big = [TABLE["four megabytes"], TABLE["10,000 levels"], TABLE["a wrong type"]]
            big.append(Bad("POST", CONFIG_MAPS, b'{"x":"' + b"y" * 2_000_000 + b'"', 400, "BadRequest", ""))
            for bad in big:
                await send(server, bad)
            gc.collect()
            tracemalloc.start()
            base = tracemalloc.get_traced_memory()[0]
            for bad in big * 3:
                await send(server, bad)
            await asyncio.sleep(0.05)
            gc.collect()
            kept = tracemalloc.get_traced_memory()[0] - base
            tracemalloc.stop()
            assert kept < 1_000_000

    at_walls_pace(story())
