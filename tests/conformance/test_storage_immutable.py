"""Models the immutability tests of test/e2e/common/storage: configmap_volume.go and secrets_volume.go."""

import base64

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused


def _check_immutable(kube: Kube, found: Operations, one: str, other: str) -> None:
    """Data and the immutable field itself are frozen once it is true; metadata is not. one, other: values."""
    name = "immutable"
    made = found.create({"metadata": {"name": name}, "data": {"data-1": one}})
    assert made.immutable is None
    made.data["data-4"] = other
    changed = found.replace(name, made)
    assert changed.data == {"data-1": one, "data-4": other}
    changed.immutable = True
    frozen = found.replace(name, changed)
    assert frozen.immutable is True
    wire = kube.wire(frozen)
    with refused(422, reason="Invalid", contains="data: Forbidden: field is immutable when `immutable` is set"):
        found.replace(name, {**wire, "data": {**wire["data"], "data-4": one}})
    for value in (False, None):
        with refused(
            422, reason="Invalid", contains="immutable: Forbidden: field is immutable when `immutable` is set"
        ):
            found.replace(name, {**wire, "immutable": value})
    labelled = found.replace(name, {**wire, "metadata": {**wire["metadata"], "labels": {"label1": "label1value"}}})
    assert labelled.metadata.labels == {"label1": "label1value"}
    found.delete(name)
    kube.until_gone(found.read, name)


@conformance("[sig-storage] ConfigMap should be immutable if `immutable` field is set [Conformance]")
def test_an_immutable_config_map_keeps_its_data(kube: Kube) -> None:
    _check_immutable(kube, Operations(kube.core, "config_map", kube.namespace), "value-1", "value-4")


@conformance("[sig-storage] Secrets should be immutable if `immutable` field is set [Conformance]")
def test_an_immutable_secret_keeps_its_data(kube: Kube) -> None:
    one, other = (base64.b64encode(text).decode() for text in (b"value-1", b"value-4"))
    _check_immutable(kube, Operations(kube.core, "secret", kube.namespace), one, other)
