import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.machinery import patch
from kube_nb.machinery.patch.types import same
from tests.machinery import openapi
from tests.machinery.openapi import Custom

ITEM = Custom("object", {"name": Custom(), "value": Custom(), "other": Custom()})
TYPE = Custom(
    "object",
    {
        "merging": Custom("list", items=ITEM, merge_key="name", patch_strategy=["merge"]),
        "replacing": Custom("list", items=ITEM),
        "words": Custom("list", items=Custom(), patch_strategy=["merge"]),
        "union": Custom("object", {"a": Custom(), "b": Custom()}, patch_strategy=["retainKeys"]),
        "whole": Custom("map", items=Custom(), patch_strategy=["replace"]),
        "labels": Custom("map", items=Custom()),
        "inner": Custom("object", {"words": Custom("list", items=Custom(), patch_strategy=["merge"])}),
        "number": Custom(),
    },
)


def item(name, **more):
    return {"name": name, **more}


@pytest.mark.parametrize(
    ("document", "change", "expected"),
    [
        pytest.param({"number": 1}, {"number": 2}, {"number": 2}, id="a scalar is replaced"),
        pytest.param({"number": 1}, {"number": None}, {}, id="null removes"),
        pytest.param({}, {"labels": {"a": None, "b": "x"}}, {"labels": {"b": "x"}}, id="nulls are not stored"),
        pytest.param(
            {"merging": [item("a", value=1), item("b")]},
            {"merging": [item("a", other=2)]},
            {"merging": [item("a", value=1, other=2), item("b")]},
            id="items merge by key",
        ),
        pytest.param(
            {"merging": [item("a")]},
            {"merging": [item("b")]},
            {"merging": [item("b"), item("a")]},
            id="a new item comes first unless an order is given",
        ),
        pytest.param(
            {"merging": [item("a")]},
            {"merging": [item("b")], "$setElementOrder/merging": [item("a"), item("b")]},
            {"merging": [item("a"), item("b")]},
            id="the order list orders",
        ),
        pytest.param(
            {"merging": [item("a"), item("server"), item("b")]},
            {"$setElementOrder/merging": [item("b"), item("a")]},
            {"merging": [item("server"), item("b"), item("a")]},
            id="the server's own items keep their place before those that followed them",
        ),
        pytest.param(
            {"merging": [item("a"), item("b")]},
            {"merging": [{"name": "a", "$patch": "delete"}]},
            {"merging": [item("b")]},
            id="an item is deleted by directive",
        ),
        pytest.param(
            {"merging": [item("a"), item("b")]},
            {"merging": [item("c"), {"$patch": "replace"}]},
            {"merging": [item("c")]},
            id="a list is replaced by directive",
        ),
        pytest.param(
            {"replacing": [item("a")]}, {"replacing": [item("b")]}, {"replacing": [item("b")]}, id="other lists replace"
        ),
        pytest.param({"words": ["a", "b"]}, {"words": ["c"]}, {"words": ["c", "a", "b"]}, id="words merge"),
        pytest.param(
            {"words": ["a", "b"]},
            {"$deleteFromPrimitiveList/words": ["a"]},
            {"words": ["b"]},
            id="words are deleted by list",
        ),
        pytest.param({}, {"$deleteFromPrimitiveList/words": ["a"]}, {}, id="nothing to delete from"),
        pytest.param(
            {"labels": {"a": "1"}},
            {"labels": {"$patch": "replace", "b": "2"}},
            {"labels": {"b": "2"}},
            id="map replace",
        ),
        pytest.param({"labels": {"a": "1"}}, {"labels": {"$patch": "delete"}}, {"labels": {}}, id="map delete"),
        pytest.param({"whole": {"a": "1"}}, {"whole": {"b": "2"}}, {"whole": {"b": "2"}}, id="replace strategy"),
        pytest.param(
            {"union": {"a": 1}}, {"union": {"$retainKeys": ["b"], "b": 2}}, {"union": {"b": 2}}, id="keys are retained"
        ),
        pytest.param({"number": 1}, {"number": {"odd": 1}}, {"number": {"odd": 1}}, id="a changed type replaces"),
        pytest.param(
            {},
            {"merging": [item("a", value=None), {"name": "b", "$patch": "delete"}]},
            {"merging": [item("a")]},
            id="directives in an added list are obeyed",
        ),
    ],
)
def test_a_strategic_patch_applies(document, change, expected):
    before = copy.deepcopy((document, change))
    assert patch.strategic.apply(document, change, TYPE) == expected
    assert (document, change) == before


