"""Namespaces: deleted in two steps, with what is in them between."""

from typing import TYPE_CHECKING

from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

KUBERNETES = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


class Namespaces(Strategy):
    """Models pkg/registry/core/namespace/strategy.go; their deletion is `handlers.delete_namespace`."""

    initial_status = {"phase": "Active"}  # noqa: RUF012  # never changed

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        obj = super().prepare_for_create(call, obj)
        spec = obj.get("spec") or {}
        finalizers = spec.get("finalizers") or []
        if KUBERNETES not in finalizers:
            obj = {**obj, "spec": {**spec, "finalizers": [*finalizers, KUBERNETES]}}
        return obj

    def canonicalize(self, obj: Obj) -> Obj:
        """A generated name is known only now."""
        return _labelled(obj)

    def prepare_for_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        """spec.finalizers change through /finalize only."""
        new = super().prepare_for_update(call, _labelled(new), old)
        return {**new, "spec": {**(new.get("spec") or {}), "finalizers": (old.get("spec") or {}).get("finalizers", [])}}


def _labelled(obj: Obj) -> Obj:
    """Every namespace bears its name as a label."""
    metadata = obj["metadata"]
    labels = metadata.get("labels") or {}
    name = metadata.get("name")
    if not name or labels.get(NAME_LABEL) == name:
        return obj
    return {**obj, "metadata": {**metadata, "labels": {**labels, NAME_LABEL: name}}}
