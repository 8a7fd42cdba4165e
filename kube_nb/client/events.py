"""`EventRecorder`: writes what a component wants users to read under Events in ``kubectl describe``."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextvars import Context
from typing import Literal, TypeAlias

from kube_nb.client import errors
from kube_nb.client.correlator import Correlated, Correlator
from kube_nb.client.rest import Client
from kube_nb.machinery import cause, objects
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)

EVENTS = GVR("", "v1", "events")
NORMAL: Literal["Normal"] = "Normal"
WARNING: Literal["Warning"] = "Warning"
EventType: TypeAlias = Literal["Normal", "Warning"]

#: While no server answers: so many tries per event, so far apart. As client-go's event.go.
MAX_TRIES = 12
RETRY_S = 10.0


class EventRecorder:
    """Records core/v1 Events. `event` returns at once; they are written in order, in the background.

    Repeats raise `count` and `lastTimestamp` of the event that is there, look-alikes are folded, spam is dropped, as
    the `Correlator` says. A refusal by the server drops the event. Nothing runs while there is nothing to write.
    Models client-go tools/record/event.go. Differs: up to `max_queued` events wait where upstream keeps 1000.
    """

    def __init__(
        self, client: Client, component: str, clock: Clock, host: str = "", *, max_queued: int = 100_000
    ) -> None:
        self._client = client
        self._clock = clock
        self._source = {"component": component, "host": host} if host else {"component": component}
        self._component = component
        self._host = host
        self._stream = clock.stream(f"events/{component}/{host}")
        self._last_ns = 0
        self._correlator = Correlator(clock.time, self._name_of)
        self._max_queued = max_queued
        self._queue: deque[tuple[Obj, Cause]] = deque()
        self._writer: asyncio.Task[None] | None = None

    def event(
        self,
        obj: Obj,
        type: EventType,
        reason: str,
        message: str,
        *,
        field_path: str = "",
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Say something about an object (or about what an ObjectReference points at).

        field_path: the part of it that is meant, ``spec.containers{nginx}``.
        """
        if len(self._queue) >= self._max_queued:
            _log.warning("event dropped: too many wait", extra={"reason": reason})
            return
        self._queue.append((self._make(obj, type, reason, message, field_path, annotations), cause.current.get()))
        if self._writer is None:
            loop = asyncio.get_running_loop()
            self._writer = loop.create_task(self._write_all(), name=f"events {self._component}", context=Context())

    async def flush(self) -> None:
        """Until everything recorded so far is written or dropped."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def stop(self) -> None:
        """Forget what is not written yet."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    # -- making ----------------------------------------------------------------------------------------------------

    def _make(
        self,
        obj: Obj,
        type: EventType,
        reason: str,
        message: str,
        field_path: str,
        annotations: Mapping[str, str] | None,
    ) -> Obj:
        involved = reference(obj, field_path)
        now = self._clock.timestamp()
        meta: Obj = {
            "name": self._name_of(involved.get("name", "")),
            "namespace": involved.get("namespace") or "default",
        }
        if annotations:
            meta["annotations"] = dict(annotations)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": meta,
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    def _name_of(self, name: str) -> str:
        """``web-0.18a6b1c5d2f3e4a5``: the time in nanoseconds; below a millisecond the stream decides."""
        now_ns = int(self._clock.now().timestamp() * 1_000_000) * 1000 + self._stream.randrange(1_000_000)
        self._last_ns = max(self._last_ns + 1, now_ns)
        return f"{name}.{self._last_ns:x}"

    # -- writing ---------------------------------------------------------------------------------------------------

    async def _write_all(self) -> None:
        try:
            while self._queue:
                event, why = self._queue.popleft()
                cause.current.set(why)
                correlated = self._correlator.correlate(event)
                if correlated is not None:
                    await self._write_patiently(correlated)
        finally:
            self._writer = None

    async def _write_patiently(self, correlated: Correlated) -> None:
        """As long as no server answers, try again; the first time after a random part of the delay."""
        for attempt in range(MAX_TRIES):
            try:
                self._correlator.written(await self._write(correlated))
                return
            except ApiError as error:
                _log.debug("the server rejected an event: %s", error, extra={"code": error.code})
                return
            except errors.Unreachable:
                await asyncio.sleep(RETRY_S * self._stream.random() if attempt == 0 else RETRY_S)
        _log.warning("unable to write an event, giving up", extra={"event": correlated.event["metadata"]["name"]})

    async def _write(self, correlated: Correlated) -> Obj:
        event = correlated.event
        if correlated.patch is not None:
            meta = event["metadata"]
            try:
                return await self._client.patch(
                    EVENTS, meta["name"], correlated.patch, meta["namespace"], type="strategic"
                )
            except ApiError as error:
                if error.code != 404:
                    raise
        return await self._client.create(EVENTS, objects.with_metadata(event, resourceVersion=None))


def reference(obj: Obj, field_path: str = "") -> Obj:
    """An ObjectReference to the object, or the one that was given. Models client-go tools/reference."""
    if "metadata" not in obj:
        return {**obj, "fieldPath": field_path} if field_path else obj
    meta = obj["metadata"]
    fields = {
        "kind": obj["kind"],
        "namespace": meta.get("namespace", ""),
        "name": meta.get("name", ""),
        "uid": meta.get("uid", ""),
        "apiVersion": obj["apiVersion"],
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {field: value for field, value in fields.items() if value}
