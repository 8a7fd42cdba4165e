"""`LeaderElector`: of several that could act, at most one does; agreed on through a Lease."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context

from kube_nb.client import errors
from kube_nb.client.events import NORMAL, EventRecorder
from kube_nb.client.rest import Client
from kube_nb.machinery import clock as clocks
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)

LEASES = GVR("coordination.k8s.io", "v1", "leases")
_JITTER_FACTOR = 1.2


class LeaderElector:
    """Acquires the Lease, leads while it can renew it, and stops leading before another may start.

    A standby takes over when it has seen no renewal for `lease_duration_s` on its own clock; a leader that could not
    renew for `renew_deadline_s` stops. Both hold without synchronised clocks as long as they run equally fast.
    Models client-go tools/leaderelection. Differs: Leases only, no coordinated election.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        identity: str,
        name: str,
        namespace: str = "kube-system",
        *,
        lease_duration_s: float = 15.0,
        renew_deadline_s: float = 10.0,
        retry_period_s: float = 2.0,
        release_on_cancel: bool = False,
        recorder: EventRecorder | None = None,
        on_new_leader: Callable[[str], object] | None = None,
    ) -> None:
        if lease_duration_s <= renew_deadline_s:
            raise ValueError("leaseDuration must be greater than renewDeadline")
        if renew_deadline_s <= retry_period_s * _JITTER_FACTOR:
            raise ValueError("renewDeadline must be greater than retryPeriod*JitterFactor")
        self._client = client
        self._clock = clock
        self.identity = identity
        self._name = name
        self._namespace = namespace
        self._lease_duration_s = lease_duration_s
        self._renew_deadline_s = renew_deadline_s
        self._retry_period_s = retry_period_s
        self._release_on_cancel = release_on_cancel
        self._recorder = recorder
        self._on_new_leader = on_new_leader
        self._stream = clock.stream(f"leaderelection/{namespace}/{name}/{identity}")
        self._lease: Obj | None = None  # as last seen
        self._seen_s = 0.0  # when it was seen to change, on our clock
        self._reported = ""

    @property
    def leader(self) -> str:
        """Who leads, as far as we have seen; "" for nobody."""
        return str(_spec(self._lease).get("holderIdentity") or "")

    @property
    def is_leader(self) -> bool:
        return self.leader == self.identity

    async def run(
        self, on_started: Callable[[], Awaitable[None]], on_stopped: Callable[[], object] | None = None
    ) -> None:
        """Wait for the lease, run `on_started` while we hold it; returns when it is lost.

        `on_started` is cancelled when the lease is lost. If it ends by itself we keep the lease; if it raises, so do
        we. `on_stopped` is called in the end, in any case.
        """
        try:
            await self._acquire()
            await self._lead(on_started)
        finally:
            if on_stopped is not None:
                on_stopped()

    async def _lead(self, on_started: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        work = loop.create_task(_awaited(on_started()), name=f"leading {self._name}", context=Context())
        renewal = loop.create_task(self._renew(), name=f"renewing {self._name}", context=Context())
        waiting = [work, renewal]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            await renewal
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
            if self._release_on_cancel and self.is_leader:
                await self._release()

    # -- the two loops -----------------------------------------------------------------------------------------------

    async def _acquire(self) -> None:
        while True:
            answered = True
            try:
                if await self._try_acquire_or_renew():
                    break
            except (ApiError, errors.Unreachable) as error:
                answered = isinstance(error, ApiError)
                _log.debug("failed to acquire lease %s: %s", self._name, error)
            delay_s = self._retry_period_s * (1 + _JITTER_FACTOR * self._stream.random())
            # A standby behind a living leader may wait for ever; one without a server waits for something to come up.
            await (clocks.periodic_sleep(delay_s) if answered else asyncio.sleep(delay_s))
        if self._recorder is not None and self._lease is not None:
            self._recorder.event(self._lease, NORMAL, "LeaderElection", f"{self.identity} became leader")

    async def _renew(self) -> None:
        """Renew every `retry_period_s`; returns after `renew_deadline_s` without success."""
        while await self._renew_once():
            await clocks.periodic_sleep(self._retry_period_s)
        if self._recorder is not None and self._lease is not None:
            self._recorder.event(self._lease, NORMAL, "LeaderElection", f"{self.identity} stopped leading")

    async def _renew_once(self) -> bool:
        """Try until it works or the deadline has passed, which counts from the first try: who was held up tries yet."""
        deadline_s = self._clock.time() + self._renew_deadline_s
        while self._clock.time() < deadline_s:
            try:
                async with asyncio.timeout_at(deadline_s):
                    if await self._try_acquire_or_renew():
                        return True
            except (ApiError, errors.Unreachable, TimeoutError) as error:
                _log.debug("failed to renew lease %s: %s", self._name, error)
            if not self.is_leader:
                return False
            await clocks.periodic_sleep(self._retry_period_s)
        return False

    # -- one step ----------------------------------------------------------------------------------------------------

    async def _try_acquire_or_renew(self) -> bool:
        """Whether the lease is ours now. Models tryAcquireOrRenew."""
        now = self._clock.timestamp_micro()
        if self._lease is not None and self.is_leader and self._valid():
            try:
                await self._put({**_spec(self._lease), "renewTime": now})
                return True
            except ApiError as error:
                _log.debug("failed to renew optimistically: %s", error, extra={"lease": self._name})
        try:
            found = await self._client.get(LEASES, self._name, self._namespace)
        except ApiError as error:
            if not errors.is_not_found(error):
                raise
            await self._create(now)
            return True
        if self._lease is None or _spec(found) != _spec(self._lease):
            self._observe(found)
        self._lease = found
        if self.leader and not self.is_leader and self._valid():
            return False
        await self._put(self._claimed(now))
        return True

    def _claimed(self, now: str) -> Obj:
        old = _spec(self._lease)
        ours = self.is_leader
        return {
            **old,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self._lease_duration_s),
            "acquireTime": old.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + (0 if ours else 1),
        }

    def _valid(self) -> bool:
        duration_s = _spec(self._lease).get("leaseDurationSeconds") or self._lease_duration_s
        return self._seen_s + float(duration_s) > self._clock.time()

    async def _create(self, now: str) -> None:
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self._lease_duration_s),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": 0,
        }
        meta = {"name": self._name, "namespace": self._namespace}
        lease = {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": meta, "spec": spec}
        self._observe(await self._client.create(LEASES, lease))

    async def _put(self, spec: Obj) -> None:
        assert self._lease is not None
        self._observe(await self._client.update(LEASES, {**self._lease, "spec": spec}))

    async def _release(self) -> None:
        """Give the lease up, so that a standby need not wait for its end; a lease without a holder is anybody's."""
        assert self._lease is not None
        now = self._clock.timestamp_micro()
        spec = {
            "leaseDurationSeconds": 1,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": _spec(self._lease).get("leaseTransitions", 0),
        }
        try:
            await self._put(spec)
        except (ApiError, errors.Unreachable) as error:
            _log.debug("failed to release lease %s: %s", self._name, error)

    def _observe(self, lease: Obj) -> None:
        self._lease = lease
        self._seen_s = self._clock.time()
        if self.leader != self._reported:
            self._reported = self.leader
            if self._on_new_leader is not None and self.leader:
                self._on_new_leader(self.leader)


def _spec(lease: Obj | None) -> Obj:
    return (lease or {}).get("spec") or {}


async def _awaited(work: Awaitable[None]) -> None:
    await work
