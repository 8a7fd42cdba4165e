"""What happened, write by write: when, to which object, by whom, because of what, and which fields changed.

It is read from the store's own history, so it reaches back as far as that does, whatever the store is. Who wrote is
what the API server has noted of a write's cause, else the manager of the fields that were written last.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

import orjson

from kube_nb.etcd.backend import PUT, Event
from kube_nb.etcd.errors import Compacted
from kube_nb.machinery import times
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

_ROOT = b"/registry/"
_EVERYTHING = (b"\0", b"\0")
#: What is written again and again without anything having happened; told only if asked for.
HOUSEKEEPING = ("Lease", "Event")
#: Fields that change with every write.
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation")


class Step(TypedDict):
    """One write. time: RFC 3339, "" if nobody noted it. verb: created, updated or deleted. cell: the notebook's, None
    without one. trigger: the revision that the writer was reacting to, 0 if unknown. changes: which fields."""

    revision: int
    time: str
    verb: str
    kind: str
    namespace: str
    name: str
    actor: str
    cell: int | None
    trigger: int
    changes: list[str]


async def steps(engine: "Engine", since: int = 1, *, housekeeping: bool = False) -> list[Step]:
    """Every write from revision `since` on, oldest first; what is compacted away is left out."""
    found = [_step(engine, event) async for event in _events(engine, since)]
    return [step for step in found if housekeeping or step["kind"] not in HOUSEKEEPING]


async def _events(engine: "Engine", since: int) -> AsyncIterator[Event]:
    """All up to now; from the oldest revision that the store still has, if `since` is older."""
    until = (await engine.etcd.range(_ROOT, limit=1)).revision  # it has an event: every revision is a write of some key
    first = max(since, 1)
    while first <= until:
        watcher = engine.etcd.watch(*_EVERYTHING, start_revision=first, prev_kv=True)
        try:
            async for batch in watcher:
                for event in batch.events:
                    if event.kv.key.startswith(_ROOT):
                        yield event
                if batch.revision >= until:
                    return
        except Compacted:
            first = max(first + 1, watcher.compact_revision)
        finally:
            watcher.cancel()


def _step(engine: "Engine", event: Event) -> Step:
    after = orjson.loads(event.kv.value) if event.type is PUT else None
    before = orjson.loads(event.prev_kv.value) if event.prev_kv is not None else None
    obj: Obj = after or before or {}
    metadata = obj.get("metadata") or {}
    revision = event.kv.mod_revision
    cause = None if engine.apiserver is None else engine.apiserver.causes.get(revision)
    return {
        "revision": revision,
        "time": _time(engine, revision),
        "verb": "created" if event.is_create else "updated" if event.type is PUT else "deleted",
        "kind": obj.get("kind", ""),
        "namespace": metadata.get("namespace", ""),
        "name": metadata.get("name", event.kv.key.rpartition(b"/")[2].decode(errors="replace")),
        "actor": (cause.actor if cause is not None else "") or _manager(before, after),
        "cell": None if cause is None else cause.cell,
        "trigger": 0 if cause is None else cause.trigger,
        "changes": changed(before, after) if before and after else [],
    }


def _time(engine: "Engine", revision: int) -> str:
    moment_s = engine.chronicle.time_of(revision)
    return "" if moment_s is None else times.format(engine.clock.epoch + timedelta(seconds=moment_s))


def _manager(before: Obj | None, after: Obj | None) -> str:
    """Whose fields are others than before, by the object's own account."""
    known, entries = ((((obj or {}).get("metadata") or {}).get("managedFields") or []) for obj in (before, after))
    return next((str(entry.get("manager", "")) for entry in reversed(entries) if entry not in known), "")


def changed(before: Obj, after: Obj) -> list[str]:
    """The fields that differ, two levels deep: ``spec.replicas``, ``status.conditions``."""
    found = []
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict | None) and isinstance(new, dict | None):
            old, new = old or {}, new or {}
            inner = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
            found += [f"{key}.{name}" for name in inner if name not in _BOOKKEEPING]
        else:
            found.append(key)
    return found
