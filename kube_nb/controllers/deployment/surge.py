"""How far a rolling update may go above and below spec.replicas.

Models deployment_util.go (ResolveFenceposts, MaxSurge, MaxUnavailable) and intstr.GetScaledValueFromIntOrPercent.
"""

import math

from kube_nb.machinery.types import Obj

ROLLING_UPDATE = "RollingUpdate"


def replicas(obj: Obj) -> int:
    """spec.replicas of a Deployment or a ReplicaSet."""
    return int(obj["spec"].get("replicas") or 0)


def is_rolling_update(deployment: Obj) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type") == ROLLING_UPDATE)


def scaled(value: int | str, total: int, *, up: bool) -> int:
    """A number as it is, a percentage of `total` rounded up or down: ``scaled("25%", 10, up=True)`` is 3."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total / 100
    return math.ceil(share) if up else math.floor(share)


def bounds(deployment: Obj) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; never both 0, or nothing could move."""
    parameters = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    total = replicas(deployment)
    surge = scaled(parameters.get("maxSurge", 0), total, up=True)
    unavailable = scaled(parameters.get("maxUnavailable", 0), total, up=False)
    return surge, 1 if surge == 0 and unavailable == 0 else unavailable


def max_surge(deployment: Obj) -> int:
    return bounds(deployment)[0] if is_rolling_update(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    total = replicas(deployment)
    if not is_rolling_update(deployment) or not total:
        return 0
    return min(bounds(deployment)[1], total)
