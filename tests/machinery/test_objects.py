from kube_nb.machinery import objects

POD = {"metadata": {"name": "web-0", "namespace": "default", "uid": "u1", "labels": {"app": "web"}}}
SET = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web", "uid": "u2"}}


def test_accessors_read_what_is_there_and_forgive_what_is_not():
    assert (objects.name(POD), objects.namespace(POD), objects.uid(POD)) == ("web-0", "default", "u1")
    assert objects.labels(POD) == {"app": "web"}
    assert (objects.name({}), objects.annotations({}), objects.owner({})) == ("", {}, None)


def test_keys_carry_the_namespace_if_there_is_one():
    assert objects.key(POD) == "default/web-0"
    assert objects.key({"metadata": {"name": "n1"}}) == "n1"
    assert objects.split_key("default/web-0") == ("default", "web-0")
    assert objects.split_key("n1") == ("", "n1")


def test_a_controller_is_found_among_owners():
    owned = objects.with_metadata(POD, ownerReferences=[{"uid": "x"}, objects.owner_reference(SET)])
    assert objects.owner(owned) == {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": "u2",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert objects.is_controlled_by(owned, SET)
    assert not objects.is_controlled_by(POD, SET)


def test_metadata_is_copied_and_a_field_set_to_none_goes():
    renamed = objects.with_metadata(POD, name="web-1", uid=None)
    assert renamed["metadata"] == {"name": "web-1", "namespace": "default", "labels": {"app": "web"}}
    assert POD["metadata"]["uid"] == "u1"


def test_a_condition_changes_its_transition_time_only_with_its_status():
    ready = {"type": "Ready", "status": "False", "reason": "Starting"}
    first = objects.set_condition(None, ready, "t1")
    assert first == [{**ready, "lastTransitionTime": "t1"}]
    second = objects.set_condition(first, {"type": "Ready", "status": "False", "reason": "Probing"}, "t2")
    assert second == [{"type": "Ready", "status": "False", "reason": "Probing", "lastTransitionTime": "t1"}]
    third = objects.set_condition(second, {"type": "Ready", "status": "True"}, "t3")
    assert third == [{"type": "Ready", "status": "True", "reason": "Probing", "lastTransitionTime": "t3"}]
    assert objects.is_condition_true({"status": {"conditions": third}}, "Ready")
