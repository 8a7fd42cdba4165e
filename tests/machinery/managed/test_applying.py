import contextlib
import copy

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kube_nb.machinery import managed
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.managed import sets, typed
from kube_nb.machinery.managed.comparing import compare
from tests.machinery.managed.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    bare,
    config_map,
    deployment,
    owners,
    rows,
    stored,
    times,
)
from tests.machinery.openapi import Custom

WEB = {"name": "web", "image": "nginx"}
SIDE = {"name": "side", "image": "envoy"}


def applied(live, obj, manager="me", schema=DEPLOYMENT, now="t1", **options):
    return stored(managed.apply(live, obj, manager, schema=schema, now=now, **options))


def test_the_first_apply_creates_and_owns_just_what_it_says():
    obj = applied(None, deployment(3, {"app": "web"}, [WEB]))
    assert bare(obj) == deployment(3, {"app": "web"}, [WEB])
    assert rows(obj) == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": "t1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:template": {
                        "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}}}}
                    },
                },
            },
        }
    ]


def test_a_conflict_names_the_manager_and_the_field():
    live = stored(managed.update(None, deployment(3), "kubectl-client-side-apply", schema=DEPLOYMENT, now="t0"))
    with pytest.raises(ApiError) as raised:
        applied(live, deployment(5))
    assert raised.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
    )
    assert (raised.value.code, raised.value.reason) == (409, "Conflict")
    assert raised.value.details == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl-client-side-apply" using apps/v1',
                "field": ".spec.replicas",
            }
        ]
    }


def test_conflicts_with_several_managers_are_listed_by_manager():
    live = applied(None, deployment(3, {"app": "web"}), "alice")
    live = managed.update(
        live,
        {**live, "spec": {**live["spec"], "paused": True}},
        "bob",
        schema=DEPLOYMENT,
        now="t2",
        subresource="scale",
    )
    with pytest.raises(ApiError) as raised:
        applied(live, deployment(5, {"app": "db"}, paused=False), "carol")
    assert raised.value.message == (
        'Apply failed with 3 conflicts: conflicts with "alice":\n- .metadata.labels.app\n- .spec.replicas\n'
        'conflicts with "bob" with subresource "scale" using apps/v1:\n- .spec.paused'
    )


def test_forcing_takes_the_field_over():
    live = applied(None, deployment(3, {"app": "web"}), "alice")
    new = applied(live, deployment(5), "bob", now="t2", force=True)
    assert new["spec"]["replicas"] == 5
    assert owners(new) == {
        ("alice", "Apply"): {"f:metadata": {"f:labels": {"f:app": {}}}},
        ("bob", "Apply"): {"f:spec": {"f:replicas": {}}},
    }
    assert times(new) == {"alice": "t1", "bob": "t2"}


def test_applying_the_same_value_shares_the_field():
    live = applied(None, deployment(3), "alice")
    new = applied(live, deployment(3), "bob", now="t2")
    assert owners(new) == {
        ("alice", "Apply"): {"f:spec": {"f:replicas": {}}},
        ("bob", "Apply"): {"f:spec": {"f:replicas": {}}},
    }
    assert bare(new) == bare(live)


def test_a_shared_field_survives_one_owner_giving_it_up():
    live = applied(
        applied(None, config_map({"k": "v", "mine": "v"}), "alice", CONFIG_MAP),
        config_map({"k": "v"}),
        "bob",
        CONFIG_MAP,
    )
    new = applied(live, config_map({"mine": "v"}), "alice", CONFIG_MAP)
    assert new["data"] == {"k": "v", "mine": "v"}
    gone = applied(new, config_map(), "bob", CONFIG_MAP)
    assert gone["data"] == {"mine": "v"}


def test_a_field_dropped_from_the_configuration_is_removed():
    live = applied(None, deployment(3, {"app": "web", "tier": "front"}, [WEB, SIDE]))
    new = applied(live, deployment(3, {"app": "web"}, [WEB]), now="t2")
    assert bare(new) == deployment(3, {"app": "web"}, [WEB])


