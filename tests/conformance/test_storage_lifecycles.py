"""Models test/e2e/storage: csi_inline.go, csi_node.go, csistoragecapacity.go, storageclass.go, volume_attachment.go,
volumeattributesclass.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube, refused

_LABEL = "e2e-conformance"


def _check_lifecycle(kube: Kube, found: Operations, body: dict, *, update: dict) -> None:
    """Create, read, patch, replace, delete one and the rest by a label, as upstream's lifecycles of cluster-wide kinds.

    update: spec-level fields that a replace may change.
    """
    first = found.create({"metadata": {"generateName": "e2e-", "labels": {_LABEL: "initial"}}, **body})
    name = first.metadata.name
    assert found.read(name).metadata.uid == first.metadata.uid
    patched = found.patch(name, {"metadata": {"labels": {name: "patched", _LABEL: "kept"}}})
    assert patched.metadata.labels == {name: "patched", _LABEL: "kept"}
    found.delete(name)
    kube.until_gone(found.read, name)
    names = [
        found.create({"metadata": {"generateName": "e2e-", "labels": {_LABEL: "x"}}, **body}).metadata.name
        for _ in "ab"
    ]
    select = f"{_LABEL}=x"
    assert sorted(item.metadata.name for item in found.list(label_selector=select).items) == sorted(names)
    wire = kube.wire(found.read(names[0]))
    wire["metadata"]["labels"]["updated"] = "true"
    updated = kube.wire(found.replace(names[0], {**wire, **update}))
    assert updated["metadata"]["labels"]["updated"] == "true"
    assert {field: updated[field] for field in update} == update
    found.delete_collection(label_selector=select)
    kube.settle()
    assert found.list(label_selector=select).items == []


@conformance("[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]")
def test_a_csi_driver_is_made_patched_listed_and_deleted(kube: Kube) -> None:
    spec = {
        "volumeLifecycleModes": ["Ephemeral", "Persistent"],
        "storageCapacity": False,
        "requiresRepublish": True,
        "fsGroupPolicy": "ReadWriteOnceWithFSType",
    }
    drivers = Operations(kube.storage, "csi_driver")
    wire = kube.wire(drivers.create({"metadata": {"name": "whole"}, "spec": {}}))
    assert wire["spec"]["attachRequired"] is True
    assert wire["spec"]["volumeLifecycleModes"] == ["Persistent"]
    drivers.delete("whole")
    changed = {**wire["spec"], **spec, "requiresRepublish": False}
    _check_lifecycle(kube, drivers, {"spec": spec}, update={"spec": changed})


@conformance("[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API [Conformance]")
def test_a_pod_has_a_volume_of_a_csi_driver(kube: Kube) -> None:
    driver = {"metadata": {"name": "inline-driver"}, "spec": {"volumeLifecycleModes": ["Ephemeral"]}}
    kube.storage.create_csi_driver(driver)
    assert kube.storage.read_csi_driver("inline-driver").spec.volume_lifecycle_modes == ["Ephemeral"]
    source = {"driver": "inline-driver", "volumeAttributes": {"key": "value"}}
    container = {"name": "main", "image": "nginx", "volumeMounts": [{"name": "inline-vol", "mountPath": "/mnt"}]}
    spec = {"containers": [container], "volumes": [{"name": "inline-vol", "csi": source}]}
    pod = {"metadata": {"name": "inline", "labels": {"app": "inline"}}, "spec": spec}
    kube.core.create_namespaced_pod(kube.namespace, pod)
    found = kube.core.list_namespaced_pod(kube.namespace, label_selector="app=inline").items
    assert [volume.csi.driver for volume in found[0].spec.volumes if volume.csi] == ["inline-driver"]
    patched = kube.core.patch_namespaced_pod("inline", kube.namespace, {"metadata": {"labels": {"patched": "yes"}}})
    assert patched.metadata.labels["patched"] == "yes"
    kube.core.delete_namespaced_pod("inline", kube.namespace, grace_period_seconds=0)
    kube.until_gone(kube.core.read_namespaced_pod, "inline", kube.namespace)
    kube.storage.delete_csi_driver("inline-driver")
    with refused(404):
        kube.storage.read_csi_driver("inline-driver")


@conformance("[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]")
def test_a_csi_node_is_made_patched_listed_and_deleted(kube: Kube) -> None:
    driver = {"name": "e2e-driver", "nodeID": "node-1", "topologyKeys": ["example.com/zone"]}
    one_more = {"name": "other-driver", "nodeID": "node-1", "topologyKeys": None}
    update = {"spec": {"drivers": [driver, {k: v for k, v in one_more.items() if v}]}}
    _check_lifecycle(kube, Operations(kube.storage, "csi_node"), {"spec": {"drivers": [driver]}}, update=update)


@conformance("[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]")
def test_csi_storage_capacities_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, "storage.k8s.io", "v1", "csistoragecapacities")

    def capacity() -> dict:
        return {"storageClassName": "e2e-class", "capacity": "4Gi", "nodeTopology": {"matchLabels": {"zone": "a"}}}

    Operations(kube.storage, "csi_storage_capacity", kube.namespace).check(kube, capacity)
    kube.storage.create_namespaced_csi_storage_capacity(kube.namespace, {"metadata": {"name": "mine"}, **capacity()})
    everywhere = kube.storage.list_csi_storage_capacity_for_all_namespaces().items
    assert [(item.metadata.name, item.metadata.namespace) for item in everywhere] == [("mine", kube.namespace)]


@conformance(
    "[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]"
)
def test_a_storage_class_is_made_patched_listed_and_deleted(kube: Kube) -> None:
    classes = Operations(kube.storage, "storage_class")
    body = {"provisioner": "e2e-fake-provisioner", "parameters": {"foo": "bar"}}
    made = classes.create({"metadata": {"name": "whole"}, **body})
    assert (made.reclaim_policy, made.volume_binding_mode) == ("Delete", "Immediate")
    with refused(422, contains="parameters: Forbidden: updates to parameters are forbidden."):
        classes.replace("whole", {"metadata": {"name": "whole"}, **body, "parameters": {"foo": "other"}})
    classes.delete("whole")
    _check_lifecycle(kube, classes, body, update={"allowVolumeExpansion": True})


def _attachment(kube: Kube, volume: str) -> dict:
    node = kube.core.list_node().items[0].metadata.name
    return {"spec": {"attacher": "e2e.example.com", "nodeName": node, "source": {"persistentVolumeName": volume}}}


@conformance(
    "[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]"
)
def test_a_volume_attachment_is_made_patched_listed_and_deleted(kube: Kube) -> None:
    _check_lifecycle(kube, Operations(kube.storage, "volume_attachment"), _attachment(kube, "pv-1"), update={})


@conformance(
    "[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status [Conformance]"
)
def test_a_volume_attachment_has_a_status_of_its_own(kube: Kube) -> None:
    attachments = Operations(kube.storage, "volume_attachment")
    made = attachments.create({"metadata": {"name": "va-1"}, **_attachment(kube, "pv-1")})
    assert made.status.attached is False
    read = attachments.read("va-1", "status")
    assert read.metadata.name == "va-1"
    assert read.status.attached is False
    patched = attachments.patch(
        "va-1", {"status": {"attached": True}, "metadata": {"annotations": {"a": "b"}}}, "status"
    )
    assert patched.status.attached is True
    wire = kube.wire(attachments.read("va-1"))
    wire["status"]["attached"] = False
    wire["spec"]["attacher"] = "ignored.example.com"
    updated = attachments.replace("va-1", wire, "status")
    assert (updated.status.attached, updated.spec.attacher) == (False, "e2e.example.com")
    attachments.delete("va-1")
    kube.until_gone(attachments.read, "va-1")


@conformance(
    "[sig-storage] VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass [Conformance]"
)
def test_a_volume_attributes_class_is_made_patched_listed_and_deleted(kube: Kube) -> None:
    body = {"driverName": "e2e-fake-driver", "parameters": {"foo": "bar"}}
    _check_lifecycle(kube, Operations(kube.storage, "volume_attributes_class"), body, update={})
