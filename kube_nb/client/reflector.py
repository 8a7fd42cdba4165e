"""`Reflector`: makes a cache follow one resource: list, watch, resume, and list again when history is gone."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Protocol

from kube_nb.client import errors
from kube_nb.client.rest import Client
from kube_nb.machinery import clock as clocks
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import WatchEvent
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)


class Cache(Protocol):
    """What a reflector feeds."""

    def replace(self, objs: Sequence[Obj]) -> None:
        """The whole resource as it is at one revision."""

    def apply(self, events: Sequence[WatchEvent]) -> None:
        """ADDED, MODIFIED and DELETED, in order."""


class Backoff:
    """Delays of 0.8 s doubling to 30 s, each up to twice as long at random; from the start again after a quiet 2 min.

    Models wait.NewExponentialBackoffManager as reflectors use it."""

    def __init__(self, stream: random.Random, *, first_s: float = 0.8, cap_s: float = 30.0) -> None:
        self._stream = stream
        self._first_s = first_s
        self._cap_s = cap_s
        self._next_s = first_s
        self._last_used_s = 0.0

    async def sleep(self) -> None:
        """Wait; as housekeeping once the delay has reached its cap, for then nobody should wait for success."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._last_used_s > 120:
            self._next_s = self._first_s
        capped = self._next_s >= self._cap_s
        delay_s = self._next_s * (1 + self._stream.random())
        self._next_s = min(2 * self._next_s, self._cap_s)
        await (clocks.periodic_sleep(delay_s) if capped else asyncio.sleep(delay_s))
        self._last_used_s = loop.time()


class Reflector:
    """Lists and watches one resource into a `Cache` until cancelled.

    The first list takes what the server has at hand (resourceVersion 0), later ones nothing older than what was seen,
    or the newest if the server no longer knows that revision. A watch that ends resumes from the last revision seen,
    bookmarks included; 410 Gone leads to a new list. Models client-go tools/cache/reflector.go.
    Differs: no paging and no streaming lists; the server chooses how long a watch lives unless `watch_timeout_s` says.
    """

    def __init__(
        self,
        client: Client,
        gvr: GVR,
        cache: Cache,
        stream: random.Random,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        watch_timeout_s: float | None = None,
    ) -> None:
        self._client = client
        self._gvr = gvr
        self._cache = cache
        self._backoff = Backoff(stream)
        self._stream = stream
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._watch_timeout_s = watch_timeout_s
        self._kind: tuple[str, str] = ("", "")
        self._expired = False
        #: The last revision seen; "" before the first list.
        self.resource_version = ""

    async def run(self) -> None:
        while True:
            try:
                await self._list()
                await self._watch()
            except errors.Unreachable as error:
                _log.debug("no server to list from", extra={"resource": self._gvr.resource, "error": str(error)})
            except ApiError as error:
                self._expired = errors.is_expired(error) or errors.is_too_large_resource_version(error)
                level = logging.DEBUG if self._expired else logging.WARNING
                _log.log(
                    level, "failed to list or watch %s: %s", self._gvr.group_resource, error, extra={"code": error.code}
                )
            await self._backoff.sleep()

    async def _list(self) -> None:
        resource_version = "" if self._expired else self.resource_version or "0"
        answer = await self._client.list(
            self._gvr,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            resource_version=resource_version,
        )
        self._expired = False
        self._kind = (answer.get("apiVersion", ""), str(answer.get("kind", "")).removesuffix("List"))
        self._cache.replace([self._typed(item) for item in answer.get("items") or ()])
        self.resource_version = answer["metadata"]["resourceVersion"]

    def _typed(self, item: Obj) -> Obj:
        """Items of a list may come without apiVersion and kind; caches hold them with both."""
        if "kind" in item:
            return item
        api_version, kind = self._kind
        return {"apiVersion": api_version, "kind": kind, **item}

    async def _watch(self) -> None:
        """Watch, and watch on; returns or raises when only a new list can help."""
        while True:
            started_s = asyncio.get_running_loop().time()
            before = self.resource_version
            try:
                await self._watch_once()
            except errors.Unreachable:
                await self._backoff.sleep()
                continue
            except ApiError as error:
                if error.code != 429:
                    raise
                await self._backoff.sleep()
                continue
            if before == self.resource_version and asyncio.get_running_loop().time() - started_s < 1:
                await self._backoff.sleep()

    async def _watch_once(self) -> None:
        timeout_s = self._watch_timeout_s
        stream = await self._client.watch(
            self._gvr,
            self._namespace,
            resource_version=self.resource_version,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            timeout_s=None if timeout_s is None else timeout_s * (1 + self._stream.random()),
        )
        try:
            while events := await stream.batch():
                self._take(events)
        finally:
            stream.close()

    def _take(self, events: list[WatchEvent]) -> None:
        last = events[-1]
        if last.type == "ERROR":
            if len(events) > 1:
                self._take(events[:-1])
            raise ApiError.from_status(last.object)
        self._cache.apply(events)
        self.resource_version = last.object["metadata"]["resourceVersion"]
