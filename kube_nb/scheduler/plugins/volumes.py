"""A pod's volumes as plugins see them: its claims, the volumes they are bound to, their classes.

A generic ephemeral volume stands for the claim ``<pod>-<volume>`` that its controller makes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.framework.runtime import Lister
from kube_nb.scheduler.pod_info import PodInfo


class Claim(NamedTuple):
    """name: of the PersistentVolumeClaim; obj: None if there is none; volume: the PersistentVolume it is bound to."""

    name: str
    ephemeral: bool
    obj: Obj | None
    volume: Obj | None

    @property
    def volume_name(self) -> str:
        return str(((self.obj or {}).get("spec") or {}).get("volumeName") or "")

    @property
    def class_name(self) -> str:
        spec = (self.obj or {}).get("spec") or {}
        annotations = (self.obj or {}).get("metadata", {}).get("annotations") or {}
        return str(annotations.get("volume.beta.kubernetes.io/storage-class") or spec.get("storageClassName") or "")

    @property
    def fully_bound(self) -> bool:
        annotations = (self.obj or {}).get("metadata", {}).get("annotations") or {}
        return bool(self.volume_name) and "pv.kubernetes.io/bind-completed" in annotations


def claim_names(pod: PodInfo) -> Sequence[tuple[str, bool]]:
    """(name, whether it is an ephemeral volume's)."""
    found = []
    for volume in pod.spec.get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            found.append((str(claim["claimName"]), False))
        elif "ephemeral" in volume:
            found.append((f"{pod.name}-{volume['name']}", True))
    return found


def claims(pod: PodInfo, lister: Lister) -> list[Claim]:
    found = []
    for name, ephemeral in claim_names(pod):
        obj = lister.get("persistentvolumeclaims", pod.namespace, name)
        bound = str(((obj or {}).get("spec") or {}).get("volumeName") or "")
        volume = lister.get("persistentvolumes", None, bound) if bound else None
        found.append(Claim(name, ephemeral, obj, volume))
    return found


def class_of(claim: Claim, lister: Lister) -> Obj | None:
    return lister.get("storageclasses", None, claim.class_name) if claim.class_name else None
