import copy
import re

import pytest

from kube_nb.machinery import patch

DOC = {"a": {"b": [1, 2, 3], "c/d": "x"}, "n": None}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/e", "value": 1}, {"a": {"b": [1, 2, 3], "c/d": "x", "e": 1}, "n": None}),
        ({"op": "add", "path": "/a/b/-", "value": 4}, {"a": {"b": [1, 2, 3, 4], "c/d": "x"}, "n": None}),
        ({"op": "add", "path": "/a/b/1", "value": 9}, {"a": {"b": [1, 9, 2, 3], "c/d": "x"}, "n": None}),
        ({"op": "add", "path": "/a/b/-1", "value": 9}, {"a": {"b": [1, 2, 3, 9], "c/d": "x"}, "n": None}),
        ({"op": "remove", "path": "/a/c~1d"}, {"a": {"b": [1, 2, 3]}, "n": None}),
        ({"op": "remove", "path": "/a/b/0"}, {"a": {"b": [2, 3], "c/d": "x"}, "n": None}),
        ({"op": "replace", "path": "/a/b/2", "value": 0}, {"a": {"b": [1, 2, 0], "c/d": "x"}, "n": None}),
        ({"op": "replace", "path": "/a/new", "value": 0}, {"a": {"b": [1, 2, 3], "c/d": "x", "new": 0}, "n": None}),
        ({"op": "replace", "path": "", "value": {"z": 1}}, {"z": 1}),
        ({"op": "move", "from": "/a/b", "path": "/m"}, {"a": {"c/d": "x"}, "n": None, "m": [1, 2, 3]}),
        ({"op": "copy", "from": "/a/b/0", "path": "/m"}, {"a": {"b": [1, 2, 3], "c/d": "x"}, "n": None, "m": 1}),
        ({"op": "test", "path": "/a/b/0", "value": 1}, DOC),
        ({"op": "test", "path": "/missing", "value": None}, DOC),
    ],
)
def test_an_operation_changes_a_copy(operation, expected):
    before = copy.deepcopy(DOC)
    assert patch.json_patch.apply(DOC, [operation]) == expected
    assert before == DOC


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            {"op": "add", "path": "/x/y", "value": 1},
            'add operation does not apply: doc is missing path: "/x/y": missing value',
        ),
        (
            {"op": "remove", "path": "/x"},
            "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value",
        ),
        (
            {"op": "remove", "path": "/x/y"},
            'remove operation does not apply: doc is missing path: "/x/y": missing value',
        ),
        (
            {"op": "replace", "path": "/a/b/7", "value": 1},
            "replace operation does not apply: doc is missing key: /a/b/7: missing value",
        ),
        (
            {"op": "replace", "path": "/x/y", "value": 1},
            "replace operation does not apply: doc is missing path: /x/y: missing value",
        ),
        (
            {"op": "add", "path": "/a/b/9", "value": 1},
            "error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (
            {"op": "add", "path": "/a/b/x", "value": 1},
            "error in add for path: '/a/b/x': value was not a proper array index: 'x': "
            'strconv.Atoi: parsing "x": invalid syntax',
        ),
        ({"op": "test", "path": "/a/b/0", "value": True}, "testing value /a/b/0 failed: test failed"),
        ({"op": "test", "path": "/a/b/0", "value": 1.0}, "testing value /a/b/0 failed: test failed"),
        ({"op": "jump", "path": "/a"}, "Unexpected kind: jump"),
        ({"path": "/a"}, "Unexpected kind: unknown"),
        ({"op": "add", "value": 1}, "add operation failed to decode path: missing value"),
        (
            {"op": "move", "from": "/x/y", "path": "/a"},
            "move operation does not apply: doc is missing from path: /x/y: missing value",
        ),
        (
            {"op": "move", "path": "/a"},
            "move operation failed to decode from: operation, missing from field: missing value",
        ),
        (
            {"op": "copy", "from": "/a/b/5", "path": "/a"},
            "error in copy for from: '/a/b/5': Unable to access invalid index: 5: invalid index referenced",
        ),
    ],
)
def test_what_does_not_apply_is_told_in_upstreams_words(operation, message):
    with pytest.raises(patch.PatchError, match="^" + re.escape(message) + "$"):
        patch.json_patch.apply(DOC, [operation])


def test_a_patch_that_is_not_a_list_of_operations_is_refused():
    with pytest.raises(patch.PatchError, match="cannot unmarshal object into Go value"):
        patch.json_patch.apply(DOC, {"op": "add"})
    with pytest.raises(patch.PatchError, match="cannot unmarshal string into Go value"):
        patch.json_patch.apply(DOC, ["add"])


def test_untouched_parts_are_shared():
    patched = patch.json_patch.apply(DOC, [{"op": "add", "path": "/z", "value": 1}])
    assert patched["a"] is DOC["a"]
