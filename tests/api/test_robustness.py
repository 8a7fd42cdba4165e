"""Random objects of every kind's own schema go the whole way without an exception, and twice with one result."""

import random
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from kube_nb.api import defaults, schema, warnings
from kube_nb.api.kinds import Kind
from kube_nb.api.registry import Registry
from kube_nb.api.schema import Schema
from kube_nb.api.tables import table
from kube_nb.api.validation import validate
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REGISTRY = Registry.builtin()
KINDS = [kind for kind in REGISTRY.kinds() if "create" in kind.verbs]
WORDS = (
    "",
    "a",
    "web",
    "Web_1",
    "a/b",
    "/x",
    "..",
    "10.0.0.1",
    "::1",
    "10.0.0.0/8",
    "80%",
    "x%",
    "TCP",
    "None",
    "é" * 70,
)
WORDS += ("ClusterIP", "Exists", "In", "Always", "RollingUpdate", "Container", "Utilization", "Indexed", "*/5 * * * *")
NUMBERS = (-1, 0, 1, 80, 70000, 2147483647)
QUANTITIES = ("0", "1", "-1", "100m", "1Gi", "1.5", "2")
TIMES = ("2026-01-01T00:00:00Z", "2020-02-29T23:59:59Z")


def sample(found: Schema, stream: random.Random, depth: int) -> Any:
    """A random value of a schema."""
    match found.kind:
        case "object":
            chosen = [name for name in found.fields if stream.getrandbits(3) < (5 if depth < 3 else 2)]
            return {name: sample(found.fields[name], stream, depth + 1) for name in chosen} if depth < 12 else {}
        case "list":
            element = found.element()
            assert element is not None
            return [sample(element, stream, depth + 1) for _ in range(stream.choice((0, 1, 1, 2)))]
        case "map":
            element = found.element()
            assert element is not None
            keys = ("cpu", "memory", "a", "example.com/x", "-bad-")
            return {stream.choice(keys): sample(element, stream, depth + 1) for _ in range(stream.choice((0, 1, 2)))}
        case "any":
            return stream.choice(({}, {"a": [1]}, {"kind": "X"}))
    return scalar(found, stream)


def scalar(found: Schema, stream: random.Random) -> Any:
    name = found.go_type
    if name.startswith("int") or name == "float64":
        return stream.choice(NUMBERS)
    if name == "bool":
        return stream.choice((True, False))
    if name == "[]uint8":
        return stream.choice(("", "YQ==", "e30="))
    special = {
        "resource.Quantity": QUANTITIES,
        "v1.Time": TIMES,
        "v1.MicroTime": TIMES,
        "v1.Duration": ("1m0s", "0s"),
        "intstr.IntOrString": (*NUMBERS, *WORDS),
    }
    return stream.choice(special.get(name, WORDS))


def random_object(kind: Kind, stream: random.Random) -> Obj:
    found = schema.of_kind(kind)
    assert found is not None
    obj: Obj = sample(found, stream, 0)
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "a", "namespace": "b"}}


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_any_object_of_its_schema_is_answered(kind: Kind) -> None:
    found = schema.of_kind(kind)
    assert found is not None
    stream = random.Random(kind.plural)
    previous: Obj | None = None
    for _ in range(25):
        obj = random_object(kind, stream)
        before = orjson.dumps(obj)
        try:
            decoded, unknown = found.decode(obj)
        except ApiError:
            continue
        assert unknown == []
        stored = defaults.apply(kind, decoded)
        assert orjson.dumps(obj) == before
        assert found.decode(stored)[0] == stored
        assert defaults.apply(kind, stored) is stored
        validate(kind, stored)
        if previous is not None:
            validate(kind, stored, previous)
        warnings.of(kind, stored)
        table(kind, [stored], NOW)
        previous = stored


def test_wrong_types_anywhere_are_refused_never_passed_on() -> None:
    found = schema.of_kind(next(kind for kind in KINDS if kind.plural == "pods"))
    assert found is not None
    stream = random.Random(7)
    for _ in range(200):
        obj = random_object(next(kind for kind in KINDS if kind.plural == "pods"), stream)
        answer = decoded_or_refused(found, spoil(obj, stream))
        if isinstance(answer, ApiError):
            assert answer.code == 400
        else:
            assert found.decode(answer)[0] == answer


def decoded_or_refused(found: Schema, obj: Any) -> Obj | ApiError:
    try:
        return found.decode(obj)[0]
    except ApiError as error:
        return error


def spoil(value: Any, stream: random.Random) -> Any:
    """The value with something of another type somewhere inside."""
    if isinstance(value, dict) and value and stream.getrandbits(3):
        key = stream.choice(sorted(value))
        return {**value, key: spoil(value[key], stream)}
    if isinstance(value, list) and value and stream.getrandbits(3):
        return [spoil(value[0], stream), *value[1:]]
    return stream.choice((None, 1, 1.5, True, "x", [], {}, [1], {"a": 1}))
