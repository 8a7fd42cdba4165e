"""Anything at all as YAML, patch, selector or quantity: a value or the typed error; what was given stays as it was."""

import contextlib
import copy
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kube_nb.apiserver import decode
from kube_nb.machinery import fields, labels, patch, quantity
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Request
from tests.machinery import openapi

POD = openapi.kind("core.v1.Pod")
SERVICE = openapi.kind("core.v1.Service")
fuzz = settings(max_examples=150, deadline=None, derandomize=True, database=None)

_KEYS = st.sampled_from(
    [
        *("metadata", "labels", "spec", "containers", "ports", "name", "port", "protocol", "env", "volumes", "data"),
        *("$patch", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers", "$retainKeys", "finalizers"),
        *("$setElementOrder/ports", "strategy", "", "a/b", "~", "-", "0"),
    ]
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["delete", "replace", "merge", "main", "TCP", "", "80", "x"])
    | st.text(max_size=4)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    _LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(_KEYS, part, max_size=4), max_leaves=12
)
objects = st.dictionaries(_KEYS, json_values, max_size=4)
_POINTERS = st.lists(_KEYS | st.sampled_from(["-1", "1", "~1", "01"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"])},
        optional={"path": _POINTERS | st.text(max_size=3) | json_values, "from": _POINTERS, "value": json_values},
    )
    | json_values,
    max_size=5,
)


@fuzz
@given(json_values, operations | json_values)
@example({"a": [1]}, [{"op": "add", "path": "/a/99999999999999999999", "value": 1}])
def test_a_json_patch(document: Any, made: Any) -> None:
    before = copy.deepcopy((document, made))
    with contextlib.suppress(patch.PatchError):
        orjson.dumps(patch.json_patch.apply(document, made))
    assert (document, made) == before


@fuzz
@given(json_values, json_values)
def test_a_merge_patch(document: Any, made: Any) -> None:
    before = copy.deepcopy((document, made))
    with contextlib.suppress(patch.PatchError):
        orjson.dumps(patch.merge.apply(document, made))
    assert (document, made) == before


@fuzz
@given(objects, objects, st.sampled_from([POD, SERVICE, None]))
def test_a_strategic_merge_patch(document: Any, made: Any, schema: Any) -> None:
    before = copy.deepcopy((document, made))
    with contextlib.suppress(patch.PatchError):
        orjson.dumps(patch.strategic.apply(document, made, schema))
    assert (document, made) == before


_PIECES = st.sampled_from(
    [
        *("a", "b", "x.y/z", "in", "notin", "(", ")", ",", "=", "==", "!=", "!", ">", "<", " ", "1", "metadata.name"),
        *("\\", "\\,", "\\=", "", "é", "\x00", "spec.nodeName"),
    ]
)
texts = st.lists(_PIECES, max_size=10).map("".join) | st.text(max_size=12)


@fuzz
@given(texts)
def test_a_selector(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(labels.parse(text).matches({"a": "1", "x.y/z": "b"}), bool)
    with contextlib.suppress(ValueError):
        fields.parse(text)


@fuzz
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
            "matchExpressions": st.lists(
                st.fixed_dictionaries(
                    {
                        "key": st.sampled_from(["a", "A/b", "", "é"]),
                        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", ""]),
                    },
                    optional={"values": st.lists(st.sampled_from(["", "b", "-", "1"]), max_size=2)},
                ),
                max_size=2,
            ),
        },
    )
)
def test_a_label_selector(selector: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(labels.from_label_selector(selector).matches({"a": "b"}), bool)


@fuzz
@given(
    st.lists(
        st.sampled_from([*"0123456789.+-eE", *"mkMGTPnu", "Ki", "Mi", "Ei", " ", "é", "٣", "1" * 30]), max_size=8
    ).map("".join)
    | st.text(max_size=8)
)
def test_a_quantity(text: str) -> None:
    with contextlib.suppress(ValueError):
        found = quantity.parse(text)
        assert quantity.parse(str(found)) == found
        assert isinstance(found.value(), int)


_YAML = st.sampled_from(
    [
        *(
            "a",
            "b",
            ":",
            ": ",
            "-",
            "- ",
            "\n",
            "  ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&x ",
            "*x",
            "!!int ",
            "!!python/object:os ",
            "|",
        ),
        *(
            ">",
            "'",
            '"',
            "#",
            "%",
            "---\n",
            "...\n",
            "<<: ",
            "? ",
            "1",
            "0x1",
            ".nan",
            ".inf",
            "2020-01-01",
            "~",
            "null",
            "yes",
        ),
        *("=", "\t", "\\u0000", "é", "1_000", "0o7", "1:2:3", "kind: Pod", "\ufeff", "\x85"),
    ]
)


@fuzz
@given(st.lists(_YAML, max_size=16).map("".join).map(str.encode) | st.binary(max_size=24))
@example(b"!!int ")
@example(b"{.nan: .inf}")
@example(b"? [a, b]\n: 1")
@example(b"a: !!binary x")
def test_a_body_of_yaml_or_json(body: bytes) -> None:
    for media_type in ("application/yaml", "application/json", "application/vnd.kubernetes.protobuf"):
        request = Request("POST", "/", {}, {"content-type": media_type}, body)
        try:
            orjson.dumps(decode.body(request))
        except ApiError as error:
            refused = error.code in (400, 413, 415) and bool(error.message)
            if not refused:
                raise
