import copy

from kube_nb.machinery import managed
from tests.machinery.managed.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    bare,
    config_map,
    deployment,
    owners,
    rows,
    stored,
    times,
)

WEB = {"name": "web", "image": "nginx"}


def created(obj, schema=CONFIG_MAP, manager="creator", now="t0"):
    return stored(managed.update(None, obj, manager, schema=schema, now=now))


def test_a_created_object_belongs_to_its_creator():
    obj = created(
        deployment(3, {"app": "web"}, [{**WEB, "ports": [{"containerPort": 80, "protocol": "TCP"}]}]), DEPLOYMENT
    )
    assert rows(obj) == [
        {
            "manager": "creator",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": "t0",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:template": {
                        "f:spec": {
                            "f:containers": {
                                'k:{"name":"web"}': {
                                    ".": {},
                                    "f:image": {},
                                    "f:name": {},
                                    "f:ports": {
                                        ".": {},
                                        'k:{"containerPort":80,"protocol":"TCP"}': {
                                            ".": {},
                                            "f:containerPort": {},
                                            "f:protocol": {},
                                        },
                                    },
                                }
                            }
                        }
                    },
                },
            },
        }
    ]


def test_a_port_without_protocol_is_identified_by_the_default():
    obj = created(deployment(containers=[{**WEB, "ports": [{"containerPort": 80}]}]), DEPLOYMENT)
    (fields,) = owners(obj).values()
    ports = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']["f:ports"]
    assert ports == {".": {}, 'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}}


def test_whoever_changes_a_field_owns_it_alone():
    live = created(config_map({"a": "1", "b": "1"}))
    new = managed.update(live, {**live, "data": {"a": "2", "b": "1"}}, "editor", schema=CONFIG_MAP, now="t1")
    assert owners(new) == {
        ("creator", "Update"): {"f:data": {".": {}, "f:b": {}}},
        ("editor", "Update"): {"f:data": {"f:a": {}}},
    }
    assert times(new) == {"creator": "t0", "editor": "t1"}


def test_a_removed_field_belongs_to_nobody_and_moves_no_time():
    live = created(config_map({"a": "1", "b": "1"}))
    new = managed.update(live, {**live, "data": {"b": "1"}}, "editor", schema=CONFIG_MAP, now="t1")
    assert owners(new) == {("creator", "Update"): {"f:data": {".": {}, "f:b": {}}}}
    assert times(new) == {"creator": "t0"}


def test_a_manager_that_lost_everything_is_forgotten():
    live = created(config_map({"a": "1"}))
    new = managed.update(live, bare({**live, "data": {"a": "2"}}), "editor", schema=CONFIG_MAP, now="t1")
    new = managed.update(new, {**new, "data": {}}, "editor", schema=CONFIG_MAP, now="t2")
    assert owners(new) == {("creator", "Update"): {"f:data": {}}}


def test_a_further_change_extends_the_same_row():
    live = created(config_map({"a": "1"}))
    new = managed.update(live, {**live, "data": {"a": "1", "b": "1"}}, "creator", schema=CONFIG_MAP, now="t1")
    assert owners(new) == {("creator", "Update"): {"f:data": {".": {}, "f:a": {}, "f:b": {}}}}
    assert times(new) == {"creator": "t1"}


def test_an_update_without_a_change_returns_the_object_itself():
    live = created(config_map({"a": "1"}))
    assert managed.update(live, live, "editor", schema=CONFIG_MAP, now="t1") is live


def test_system_metadata_belongs_to_nobody():
    live = created(config_map({"a": "1"}))
    metadata = {**live["metadata"], "resourceVersion": "7", "generation": 2, "creationTimestamp": "t"}
    new = managed.update(live, {**live, "metadata": metadata}, "editor", schema=CONFIG_MAP, now="t1")
    assert rows(new) is rows(live)


def test_objects_that_were_never_tracked_stay_untracked():
    live = stored(config_map({"a": "1"}))
    new = managed.update(live, {**live, "data": {"a": "2"}}, "editor", schema=CONFIG_MAP, now="t1")
    assert "managedFields" not in new["metadata"]


def test_an_empty_list_forgets_all_managers():
    live = created(config_map({"a": "1"}))
    for reset in ([], [{}]):
        sent = {**live, "metadata": {**live["metadata"], "managedFields": reset}}
        assert "managedFields" not in managed.update(live, sent, "editor", schema=CONFIG_MAP, now="t1")["metadata"]


def test_a_client_that_does_not_know_managed_fields_keeps_them():
    live = created(config_map({"a": "1"}))
    new = managed.update(live, {**bare(live), "data": {"a": "1", "b": "2"}}, "old", schema=CONFIG_MAP, now="t1")
    assert owners(new)[("creator", "Update")] == {"f:data": {".": {}, "f:a": {}}}


def test_a_client_may_edit_managed_fields_but_malformed_ones_are_ignored():
    live = created(config_map({"a": "1"}))
    edited = [{**rows(live)[0], "manager": "renamed"}]
    sent = {**live, "metadata": {**live["metadata"], "managedFields": edited}}
    assert list(times(managed.update(live, sent, "editor", schema=CONFIG_MAP, now="t1"))) == ["renamed"]
    broken = {**live, "metadata": {**live["metadata"], "managedFields": [{"manager": "x", "operation": "Guess"}]}}
    assert rows(managed.update(live, broken, "editor", schema=CONFIG_MAP, now="t1")) == rows(live)


def test_a_subresource_has_a_row_of_its_own_and_takes_no_edited_rows():
    live = created(deployment(3, {"app": "web"}), DEPLOYMENT)
    sent = {**live, "status": {"replicas": 1}, "metadata": {**live["metadata"], "managedFields": []}}
    new = managed.update(live, sent, "creator", schema=DEPLOYMENT, now="t1", subresource="status")
    assert [(row["manager"], row.get("subresource")) for row in rows(new)] == [("creator", None), ("creator", "status")]
    assert rows(new)[1]["fieldsV1"] == {"f:status": {"f:replicas": {}}}


def test_what_an_endpoint_resets_is_not_owned_through_it():
    new = managed.update(
        None,
        {**deployment(3), "status": {"replicas": 1}},
        "creator",
        schema=DEPLOYMENT,
        now="t0",
        reset={"f:status": {}},
    )
    assert owners(new) == {("creator", "Update"): {"f:spec": {"f:replicas": {}}}}


def condition(type, status, **more):
    return {"type": type, "status": status, "lastProbeTime": None, **more}


def test_conditions_are_owned_one_by_one():
    live = created({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [WEB]}}, POD)
    scheduled = {**live, "status": {"conditions": [condition("PodScheduled", "True")]}}
    scheduled = managed.update(live, scheduled, "kube-scheduler", schema=POD, now="t1", subresource="status")
    running = [condition("PodScheduled", "True"), condition("Ready", "True")]
    running = {**scheduled, "status": {"phase": "Running", "conditions": running}}
    running = managed.update(scheduled, running, "kubelet", schema=POD, now="t2", subresource="status")
    all_of_it = {".": {}, "f:lastProbeTime": {}, "f:status": {}, "f:type": {}}
    assert owners(running)[("kube-scheduler", "Update")] == {
        "f:status": {"f:conditions": {".": {}, 'k:{"type":"PodScheduled"}': all_of_it}}
    }
    assert owners(running)[("kubelet", "Update")] == {
        "f:status": {"f:conditions": {'k:{"type":"Ready"}': all_of_it}, "f:phase": {}}
    }


