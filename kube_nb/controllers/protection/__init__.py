"""Storage objects that are used stay, Terminating, until they are not: their finalizers are added and taken off here.

`controller` is what all have in common; `claims` and `volumes` say what using means.
"""

from kube_nb.controllers.protection.claims import ClaimProtection
from kube_nb.controllers.protection.volumes import VolumeProtection

__all__ = ["ClaimProtection", "VolumeProtection"]
