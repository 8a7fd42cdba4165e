"""Jobs: a selector and labels of their own."""

from typing import TYPE_CHECKING

from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

_CONTROLLER_UID, _JOB_NAME = "controller-uid", "job-name"
_PREFIX = "batch.kubernetes.io/"


class Jobs(Strategy):
    """Models pkg/registry/batch/job/strategy.go."""

    orphans = True

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        obj = super().prepare_for_create(call, obj)
        spec = obj.get("spec") or {}
        return obj if spec.get("manualSelector") else {**obj, "spec": selecting(spec, obj["metadata"])}


def selecting(spec: Obj, metadata: Obj) -> Obj:
    """The spec whose template bears the job's uid and name and whose selector asks for the uid."""
    uid, name = metadata["uid"], metadata.get("name", "")
    template = spec.get("template") or {}
    meta = template.get("metadata") or {}
    labels = {
        **(meta.get("labels") or {}),
        _PREFIX + _CONTROLLER_UID: uid,
        _PREFIX + _JOB_NAME: name,
        _CONTROLLER_UID: uid,
        _JOB_NAME: name,
    }
    selector = spec.get("selector") or {}
    matching = {**(selector.get("matchLabels") or {}), _PREFIX + _CONTROLLER_UID: uid}
    return {
        **spec,
        "selector": {**selector, "matchLabels": matching},
        "template": {**template, "metadata": {**meta, "labels": labels}},
    }
