"""`Informer`: a cache of one resource that tells its handlers what changed; `InformerFactory` shares them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import NamedTuple

from kube_nb.client import mutation, trigger
from kube_nb.client.indexer import Indexer, IndexFunc
from kube_nb.client.reflector import Reflector
from kube_nb.client.rest import Client
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Calendar, Clock
from kube_nb.machinery.exchange import WatchEvent
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)

OnAdd = Callable[[Obj], object]
OnUpdate = Callable[[Obj, Obj], object]
OnDelete = Callable[[Obj], object]


class Registration:
    """One set of handlers. Never raises into the informer: a handler's exception is logged and the next one called."""

    __slots__ = ("on_add", "on_delete", "on_update")

    def __init__(self, on_add: OnAdd | None, on_update: OnUpdate | None, on_delete: OnDelete | None) -> None:
        self.on_add = on_add
        self.on_update = on_update
        self.on_delete = on_delete


class Informer:
    """A cache of one resource, kept by a `Reflector`, read by everybody.

    Handlers run synchronously, in the order of registration, after the cache has changed; they must not wait and not
    change what they get. An update whose revision did not change (after a relist) is not told. Use
    `InformerFactory.informer` to make one. Models client-go tools/cache/shared_informer.go. Differs: no resync timer
    (a controller that wants one has `Controller`'s requeue times), a missed deletion gives `on_delete` the last known
    object bare, not in a DeletedFinalStateUnknown.
    """

    def __init__(self, name: str, *, detect_mutations: bool = False) -> None:
        self.name = name
        self._indexer = Indexer()
        self._registrations: list[Registration] = []
        self._synced = asyncio.Event()
        self._detector = mutation.MutationDetector(name) if detect_mutations else None
        # Reading goes straight to the indexer: bound once, called often.
        self.get_key = self._indexer.get_key
        self.get = self._indexer.get
        self.list = self._indexer.list
        self.by_index = self._indexer.by_index
        self.index_values = self._indexer.index_values

    # -- for readers -----------------------------------------------------------------------------------------------

    @property
    def synced(self) -> bool:
        """Whether the first list is in the cache and told to all handlers."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def __len__(self) -> int:
        return len(self._indexer)

    def add_index(self, name: str, values_of: IndexFunc) -> None:
        """Find objects by the values that the function gives; see `Indexer.add_index`."""
        self._indexer.add_index(name, values_of)

    def add_handler(
        self, on_add: OnAdd | None = None, on_update: OnUpdate | None = None, on_delete: OnDelete | None = None
    ) -> Registration:
        """Be told of every object that is there already (as added) and of every change from now on."""
        registration = Registration(on_add, on_update, on_delete)
        self._registrations.append(registration)
        if on_add is not None:
            for obj in self._indexer.list():
                self._call(on_add, obj)
        return registration

    def remove_handler(self, registration: Registration) -> None:
        """Not told any more from now on; removing twice changes nothing."""
        self._registrations = [each for each in self._registrations if each is not registration]

    # -- for the reflector -----------------------------------------------------------------------------------------

    def replace(self, objs: Sequence[Obj]) -> None:
        """Take over a list: tell additions, changes and deletions against what was known."""
        missing = dict.fromkeys(self._indexer.keys())
        for obj in objs:
            key = objects.key(obj)
            missing.pop(key, None)
            self._put(key, obj, unchanged_is_news=False)
        for key in missing:
            self._remove(key, None)
        trigger.current.set(0)
        self._synced.set()

    def apply(self, events: Sequence[WatchEvent]) -> None:
        """Take over watch events, a batch at a time."""
        for event in events:
            kind = event.type
            if kind == "MODIFIED" or kind == "ADDED":
                self._put(objects.key(event.object), event.object, unchanged_is_news=True)
            elif kind == "DELETED":
                self._remove(objects.key(event.object), event.object)
        trigger.current.set(0)

    def _put(self, key: str, obj: Obj, *, unchanged_is_news: bool) -> None:
        old = self._indexer.put(key, obj)
        if self._detector is not None:
            self._detector.put(key, obj)
        trigger.current.set(trigger.revision(obj))
        if old is None:
            for registration in self._registrations:
                if registration.on_add is not None:
                    self._call(registration.on_add, obj)
        elif unchanged_is_news or objects.resource_version(old) != objects.resource_version(obj):
            for registration in self._registrations:
                if registration.on_update is not None:
                    self._call(registration.on_update, old, obj)

    def _remove(self, key: str, last: Obj | None) -> None:
        """last: the object as the event shows it; None if the deletion was missed."""
        known = self._indexer.remove(key)
        if self._detector is not None:
            self._detector.remove(key)
        if known is None:
            return
        obj = known if last is None else last
        trigger.current.set(trigger.revision(obj))
        for registration in self._registrations:
            if registration.on_delete is not None:
                self._call(registration.on_delete, obj)

    def _call(self, handler: Callable[..., object], *arguments: Obj) -> None:
        try:
            handler(*arguments)
        except Exception:
            _log.exception("a handler failed", extra={"informer": self.name, "handler": repr(handler)})

    def check_mutations(self) -> None:
        """`mutation.CacheMutated` if somebody changed a cached object; does nothing without the detector."""
        if self._detector is not None:
            self._detector.check()


class InformerKey(NamedTuple):
    """What makes two requests for an informer the same."""

    gvr: GVR
    namespace: str | None
    field_selector: str
    label_selector: str


class InformerFactory:
    """Gives one informer per resource (and namespace and selectors), however many ask for it.

    clock: for the seeded jitter of retries; the running loop if None. name: tells the streams of several factories
    apart (a component's name). Models client-go informers.SharedInformerFactory.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock | None = None,
        *,
        name: str = "",
        detect_mutations: bool | None = None,
        watch_timeout_s: float | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._name = name or client.user_agent
        self._detect_mutations = mutation.enabled_by_environment() if detect_mutations is None else detect_mutations
        self._watch_timeout_s = watch_timeout_s
        self._informers: dict[InformerKey, Informer] = {}
        self._tasks: dict[InformerKey, asyncio.Task[None]] = {}
        self._started = False

    def informer(
        self, gvr: GVR, *, namespace: str | None = None, field_selector: str = "", label_selector: str = ""
    ) -> Informer:
        """The shared informer; made, and started if the factory is, when first asked for."""
        key = InformerKey(gvr, namespace or None, field_selector, label_selector)
        informer = self._informers.get(key)
        if informer is None:
            informer = Informer(f"{self._name}/{gvr.group_resource}", detect_mutations=self._detect_mutations)
            self._informers[key] = informer
            if self._started:
                self._start(key)
        return informer

    async def start(self) -> None:
        """Start every informer asked for so far; those asked for later start at once. May be called again."""
        self._started = True
        for key in self._informers:
            if key not in self._tasks:
                self._start(key)

    def _start(self, key: InformerKey) -> None:
        clock = self._clock or _clock_of_loop()
        reflector = Reflector(
            self._client,
            key.gvr,
            self._informers[key],
            clock.stream(f"reflector/{self._name}/{key.gvr.group_resource}"),
            namespace=key.namespace,
            label_selector=key.label_selector,
            field_selector=key.field_selector,
            watch_timeout_s=self._watch_timeout_s,
        )
        task = asyncio.get_running_loop().create_task(reflector.run(), name=f"reflector {key.gvr}", context=Context())
        task.add_done_callback(_report)
        self._tasks[key] = task

    async def wait_synced(self) -> None:
        """Until the first list of every informer asked for so far is in."""
        for informer in list(self._informers.values()):
            await informer.wait_synced()

    async def stop(self) -> None:
        """Stop following; the caches stay readable. `mutation.CacheMutated` if the detector found one."""
        tasks, self._tasks, self._started = list(self._tasks.values()), {}, False
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.check_mutations()

    def check_mutations(self) -> None:
        for informer in self._informers.values():
            informer.check_mutations()


def _clock_of_loop() -> Clock:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Calendar)
    return loop


def _report(task: "asyncio.Task[None]") -> None:
    """A reflector never ends by itself; if one did, that is a fault to be seen."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a reflector failed", exc_info=error, extra={"task": task.get_name()})
