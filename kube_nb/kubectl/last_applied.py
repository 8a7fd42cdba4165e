"""The annotation in which ``kubectl apply`` keeps what a manifest said, to know later what it dropped."""

import json

from kube_nb.kubectl.resources import Target
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
SAVE_CONFIG = Flag("save-config", "bool", help="If true, the object's configuration is saved in its annotation.")


def annotated(obj: Obj, target: Target) -> Obj:
    """The manifest's object with itself in the annotation, and with its namespace filled in."""
    metadata = _metadata(obj, target)
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != ANNOTATION}
    text = _encoded({**obj, "metadata": {**metadata, "annotations": annotations}})
    return {**obj, "metadata": {**metadata, "annotations": {**annotations, ANNOTATION: text}}}


def text(obj: Obj, target: Target) -> str:
    """What ``apply set-last-applied`` writes: the manifest's object as it is, with its namespace."""
    return _encoded({**obj, "metadata": _metadata(obj, target)})


def _metadata(obj: Obj, target: Target) -> Obj:
    metadata = dict(obj.get("metadata") or {})
    return {**metadata, "namespace": target.namespace} if target.namespace else metadata


def _encoded(obj: Obj) -> str:
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