def test_a_dropped_field_that_an_updater_owns_stays():
    live = applied(None, deployment(3, {"app": "web"}))
    live = managed.update(
        live, {**live, "spec": {"replicas": 7}}, "autoscaler", schema=DEPLOYMENT, now="t2", subresource="scale"
    )
    new = applied(live, deployment(labels={"app": "web"}), now="t3")
    assert new["spec"]["replicas"] == 7
    assert owners(new)[("autoscaler", "Update")] == {"f:spec": {"f:replicas": {}}}


def test_dropping_the_last_key_removes_the_map():
    live = applied(None, deployment(3, {"app": "web"}))
    assert bare(applied(live, deployment(3))) == deployment(3)


def test_what_nobody_owns_is_not_removed_with_its_parent():
    live = applied(None, deployment(3, containers=[WEB]))
    container = {**WEB, "imagePullPolicy": "Always"}
    live = {**live, "spec": deployment(3, containers=[container])["spec"]}
    new = applied(live, deployment(3, containers=[{"name": "web"}]))
    assert new["spec"]["template"]["spec"]["containers"] == [{"name": "web", "imagePullPolicy": "Always"}]
    gone = applied(live, deployment(3))
    assert "template" not in gone["spec"]


def test_an_item_that_another_manager_has_fields_in_stays_with_those():
    live = applied(None, deployment(containers=[WEB]), "alice")
    live = applied(live, deployment(containers=[{"name": "web", "workingDir": "/srv"}]), "bob")
    new = applied(live, deployment(3), "alice")
    assert new["spec"]["template"]["spec"]["containers"] == [{"name": "web", "workingDir": "/srv"}]


def test_an_apply_without_a_change_returns_an_equal_object_and_moves_no_time():
    live = applied(None, deployment(3, {"app": "web"}, [WEB]))
    assert managed.apply(live, deployment(3, {"app": "web"}, [WEB]), "me", schema=DEPLOYMENT, now="t9") is live


def test_a_null_creation_timestamp_is_not_meant():
    live = stored(applied(None, deployment(3)))
    live = {**live, "metadata": {**live["metadata"], "creationTimestamp": "t"}}
    config = deployment(3)
    config["metadata"]["creationTimestamp"] = None
    assert managed.apply(live, config, "me", schema=DEPLOYMENT, now="t9") is live


def test_objects_that_were_never_tracked_belong_to_before_first_apply():
    new = applied(stored(config_map({"a": "1", "b": "1"})), config_map({"a": "1", "c": "1"}), schema=CONFIG_MAP)
    assert owners(new) == {
        ("before-first-apply", "Update"): {"f:data": {".": {}, "f:a": {}, "f:b": {}}},
        ("me", "Apply"): {"f:data": {"f:a": {}, "f:c": {}}},
    }
    with pytest.raises(ApiError, match=r'conflict with "before-first-apply" using v1: \.data\.a'):
        applied(stored(config_map({"a": "1"})), config_map({"a": "2"}), schema=CONFIG_MAP)


def test_lists_take_the_order_of_what_is_applied_with_the_others_in_between():
    names = [{"name": name} for name in ("a", "sidecar", "b")]
    live = stored(managed.update(None, deployment(containers=names), "other", schema=DEPLOYMENT, now="t0"))
    new = applied(live, deployment(containers=[{"name": "new"}, {"name": "b"}, {"name": "a"}]))
    shown = [container["name"] for container in new["spec"]["template"]["spec"]["containers"]]
    assert shown == ["sidecar", "new", "b", "a"]


def test_atomic_parts_are_replaced_and_owned_as_a_whole():
    live = applied(None, deployment(selector={"matchLabels": {"app": "web", "x": "y"}}))
    assert owners(live) == {("me", "Apply"): {"f:spec": {"f:selector": {}}}}
    new = applied(live, deployment(selector={"matchLabels": {"app": "web"}}))
    assert new["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    with pytest.raises(ApiError, match=r"conflict with \"me\": .spec.selector"):
        applied(new, deployment(selector={"matchLabels": {"app": "db"}}), "other")