@pytest.mark.parametrize(
    ("document", "change", "message"),
    [
        (
            {"merging": [item("a")]},
            {"merging": [{"value": 1}]},
            "map: map[value:1] does not contain declared merge key: name",
        ),
        ({"labels": {}}, {"labels": {"$patch": "burn"}}, "unknown patch type: burn in map: map[$patch:burn]"),
        ({"union": {}}, {"union": {"$retainKeys": ["a"], "b": 1}}, "patch content doesn't match retainKeys list"),
        ({"words": ["a"]}, {"words": [1]}, "list element types are not identical: [[a] [1]]"),
        ({"words": [["a"]]}, {"words": [["b"]]}, "lists of lists are not supported"),
        (
            {"merging": [item("a")]},
            {"merging": [item("b")], "$setElementOrder/merging": [item("a")]},
            "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
        ({}, {"$setElementOrder": []}, "invalid patch format of setElementOrder list"),
    ],
)
def test_a_wrong_strategic_patch_is_refused_in_upstreams_words(document, change, message):
    with pytest.raises(patch.PatchError, match="^" + re.escape(message) + "$"):
        patch.strategic.apply(document, change, TYPE)


@pytest.mark.parametrize(
    ("original", "modified", "expected"),
    [
        pytest.param({"number": 1}, {"number": 1}, {}, id="nothing"),
        pytest.param(
            {"number": 1}, {"labels": {"a": "b"}}, {"number": None, "labels": {"a": "b"}}, id="add and remove"
        ),
        pytest.param(
            {"merging": [item("a", value=1), item("b")]},
            {"merging": [item("a", value=2), item("c")]},
            {
                "merging": [item("a", value=2), item("c"), {"name": "b", "$patch": "delete"}],
                "$setElementOrder/merging": [item("a"), item("c")],
            },
            id="items",
        ),
        pytest.param(
            {"merging": [item("a"), item("b")]},
            {"merging": [item("b"), item("a")]},
            {"$setElementOrder/merging": [item("b"), item("a")]},
            id="order alone",
        ),
        pytest.param(
            {"words": ["a", "b"]},
            {"words": ["b", "c"]},
            {"words": ["c"], "$deleteFromPrimitiveList/words": ["a"], "$setElementOrder/words": ["b", "c"]},
            id="words",
        ),
        pytest.param(
            {"union": {"a": 1}},
            {"union": {"b": 2}},
            {"union": {"$retainKeys": ["b"], "a": None, "b": 2}},
            id="retained keys",
        ),
        pytest.param({"replacing": [item("a")]}, {"replacing": []}, {"replacing": []}, id="other lists"),
        pytest.param({"merging": []}, {"merging": [item("a")]}, {"merging": [item("a")]}, id="from an empty list"),
    ],
)
def test_a_difference_is_what_upstream_computes(original, modified, expected):
    assert patch.strategic.diff(original, modified, TYPE) == expected


def by_name(items):
    return list({each["name"]: each for each in items}.values())


scalar = st.sampled_from([0, 1, True, "x"])
items = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcd")}, optional={"value": scalar, "other": scalar}), max_size=4
).map(by_name)
words = st.lists(st.sampled_from("pqrs"), unique=True, max_size=4)
documents = st.fixed_dictionaries(
    {},
    optional={
        "merging": items.filter(bool),
        "replacing": items,
        "words": words.filter(bool),
        "union": st.dictionaries(st.sampled_from("ab"), scalar, min_size=1),
        "whole": st.dictionaries(st.sampled_from("ab"), scalar),
        "labels": st.dictionaries(st.sampled_from("ab"), scalar),
        "inner": st.fixed_dictionaries({"words": words.filter(bool)}),
        "number": scalar,
    },
)


@given(documents, documents)
def test_a_difference_applied_gives_the_modified_document(original, modified):
    change = patch.strategic.diff(original, modified, TYPE)
    assert same(patch.strategic.apply(original, change, TYPE), modified)


@given(documents, documents)
def test_applying_a_difference_twice_is_as_good_as_once(original, modified):
    change = patch.strategic.diff(original, modified, TYPE)
    once = patch.strategic.apply(original, change, TYPE)
    assert same(patch.strategic.apply(once, change, TYPE), once)


@given(documents, documents)
def test_three_ways_without_others_give_the_modified_document(original, modified):
    change = patch.strategic.three_way(original, modified, original, TYPE)
    assert same(patch.strategic.apply(original, change, TYPE), modified)


def test_three_ways_keep_what_others_added_and_remove_what_was_dropped():
    original = {"merging": [item("a"), item("gone")], "labels": {"mine": "1", "old": "1"}}
    modified = {"merging": [item("a", value=2)], "labels": {"mine": "2"}}
    current = {
        "merging": [item("sidecar"), item("a"), item("gone")],
        "labels": {"mine": "1", "old": "1", "theirs": "1"},
    }
    change = patch.strategic.three_way(original, modified, current, TYPE)
    assert change == {
        "merging": [item("a", value=2), {"name": "gone", "$patch": "delete"}],
        "$setElementOrder/merging": [item("a")],
        "labels": {"mine": "2", "old": None},
    }
    assert patch.strategic.apply(current, change, TYPE) == {
        "merging": [item("sidecar"), item("a", value=2)],
        "labels": {"mine": "2", "theirs": "1"},
    }


def deployment(image, **container):
    containers = [{"name": "web", "image": image, **container}]
    return {"spec": {"replicas": 2, "template": {"spec": {"containers": containers}}}}


def test_a_published_type_merges_containers_by_name_and_ports_by_number():
    schema = openapi.kind("apps.v1.Deployment")
    live = deployment("nginx:1.25", ports=[{"containerPort": 80, "protocol": "TCP"}], imagePullPolicy="Always")
    change = patch.strategic.three_way(deployment("nginx:1.25"), deployment("nginx:1.26"), live, schema)
    patched = patch.strategic.apply(live, change, schema)
    assert patched == deployment(
        "nginx:1.26", ports=[{"containerPort": 80, "protocol": "TCP"}], imagePullPolicy="Always"
    )
    assert (
        patched["spec"]["template"]["spec"]["containers"][0]["ports"]
        is (live["spec"]["template"]["spec"]["containers"][0]["ports"])
    )
