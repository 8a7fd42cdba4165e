"""Keeps a view current: follows resources of a cluster and says when to draw again, not more often than an eye can see.

Runs on the cluster's loop. The drawing happens there too, which sets widgets' traits from the loop's thread; at
``pace="max"`` that is the thread of the cell. It runs in an empty context, or a front end would take what it sends for
output of the cell that made the feed.

All feeds of a cluster share their watches. Only the youngest `MAX_LIVE` views of a cluster are live: a notebook does
not tell when an output is gone, and a cell that is run a hundred times must not leave a hundred views drawing.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from weakref import WeakKeyDictionary

from kube_nb.api.registry import Registry
from kube_nb.client import Client, InformerFactory
from kube_nb.client.informer import Informer, Registration
from kube_nb.cluster import Cluster, past
from kube_nb.machinery import clock
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)

MAX_LIVE = 24
#: Wall seconds between two drawings.
_FRAME_S = 0.15
#: The same for views that look by themselves.
_PULSE_S = 0.5

#: All followed objects, with apiVersion and kind, in the order of the followed resources.
Draw = Callable[[list[Obj]], None]

_CLUSTER_SCOPED = ("nodes", "persistentvolumes")
_factories: "WeakKeyDictionary[Cluster, InformerFactory]" = WeakKeyDictionary()
_feeds: "WeakKeyDictionary[Cluster, list[Feed | Pulse]]" = WeakKeyDictionary()


def objects_of(
    cluster: Cluster, resources: Sequence[GVR], namespace: str | None = None, at: int | None = None
) -> list[Obj]:
    """All objects of the resources as they are now, as a `Feed` would give them, or as they were at a revision.

    namespace: None for all.
    """
    return cluster.run(listed(cluster, resources, namespace, at))


async def listed(cluster: Cluster, resources: Sequence[GVR], namespace: str | None, at: int | None) -> list[Obj]:
    """`objects_of`, for who is on the cluster's loop already."""
    if at is None:
        return await _listed(cluster.client, resources, namespace)
    async with past.opened(cluster.engine, at) as then:
        return await _listed(then.client, resources, namespace)


async def _listed(client: Client, resources: Sequence[GVR], namespace: str | None) -> list[Obj]:
    found: list[Obj] = []
    for gvr in resources:
        items = (await client.list(gvr, _scope(gvr, namespace))).get("items") or []
        found += [_whole(gvr, item) for item in items]
    return found


def flush() -> None:
    """Draw what has changed and was not drawn yet; for the end of a cell at ``pace="max"``, when time stands still."""
    for feeds in list(_feeds.values()):
        for feed in feeds:
            feed.flush()


class Feed:
    """Calls `draw` with all objects of the resources whenever one of them has changed, until the cluster goes down."""

    def __init__(self, cluster: Cluster, resources: Sequence[GVR], draw: Draw, *, namespace: str | None = None) -> None:
        self._cluster = cluster
        self._draw = draw
        self._resources = list(resources)
        self._namespace = namespace
        self._followed: list[tuple[GVR, Informer, Registration]] = []
        self._pending = False
        self._drawn_at_s = 0.0

    def start(self) -> None:
        """Begin to follow; the first drawing comes with the objects of now."""
        self._cluster.run(self._start())
        _live(self._cluster, self)

    def stop(self) -> None:
        """Follow no more; what is drawn stays."""
        for _, informer, registration in self._followed:
            informer.remove_handler(registration)
        self._followed = []

    async def _start(self) -> None:
        factory = _factories.get(self._cluster)
        if factory is None:
            factory = _factories[self._cluster] = InformerFactory(self._cluster.client, name="views")
        informers = [factory.informer(gvr, namespace=_scope(gvr, self._namespace)) for gvr in self._resources]
        await factory.start()
        for informer in informers:
            await informer.wait_synced()
        for gvr, informer in zip(self._resources, informers, strict=True):
            handlers = informer.add_handler(self._changed, lambda old, new: self._changed(new), self._changed)
            self._followed.append((gvr, informer, handlers))
        self._changed({})

    def objects(self) -> list[Obj]:
        """Everything that is followed, as the informers have it."""
        return [_whole(gvr, obj) for gvr, informer, _ in self._followed for obj in informer.list()]

    def _changed(self, _obj: Obj) -> None:
        if self._pending:
            return
        self._pending = True
        pace = self._cluster.pace
        if pace != "max":
            with clock.periodic():
                asyncio.get_running_loop().call_later(_FRAME_S * pace, self._redraw, context=Context())
        elif self._wall_s() >= self._drawn_at_s + _FRAME_S:
            asyncio.get_running_loop().call_soon(self._redraw, context=Context())
        # Else it stays pending until `flush`: a timer of ours would move the cluster's time at pace="max".

    def flush(self) -> None:
        if self._pending and self._cluster.pace == "max" and self._cluster.is_up:
            self._cluster.run(self._flushed())

    async def _flushed(self) -> None:
        Context().run(self._redraw)

    def _wall_s(self) -> float:
        return self._cluster.engine.wall_now().timestamp()

    def _redraw(self) -> None:
        self._pending = False
        self._drawn_at_s = self._wall_s()
        try:
            self._draw(self.objects())
        except Exception:
            _log.exception("a view could not be drawn")


class Pulse:
    """Calls `draw` again and again, for what no resource of the API tells; at ``pace="max"`` after each cell."""

    def __init__(self, cluster: Cluster, draw: Callable[[], Awaitable[None]]) -> None:
        self._cluster = cluster
        self._draw = draw
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self) -> None:
        _live(self._cluster, self)
        self._cluster.run(self._beat())

    def stop(self) -> None:
        """Draw no more; what is drawn stays."""
        self._stopped = True

    def flush(self) -> None:
        if not self._stopped and self._cluster.is_up and (self._cluster.pace == "max" or self._timer is None):
            self._cluster.run(self._beat())

    async def _beat(self) -> None:
        """Draw now, and later again if time goes by itself."""
        try:
            await self._draw()
        except Exception:
            _log.exception("a view could not be drawn")
        pace = self._cluster.pace
        if pace == "max" or self._stopped:
            self._timer = None
            return
        with clock.periodic():
            self._timer = asyncio.get_running_loop().call_later(_PULSE_S * pace, self._again, context=Context())

    def _again(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._beat(), context=Context())


def _live(cluster: Cluster, feed: "Feed | Pulse") -> None:
    """One more that draws; the oldest ones stop."""
    living = _feeds.setdefault(cluster, [])
    living.append(feed)
    while len(living) > MAX_LIVE:
        living.pop(0).stop()


def _scope(gvr: GVR, namespace: str | None) -> str | None:
    return None if gvr.resource in _CLUSTER_SCOPED else namespace


def _whole(gvr: GVR, obj: Obj) -> Obj:
    """The object with apiVersion and kind, which items of a list lack."""
    if "kind" in obj:
        return obj
    return {"apiVersion": gvr.api_version, "kind": _kinds()[gvr], **obj}


@functools.cache
def _kinds() -> dict[GVR, str]:
    return {kind.gvr: kind.kind for kind in Registry.builtin().kinds()}
