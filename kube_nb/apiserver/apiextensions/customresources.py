"""CustomResourceDefinitions at work: names accepted, kinds served, instances deleted with their definition.

A task follows the definitions; each change is brought to its end in one pass: status first, then what is served.
Models apiextensions-apiserver pkg/controller/{status,establish,finalizer} and pkg/apiserver/customresource_handler.go.
Differs: what a schema no longer has is pruned when an object is next written, not when it is read.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from kube_nb.api import custom
from kube_nb.apiserver import boot
from kube_nb.apiserver.apiextensions.conversion import Webhook
from kube_nb.apiserver.cacher import Change
from kube_nb.apiserver.pending import Pending
from kube_nb.machinery import objects
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

logger = logging.getLogger(__name__)

DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


class CustomResources:
    """Keeps the registry in step with the stored definitions."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server
        self._cacher = server.cacher(DEFINITIONS.resource, DEFINITIONS.group)
        self._cacher.listeners.append(self._changed)
        self._pending = Pending()
        #: What each definition made: name -> the GVRs served for it, the stored version first.
        self._served: dict[str, tuple[GVR, ...]] = {}
        #: What that was made from: name -> (spec, storedVersions).
        self._made_from: dict[str, tuple[Obj, Obj]] = {}

    async def start(self) -> None:
        """Serve what is established already, before the first request."""
        for entry in list(self._cacher.select()):
            await self._serve(entry.key, entry.obj)
            self._pending.add(entry.key)

    def _changed(self, change: Change) -> None:
        self._pending.add(change.key)

    async def run(self) -> None:
        """Until cancelled."""
        await self._pending.work(self._sync, "CustomResourceDefinition", logger)

    async def _sync(self, name: str) -> None:
        entry = self._cacher.get(name)
        if entry is None:
            self._forget(name)
            await self._server.api_services.register()
            return
        definition = entry.obj
        if objects.is_deleting(definition):
            await self._clean_up(definition)
            return
        status = self._status(definition)
        if status != definition.get("status"):
            path = DEFINITIONS.path(None, name, "status")
            await boot.ask(self._server, "PUT", path, {**definition, "status": status})
            return  # the write brings us here again
        if await self._serve(name, definition):
            await self._server.api_services.register()

    # -- status ----------------------------------------------------------------------------------------------------

    def _status(self, definition: Obj) -> Obj:
        """acceptedNames, conditions and storedVersions as they should be."""
        status, spec = definition.get("status") or {}, definition["spec"]
        now = self._server.clock.timestamp()
        conflict = self._conflict(definition)
        established = not conflict or objects.is_condition_true(definition, "Established")
        conditions = status.get("conditions")
        if conflict:
            row = {"type": "NamesAccepted", "status": "False", "reason": "ListKindConflict", "message": conflict}
        else:
            row = {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found"}
        conditions = objects.set_condition(conditions, row, now)
        if established:
            text = "the initial names have been accepted"
            row = {"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": text}
        else:
            text = "not all names are accepted"
            row = {"type": "Established", "status": "False", "reason": "NotAccepted", "message": text}
        conditions = objects.set_condition(conditions, row, now)
        stored = list(status.get("storedVersions") or ())
        current = next(version["name"] for version in spec["versions"] if version.get("storage"))
        names = (status.get("acceptedNames") or {"plural": "", "kind": ""}) if conflict else spec["names"]
        versions = stored if current in stored else [*stored, current]
        return {**status, "conditions": conditions, "acceptedNames": names, "storedVersions": versions}

    def _conflict(self, definition: Obj) -> str:
        """Why the names cannot be had, "" if they can: another kind of the group has one of them."""
        spec = definition["spec"]
        own = set(self._served.get(objects.name(definition), ()))
        wanted = spec["names"]
        taken_names: set[str] = set()
        taken_kinds: set[str] = set()
        for kind in self._server.registry.kinds():
            if kind.group == spec["group"] and kind.gvr not in own:
                taken_names |= {kind.plural, kind.singular, *kind.short_names}
                taken_kinds |= {kind.kind, kind.list_kind}
        for name in (wanted["plural"], wanted.get("singular", ""), *(wanted.get("shortNames") or ())):
            if name in taken_names:
                return f'"{name}" is already in use'
        for name in (wanted["kind"], wanted.get("listKind", "")):
            if name in taken_kinds:
                return f'"{name}" is already in use'
        return ""

    # -- serving ---------------------------------------------------------------------------------------------------

    async def _serve(self, name: str, definition: Obj) -> bool:
        """Put the definition's kinds in the place of those that it had; False if nothing changes."""
        if not objects.is_condition_true(definition, "Established"):
            return False
        made_from = (definition["spec"], definition["status"].get("storedVersions"))
        if self._made_from.get(name) == made_from:
            return False
        self._made_from[name] = made_from
        kinds = custom.kinds(definition)
        gone = set(self._served.get(name, ())) - {kind.gvr for kind in kinds}
        for gvr in sorted(gone):
            self._remove(gvr)
        conversion = definition["spec"].get("conversion") or {}
        webhook = conversion.get("webhook") if conversion.get("strategy") == "Webhook" else None
        converter = Webhook(self._server, webhook) if webhook else None
        for kind in kinds:
            self._server.registry.add(kind)
            others = {*made_from[1], *(version["name"] for version in made_from[0]["versions"])} - {kind.version}
            await self._server.add(kind, converter, has_history=bool(others))
        self._served[name] = tuple(kind.gvr for kind in sorted(kinds, key=lambda kind: kind.gvk != kind.storage))
        return True

    def _forget(self, name: str) -> None:
        self._made_from.pop(name, None)
        for gvr in self._served.pop(name, ()):
            self._server.storage.remove(self._server.resource(*gvr).kind.storage_prefix)
            self._remove(gvr)

    def _remove(self, gvr: GVR) -> None:
        self._server.registry.remove(gvr)
        self._server.remove(gvr)

    # -- deletion --------------------------------------------------------------------------------------------------

    async def _clean_up(self, definition: Obj) -> None:
        """Delete the instances; when none is left, let the definition go."""
        name = objects.name(definition)
        if FINALIZER not in objects.finalizers(definition):
            return
        served = self._served.get(name, ())
        if served:
            group = served[0]
            found = await boot.ask(self._server, "GET", group.path()) or {}
            for item in found.get("items") or ():
                path = group.path(objects.namespace(item) or None, objects.name(item))
                await boot.ask(self._server, "DELETE", path)
            if (await boot.ask(self._server, "GET", group.path()) or {}).get("items"):
                asyncio.get_running_loop().call_later(1, self._pending.add, name)
                return
        rest = [finalizer for finalizer in objects.finalizers(definition) if finalizer != FINALIZER]
        cleaned = objects.with_metadata(definition, finalizers=rest or None)
        await boot.ask(self._server, "PUT", DEFINITIONS.path(None, name), cleaned)