def test_finalizers_are_a_set_owned_value_by_value():
    def with_finalizers(*names):
        return config_map(None, finalizers=list(names))

    live = applied(None, with_finalizers("a/x", "b/y"), "alice", CONFIG_MAP)
    live = applied(live, with_finalizers("c/z"), "bob", CONFIG_MAP)
    assert live["metadata"]["finalizers"] == ["a/x", "b/y", "c/z"]
    assert owners(live)[("bob", "Apply")] == {"f:metadata": {"f:finalizers": {'v:"c/z"': {}}}}
    assert applied(live, with_finalizers("b/y"), "alice", CONFIG_MAP)["metadata"]["finalizers"] == ["b/y", "c/z"]


def test_reset_fields_are_neither_owned_nor_in_conflict():
    live = applied(None, {**deployment(3), "status": {"replicas": 1}}, reset={"f:status": {}})
    assert owners(live) == {("me", "Apply"): {"f:spec": {"f:replicas": {}}}}


UNFIT = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment)"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            deployment(containers=[{"image": "x"}]),
            f"{UNFIT}: .spec.template.spec.containers: "
            'element 0: associative list with keys has an element that omits key field "name" '
            "(and doesn't have default value)",
        ),
        (
            deployment(containers=[WEB, WEB]),
            f'{UNFIT}: .spec.template.spec.containers: duplicate entries for key [name="web"]',
        ),
        (
            deployment(foo=1, bar=2),
            f"{UNFIT}: errors:\n  .spec.foo: field not declared in schema\n  .spec.bar: field not declared in schema",
        ),
    ],
)
def test_a_configuration_that_does_not_fit_its_type_is_refused(config, message):
    with pytest.raises(ApiError) as raised:
        applied(None, config)
    assert (raised.value.code, raised.value.reason, raised.value.message) == (500, "", message)


def test_managed_fields_and_other_versions_are_refused():
    config = config_map({}, managedFields=[])
    with pytest.raises(ApiError, match=r"metadata\.managedFields must be nil"):
        applied(None, config, schema=CONFIG_MAP)
    live = applied(None, config_map({}), schema=CONFIG_MAP)
    with pytest.raises(ApiError, match="Specified patch version: v2, expected: v1"):
        applied(live, {**config_map({}), "apiVersion": "v2"}, schema=CONFIG_MAP)


def test_kubectl_takes_over_what_it_applied_on_the_client_side():
    last = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},"data":{"a":"1"}}'
    obj = config_map({"a": "1", "b": "1"}, annotations={managed.LAST_APPLIED: last})
    live = stored(managed.update(None, obj, "kubectl-client-side-apply", schema=CONFIG_MAP, now="t0"))
    new = applied(live, config_map({"a": "2"}), "kubectl", CONFIG_MAP)
    assert new["data"] == {"a": "2", "b": "1"}
    assert new["metadata"]["annotations"][managed.LAST_APPLIED] == (
        '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c","namespace":"default"}}\n'
    )
    with pytest.raises(ApiError, match=r"1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.b"):
        applied(live, config_map({"a": "2", "b": "2"}), "kubectl", CONFIG_MAP)


def test_client_side_rows_become_an_apply_row():
    live = stored(
        managed.update(None, config_map({"a": "1"}), "kubectl-client-side-apply", schema=CONFIG_MAP, now="t0")
    )
    upgraded = managed.upgrade(live, ["kubectl-client-side-apply"], "kubectl")
    assert owners(upgraded) == {("kubectl", "Apply"): {"f:data": {".": {}, "f:a": {}}}}
    assert managed.upgrade(upgraded, ["kubectl-client-side-apply"], "kubectl") is upgraded


# -- properties ------------------------------------------------------------------------------------------------------

