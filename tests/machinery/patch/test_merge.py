import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.machinery import patch
from kube_nb.machinery.patch.types import same

scalars = st.one_of(st.booleans(), st.integers(0, 3), st.sampled_from(["", "x", "y"]))
keys = st.sampled_from("abcd")
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner)), max_leaves=8
)
documents = st.dictionaries(keys, values)


@pytest.mark.parametrize(
    ("document", "change", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386_hold(document, change, expected):
    before = copy.deepcopy(document)
    assert patch.merge.apply(document, change) == expected
    assert document == before


@given(documents, documents)
def test_a_difference_applied_gives_the_new_document(old, new):
    assert same(patch.merge.apply(old, patch.merge.diff(old, new)), new)


@given(documents)
def test_equal_documents_have_no_difference_and_applying_nothing_copies_nothing(document):
    assert patch.merge.diff(document, copy.deepcopy(document)) == {}
    assert patch.merge.apply(document, {}) is document


def test_three_ways_keep_what_others_added():
    original = {"spec": {"a": 1, "b": 1}}
    modified = {"spec": {"a": 2}}
    current = {"spec": {"a": 1, "b": 1, "others": 1}}
    change = patch.merge.three_way(original, modified, current)
    assert change == {"spec": {"b": None, "a": 2}}
    assert patch.merge.apply(current, change) == {"spec": {"a": 2, "others": 1}}


@given(documents, documents)
def test_three_ways_without_others_give_the_modified_document(original, modified):
    change = patch.merge.three_way(original, modified, original)
    assert same(patch.merge.apply(original, change), modified)
