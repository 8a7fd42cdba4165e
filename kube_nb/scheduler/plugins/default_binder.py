"""Binds the pod through the API's binding subresource."""

from collections.abc import Awaitable, Callable

from kube_nb.machinery.errors import ApiError
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.framework.status import Status, error
from kube_nb.scheduler.pod_info import PodInfo


class DefaultBinder:
    """Models plugins/defaultbinder/default_binder.go."""

    name = "DefaultBinder"

    def __init__(self, bind: Callable[[str, str, str], Awaitable[object]]) -> None:
        self._bind = bind

    async def bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        try:
            await self._bind(pod.namespace, pod.name, node_name)
        except ApiError as failure:
            return error(f"binding rejected: {failure}")
        return None
