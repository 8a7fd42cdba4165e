"""The annotation in which ``kubectl apply`` keeps what a manifest said, to know later what it dropped."""

import json

from kube_nb.kubectl.resources import Target
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
SAVE_CONFIG = Flag("save-config", "bool", help="If true, the object's configuration is saved in its annotation.")


def annotated(obj: Obj, target: Target) -> Obj:
    """The manifest's object with itself in the annotation, and with its namespace filled in."""
    metadata = dict(obj.get("metadata") or {})
    if target.namespace:
        metadata["namespace"] = target.namespace
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != ANNOTATION}
    bare = {**obj, "metadata": {**metadata, "annotations": annotations}}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    return {**obj, "metadata": {**metadata, "annotations": {**annotations, ANNOTATION: text}}}