ITEM = Custom("object", {"name": Custom(), "value": Custom(), "inner": Custom("map", items=Custom())})
TYPE = Custom(
    "object",
    {
        "apiVersion": Custom(),
        "kind": Custom(),
        "metadata": Custom(
            "object", {"name": Custom(), "uid": Custom(), "managedFields": Custom("list", items=Custom("any"))}
        ),
        "items": Custom("list", items=ITEM, list_type="map", map_keys=("name",)),
        "words": Custom("list", items=Custom(), list_type="set"),
        "whole": Custom("list", items=Custom()),
        "labels": Custom("map", items=Custom()),
        "block": Custom("map", items=Custom(), map_type="atomic"),
        "struct": Custom("object", {"a": Custom(), "labels": Custom("map", items=Custom())}),
        "free": Custom("any"),
        "number": Custom(),
    },
)
scalar = st.sampled_from([1, 2, "x"])
maps = st.dictionaries(st.sampled_from("pq"), scalar, min_size=1)
items = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"value": scalar, "inner": maps}),
    min_size=1,
    unique_by=lambda item: item["name"],
)
configurations = st.fixed_dictionaries(
    {"apiVersion": st.just("v1"), "kind": st.just("T"), "metadata": st.just({"name": "n"})},
    optional={
        "items": items,
        "words": st.lists(st.sampled_from("rst"), unique=True, min_size=1),
        "whole": st.lists(scalar, min_size=1),
        "labels": maps,
        "block": maps,
        "struct": st.fixed_dictionaries({"a": scalar}, optional={"labels": maps}),
        "free": st.dictionaries(st.sampled_from("uv"), st.one_of(scalar, maps, st.lists(scalar)), min_size=1),
        "number": scalar,
    },
)


def taken(live, config, manager="alice", **options):
    return stored(managed.apply(live, config, manager, schema=TYPE, now="t", **options))


def contains(obj, config):
    """Whether everything that the configuration mentions has its value in the object."""
    return unordered(taken(obj, config, "probe", force=True)) == unordered(obj)


def unordered(obj):
    """The object without managedFields and with its lists that are maps and sets sorted."""
    lists = {field: sorted(obj[field], key=str_of_name) for field in ("items", "words") if field in obj}
    return {**bare(obj), **lists}


def str_of_name(item):
    return item["name"] if isinstance(item, dict) else item


#: The configurations' fields under names that are always there.
WHOLE = Custom(
    "object",
    {
        "spec": TYPE,
        "containers": TYPE.field("items"),
        "source": TYPE.field("whole"),
        "metadata": Custom("object", {"labels": Custom("map", items=Custom())}),
    },
)


@given(configurations, st.sampled_from([WHOLE, None]), st.booleans())
def test_a_creation_has_the_fields_that_a_change_from_an_object_without_any_has(config, schema, custom):
    new = {"kind": "T", "spec": config, "source": config.get("whole", []), "containers": config.get("items", [])}
    new["metadata"] = {"name": "n", "labels": config.get("labels")}
    whole = compare({}, new, schema, custom=custom)
    assert whole.written == compare({"kind": "T"}, new, schema, custom=custom).written
    assert not whole.removed


@given(configurations)
def test_applying_twice_is_as_good_as_once(config):
    once = taken(None, config)
    assert managed.apply(once, config, "alice", schema=TYPE, now="later") is once


@given(configurations, configurations)
def test_a_lone_applier_gets_exactly_what_it_applies(first, second):
    new = taken(taken(None, first), second)
    assert owners(new).get(("alice", "Apply"), {}) == sets.difference(
        typed.to_set(second, TYPE), managed.comparing.UNOWNED
    )
    for field, value in second.items():
        if field in ("items", "words"):
            assert sorted(new[field], key=str_of_name) == sorted(value, key=str_of_name)
        elif field != "metadata":
            assert new[field] == value
    assert set(new) == set(second)


@given(configurations, configurations, configurations)
def test_two_appliers_never_lose_each_others_fields(mine, theirs, mine_next):
    live = taken(None, mine, "alice")
    live = taken(live, theirs, "bob", force=True)
    before = copy.deepcopy(live)
    theirs_owned = owners(live).get(("bob", "Apply"), {})
    with contextlib.suppress(ApiError):
        new = taken(live, mine_next, "alice")
        assert owners(new).get(("bob", "Apply"), {}) == theirs_owned
        assert contains(new, theirs)
    assert live == before


@given(configurations, configurations)
def test_after_an_update_every_field_has_one_updater(first, second):
    live = stored(managed.update(None, first, "alice", schema=TYPE, now="t"))
    assume(rows(live))
    new = managed.update(live, {**second, "metadata": live["metadata"]}, "bob", schema=TYPE, now="t")
    mine, theirs = (owners(new).get((name, "Update"), {}) for name in ("alice", "bob"))
    assert sets.intersection(mine, theirs) == {}
    whole = managed.update(None, second, "x", schema=TYPE, now="t")
    everything = owners(whole).get(("x", "Update"), {})
    assert sets.union(mine, theirs) == everything
