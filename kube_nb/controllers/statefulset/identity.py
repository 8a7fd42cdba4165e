"""Who a stateful pod is: ``web-2`` is the pod with ordinal 2 of the set ``web``, whichever node it is on.

Models pkg/controller/statefulset/stateful_set_utils.go.
"""

import re
from datetime import datetime

from kube_nb.controllers.history import HASH_LABEL
from kube_nb.controllers.pods import control, state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

POD_NAME_LABEL, INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.*)-([0-9]+)$", re.DOTALL)


def parent_and_ordinal(pod: Obj) -> tuple[str, int]:
    """``web-2`` -> ("web", 2); ("", -1) if the name is no such name."""
    found = _NAME.match(objects.name(pod))
    return (found[1], int(found[2])) if found else ("", -1)


def ordinal(pod: Obj) -> int:
    return parent_and_ordinal(pod)[1]


def is_member(stateful_set: Obj, pod: Obj) -> bool:
    return parent_and_ordinal(pod)[0] == objects.name(stateful_set)


def ordinals(stateful_set: Obj) -> range:
    """Those that the set should have, from spec.ordinals.start on."""
    spec = stateful_set["spec"]
    start = (spec.get("ordinals") or {}).get("start") or 0
    return range(start, start + replicas(stateful_set))


def replicas(stateful_set: Obj) -> int:
    found = stateful_set["spec"].get("replicas")
    return 1 if found is None else int(found)


def revision_of(pod: Obj) -> str:
    """The name of the ControllerRevision that the pod was made from."""
    return objects.labels(pod).get(HASH_LABEL, "")


def new_pod(stateful_set: Obj, template: Obj, revision: str, number: int) -> Obj:
    """The pod with this ordinal, of a revision's template; not created yet, so it has no status."""
    name = f"{objects.name(stateful_set)}-{number}"
    template_spec = template.get("spec") or {}
    spec = {**template_spec, "hostname": name, "volumes": volumes(stateful_set, template_spec, number)}
    if service := stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = service
    labels = {HASH_LABEL: revision, POD_NAME_LABEL: name, INDEX_LABEL: str(number)}
    pod = control.pod_from_template(template, stateful_set, labels=labels, spec=spec)
    metadata = {field: value for field, value in pod["metadata"].items() if field != "generateName"}
    return {**pod, "metadata": {"name": name, **metadata}}


def claim_name(stateful_set: Obj, template: Obj, number: int) -> str:
    """``www-web-2``: of a volume claim template, a set and an ordinal."""
    return f"{objects.name(template)}-{objects.name(stateful_set)}-{number}"


def volumes(stateful_set: Obj, spec: Obj, number: int) -> list[Obj]:
    """A pod's volumes: one per claim template, then those of its spec that have another name."""
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    claimed = {
        objects.name(template): {
            "name": objects.name(template),
            "persistentVolumeClaim": {"claimName": claim_name(stateful_set, template, number)},
        }
        for template in templates
    }
    return [*claimed.values(), *(volume for volume in spec.get("volumes") or () if volume["name"] not in claimed)]


def identified(stateful_set: Obj, pod: Obj) -> Obj:
    """The pod with the labels and volumes that it must have; the pod itself if it has them."""
    name, number = objects.name(pod), ordinal(pod)
    given = objects.labels(pod)
    labels = {**given, POD_NAME_LABEL: name, INDEX_LABEL: str(number)}
    spec = state.spec_of(pod)
    if labels == given and _has_claims(stateful_set, spec, number):
        return pod
    return {
        **objects.with_metadata(pod, labels=labels),
        "spec": {**spec, "volumes": volumes(stateful_set, spec, number)},
    }


def _has_claims(stateful_set: Obj, spec: Obj, number: int) -> bool:
    claims = {
        volume["name"]: (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in spec.get("volumes") or ()
    }
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    return all(claims.get(objects.name(each)) == claim_name(stateful_set, each, number) for each in templates)


# -- how a pod does ------------------------------------------------------------------------------------------------


def is_created(pod: Obj) -> bool:
    return bool(state.phase(pod))


def is_running_and_ready(pod: Obj) -> bool:
    return state.phase(pod) == state.RUNNING and state.is_ready(pod)


def is_available(pod: Obj, stateful_set: Obj, now: datetime) -> bool:
    """Running, and ready for minReadySeconds."""
    min_ready_s = stateful_set["spec"].get("minReadySeconds") or 0
    return is_running_and_ready(pod) and state.available_in_s(pod, min_ready_s, now) == 0


def is_unavailable(pod: Obj, stateful_set: Obj, now: datetime) -> bool:
    """Also a pod that is on its way out."""
    return objects.is_deleting(pod) or not is_available(pod, stateful_set, now)
