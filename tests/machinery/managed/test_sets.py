import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.machinery.managed import sets
from tests.machinery import openapi

steps = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1"])
members = st.frozensets(st.lists(steps, min_size=1, max_size=4).map(tuple), max_size=8)


def made(paths):
    return sets.of_paths(*sorted(paths))


@given(members)
def test_a_set_holds_the_paths_it_was_made_of(paths):
    fields = made(paths)
    assert set(sets.paths(fields)) == paths
    assert all(sets.has(fields, path) for path in paths)


@given(members, members)
def test_the_algebra_is_that_of_sets_of_paths(first, second):
    a, b = made(first), made(second)
    before = copy.deepcopy((a, b))
    assert set(sets.paths(sets.union(a, b))) == first | second
    assert set(sets.paths(sets.difference(a, b))) == first - second
    assert set(sets.paths(sets.intersection(a, b))) == first & second
    below = {path for path in first if not any(path[: len(other)] == other for other in second)}
    assert set(sets.paths(sets.without(a, b))) == below
    assert (a, b) == before


@given(members, members)
def test_equal_sets_are_equal_in_wire_form(first, second):
    assert sets.union(made(first), made(second)) == made(first | second)
    assert sets.difference(made(first), made(second)) == made(first - second)
    assert sets.without(made(first), made(second)) == made(set(sets.paths(sets.without(made(first), made(second)))))


@given(members)
def test_what_does_not_change_is_the_very_same(paths):
    fields = made(paths)
    assert sets.union(fields, fields) is fields
    assert sets.difference(fields, {"f:other": {}}) is fields
    assert sets.without(fields, {"f:other": {}}) is fields


@given(members, members)
def test_elements_stand_in_order(first, second):
    def in_order(node):
        return list(node) == sorted(node) and all(map(in_order, node.values()))

    assert in_order(sets.union(made(first), made(second)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), ".spec.replicas"),
        (("f:spec", "f:containers", 'k:{"name":"web"}', "f:image"), '.spec.containers[name="web"].image'),
        (("f:ports", 'k:{"containerPort":80,"protocol":"TCP"}'), '.ports[containerPort=80,protocol="TCP"]'),
        (("f:metadata", "f:finalizers", 'v:"kubernetes"'), '.metadata.finalizers[="kubernetes"]'),
        (("f:list", "i:3"), ".list[3]"),
    ],
)
def test_paths_are_shown_as_upstream_shows_them(path, text):
    assert sets.text(path) == text


def test_named_fields_become_members_and_items_do_not():
    fields = sets.of_paths(("f:spec", "f:containers", 'k:{"name":"web"}', "f:image"))
    assert sets.with_named(fields, openapi.kind("core.v1.Pod")) == {
        "f:spec": {".": {}, "f:containers": {".": {}, 'k:{"name":"web"}': {"f:image": {}}}}
    }
