"""Objects as the text of an editable cell: what the server fills in by itself is left out."""

from collections.abc import Sequence

from kube_nb.kubectl.printers import objects as printing
from kube_nb.machinery.types import Obj

_OF_THE_SERVER = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def text(objects: Sequence[Obj]) -> str:
    """YAML documents, fit for ``%%manifest``."""
    return "---\n".join(printing.to_yaml(_bare(obj)) for obj in objects)


def _bare(obj: Obj) -> Obj:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _OF_THE_SERVER}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
