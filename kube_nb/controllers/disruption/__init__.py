"""PodDisruptionBudgets: how many pods evictions may take at the moment.

`budget` is the arithmetic, `scale` finds how many pods there should be, `controller` keeps the status that the eviction
subresource reads. Models pkg/controller/disruption.
"""

from kube_nb.controllers.disruption.controller import DisruptionController

__all__ = ["DisruptionController"]
