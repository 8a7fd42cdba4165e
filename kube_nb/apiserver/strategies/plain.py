"""Kinds whose rules differ from the plain ones by a value or two."""

from typing import TYPE_CHECKING

from kube_nb.apiserver.strategy import Strategy, without
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call


class CreateOnUpdate(Strategy):
    """PUT of a name that is not there creates it."""

    create_on_update = True


class Events(Strategy):
    """Kept for an hour, of no interest to the garbage collector."""

    create_on_update = True
    collectable = False
    ttl_s = 3600


class Nodes(Strategy):
    """A kubelet registers with the status it has."""

    initial_status = None


class Claims(Strategy):
    """Models pkg/registry/core/persistentvolumeclaim."""

    initial_status = {"phase": "Pending"}  # noqa: RUF012  # never changed


class Volumes(Strategy):
    """Models pkg/registry/core/persistentvolume."""

    initial_status = {"phase": "Pending"}  # noqa: RUF012  # never changed


class Attachments(Strategy):
    """Models pkg/registry/storage/volumeattachment."""

    initial_status = {"attached": False}  # noqa: RUF012  # never changed


class Replicated(Strategy):
    """Its status always tells a number."""

    initial_status = {"replicas": 0}  # noqa: RUF012  # never changed


class OldReplicated(Replicated):
    """A replication controller leaves its pods behind unless told otherwise, as it did before garbage collection."""

    orphans = True


class StatefulSets(Strategy):
    """Models pkg/registry/apps/statefulset."""

    initial_status = {"replicas": 0, "availableReplicas": 0}  # noqa: RUF012  # never changed


class DaemonSets(Strategy):
    """Models pkg/registry/apps/daemonset."""

    initial_status = {  # noqa: RUF012  # never changed
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    }


class Autoscalers(Strategy):
    """Models pkg/registry/autoscaling/horizontalpodautoscaler."""

    initial_status = {"desiredReplicas": 0, "currentMetrics": None}  # noqa: RUF012  # never changed


class LoadBalanced(Strategy):
    """Its status always has a load balancer."""

    initial_status = {"loadBalancer": {}}  # noqa: RUF012  # never changed


class DisruptionBudgets(Strategy):
    """Models pkg/registry/policy/poddisruptionbudget."""

    unconditional_update = False
    initial_status = {  # noqa: RUF012  # never changed
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    }


class Counted(Strategy):
    """An endpoint slice: its generation rises with its endpoints, ports, labels and annotations.

    Models pkg/registry/discovery/endpointslice/strategy.go.
    """

    def prepare_for_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        def seen(obj: Obj) -> Obj:
            metadata = obj["metadata"]
            shown = {field: metadata.get(field) for field in ("labels", "annotations")}
            return {**without(obj, "metadata"), "metadata": shown}

        if seen(new) == seen(old):
            return new
        metadata = new["metadata"]
        return {**new, "metadata": {**metadata, "generation": int(old["metadata"].get("generation") or 0) + 1}}


class ApiServices(Strategy):
    """What this server serves itself is available at once. Models kube-aggregator pkg/registry/apiservice."""

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        if (obj.get("spec") or {}).get("service"):
            return {**obj, "status": {}}
        local = {"type": "Available", "status": "True", "reason": "Local"}
        told = {"message": "Local APIServices are always available"}
        now = call.server.clock.timestamp()
        return {**obj, "status": {"conditions": [{**local, **told, "lastTransitionTime": now}]}}


class Definitions(Strategy):
    """A CustomResourceDefinition starts with nothing established, and goes after its instances."""

    cleanup = "customresourcecleanup.apiextensions.k8s.io"

    initial_status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}  # noqa: RUF012  # never changed
