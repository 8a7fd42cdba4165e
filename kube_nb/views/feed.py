"""Keeps a view current: follows resources of a cluster and says when to draw again, not more often than an eye can see.

Runs on the cluster's loop. The drawing happens there too, which sets widgets' traits from the loop's thread; at
``pace="max"`` that is the thread of the cell. It runs in an empty context, or a front end would take what it sends for
output of the cell that made the feed.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import Context

from kube_nb.client import InformerFactory
from kube_nb.cluster import Cluster
from kube_nb.machinery import clock
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)

#: Wall seconds between two drawings.
_FRAME_S = 0.15

#: All followed objects, with apiVersion and kind, in the order of the followed resources.
Draw = Callable[[list[Obj]], None]


class Feed:
    """Calls `draw` with all objects of the resources whenever one of them has changed, until the cluster goes down."""

    def __init__(self, cluster: Cluster, resources: Sequence[GVR], draw: Draw, *, namespace: str | None = None) -> None:
        self._cluster = cluster
        self._draw = draw
        self._resources = list(resources)
        self._namespace = namespace
        self._pending = False
        self._factory: InformerFactory | None = None

    def start(self) -> None:
        """Begin to follow; the first drawing comes with the first change after the objects of now."""
        self._cluster.run(self._start())

    async def _start(self) -> None:
        self._factory = InformerFactory(self._cluster.client)
        self._informers = [self._factory.informer(gvr, namespace=self._scope(gvr)) for gvr in self._resources]
        await self._factory.start()
        await self._factory.wait_synced()
        for informer in self._informers:
            informer.add_handler(self._changed, lambda old, new: self._changed(new), self._changed)
        self._changed({})

    def _scope(self, gvr: GVR) -> str | None:
        return None if gvr.resource in ("nodes", "persistentvolumes") else self._namespace

    def objects(self) -> list[Obj]:
        """Everything that is followed, as the informers have it."""
        return [obj for informer in self._informers for obj in informer.list()]

    def _changed(self, _obj: Obj) -> None:
        if self._pending:
            return
        self._pending = True
        loop = asyncio.get_running_loop()
        pace = self._cluster.pace
        if pace == "max":
            loop.call_soon(self._redraw, context=Context())
            return
        with clock.periodic():
            loop.call_later(_FRAME_S * pace, self._redraw, context=Context())

    def _redraw(self) -> None:
        self._pending = False
        try:
            self._draw(self.objects())
        except Exception:
            _log.exception("a view could not be drawn")
