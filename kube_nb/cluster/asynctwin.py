"""``c.aio``: the facade for cells that await."""

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kube_nb.cluster.cluster import Cluster


class AsyncTwin:
    """The facade's methods as coroutines; awaiting one leaves the caller's own loop free to handle widgets' clicks."""

    _NAMES = ("apply", "get", "delete", "wait", "kubectl", "etcdctl", "advance", "settle", "decisions")

    def __init__(self, cluster: "Cluster") -> None:
        self._cluster = cluster

    def __dir__(self) -> list[str]:
        return list(self._NAMES)

    def __getattr__(self, name: str) -> Any:
        if name not in self._NAMES:
            raise AttributeError(name)
        method = getattr(self._cluster, name)

        async def twin(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(method, *args, **kwargs)

        return twin
