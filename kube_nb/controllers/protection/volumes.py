"""`VolumeProtection`: a PersistentVolume stays while it is bound.

Models pkg/controller/volume/pvprotection.
"""

from kube_nb.api import resources
from kube_nb.controllers.context import Context
from kube_nb.controllers.protection.controller import ProtectionController
from kube_nb.machinery.types import Obj

NAME = "persistentvolume-protection-controller"


class VolumeProtection:
    """A key is a PersistentVolume."""

    def __init__(self, context: Context) -> None:
        self._controller = ProtectionController(context, NAME, resources.PERSISTENT_VOLUMES, _is_used)

    async def run(self) -> None:
        await self._controller.run()


async def _is_used(volume: Obj) -> bool:
    return bool((volume.get("status") or {}).get("phase") == "Bound")