def test_the_oldest_updaters_are_joined_when_there_are_more_than_ten():
    obj = created(config_map({}))
    for number in range(12):
        data = {**obj["data"], f"k{number}": "x"}
        manager, now = f"m{number:02}", f"2026-01-01T00:00:{number:02}Z"
        obj = managed.update(obj, {**obj, "data": data}, manager, schema=CONFIG_MAP, now=now)
    assert len(rows(obj)) == managed.MAX_UPDATE_MANAGERS
    (ancient,) = [row for row in rows(obj) if row["manager"] == managed.ANCIENT_CHANGES]
    assert ancient["fieldsV1"] == {"f:data": {f"f:k{number}": {} for number in range(4)}}
    assert ancient["time"] == "2026-01-01T00:00:03Z"


def test_nothing_given_is_changed():
    live = created(deployment(3, {"app": "web"}, [WEB]), DEPLOYMENT)
    new = deployment(4, {"app": "web"}, [{**WEB, "image": "httpd"}])
    before = copy.deepcopy((live, new))
    managed.update(live, new, "editor", schema=DEPLOYMENT, now="t1")
    assert (live, new) == before


def test_a_custom_object_has_no_field_that_is_always_there():
    obj = {"apiVersion": "e/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    new = managed.update(None, obj, "creator", schema=None, now="t0", custom=True)
    assert owners(new) == {("creator", "Update"): {"f:spec": {".": {}, "f:size": {}}}}
