"""`Fairness`: the levels and schemas as the stored objects say, and what each schema's status says of them.

Models apiserver pkg/util/flowcontrol/apf_controller.go and pkg/registry/flowcontrol/rest (bootstrap and its upkeep).
"""

from collections.abc import Hashable
from typing import TYPE_CHECKING

from kube_nb.apiserver import boot
from kube_nb.apiserver.cacher import Cacher, Change
from kube_nb.apiserver.fairness import bootstrap, classify, levels
from kube_nb.apiserver.fairness.classify import Flow
from kube_nb.apiserver.fairness.levels import Level
from kube_nb.apiserver.requestinfo import LONGEST_KNOWN, RequestInfo
from kube_nb.machinery import clock, objects
from kube_nb.machinery.exchange import User
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

_GROUP = "flowcontrol.apiserver.k8s.io"
SCHEMAS, LEVELS = GVR(_GROUP, "v1", "flowschemas"), GVR(_GROUP, "v1", "prioritylevelconfigurations")
PRODUCER = "api-priority-and-fairness-config-producer-v1"
CONSUMER = "api-priority-and-fairness-config-consumer-v1"
#: How often missing objects are made anew.
UPKEEP_S = 60.0
#: How many answers to "which flow is this?" are kept.
KNOWN = 20_000


class Fairness:
    """total: the seats of the whole server."""

    def __init__(self, server: "ApiServer", total: int) -> None:
        self._server = server
        self._total = total
        self._schemas = server.cacher(SCHEMAS.resource, SCHEMAS.group)
        self._configurations = server.cacher(LEVELS.resource, LEVELS.group)
        self._levels: dict[str, Level] = {}
        self._flows: list[tuple[Obj, Flow]] = []
        self._known: dict[tuple[Hashable, ...], Flow] = {}
        self._lent_s = 0.0
        self._is_making = False
        #: Whether an object has changed since the last upkeep.
        self._is_stale = True
        self._configure()
        for cacher in (self._schemas, self._configurations):
            cacher.listeners.append(self._changed)

    # -- configuration ---------------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        self._is_stale = True
        if self._is_making:
            return
        if change.old is None or change.new is None or change.old["spec"] != change.new["spec"]:
            self._configure()

    def _configure(self) -> None:
        """Take over the stored objects; the mandatory ones are thought to be there."""
        specs = _known(bootstrap.levels(), self._configurations)
        self._levels = {name: self._levels.get(name) or Level(name) for name in specs}
        for name, level in self._levels.items():
            level.uid = objects.uid(specs[name])
            level.configure(specs[name]["spec"])
        levels.share([(level, specs[name]["spec"]) for name, level in self._levels.items()], self._total)
        schemas = _known(bootstrap.flow_schemas(), self._schemas)
        self._flows = [
            (schema, Flow.of(schema, self._levels[name]))
            for schema in classify.order(list(schemas.values()))
            if (name := schema["spec"]["priorityLevelConfiguration"]["name"]) in self._levels
        ]
        self._known = {}

    # -- upkeep ----------------------------------------------------------------------------------------------------

    async def make_objects(self) -> None:
        """Make the bootstrap objects that are missing, and tell each schema whether its level is there."""
        self._is_making = True
        try:
            made = [await self._make(LEVELS, obj) for obj in bootstrap.levels()]
            made += [await self._make(SCHEMAS, obj) for obj in bootstrap.flow_schemas()]
        finally:
            self._is_making = False
        if any(made):
            self._configure()
        for entry in list(self._schemas.select()):
            await self._tell(entry.obj)

    async def _make(self, gvr: GVR, obj: Obj) -> bool:
        """Whether it had to be made."""
        missing = self._server.cacher(gvr.resource, gvr.group).get(objects.name(obj)) is None
        if missing:
            await boot.ask(self._server, "POST", gvr.path(), obj, manager=PRODUCER)
        return missing

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await clock.periodic_sleep(UPKEEP_S)
            if self._is_stale:
                self._is_stale = False
                with clock.periodic():
                    await self.make_objects()

    async def _tell(self, schema: Obj) -> None:
        level = schema["spec"]["priorityLevelConfiguration"]["name"]
        there = level in self._levels
        told = "and it exists" if there else "but there is no such object"
        row = {
            "type": "Dangling",
            "status": "False" if there else "True",
            "reason": "Found" if there else "NotFound",
            "message": f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" {told}',
        }
        before = (schema.get("status") or {}).get("conditions")
        after = objects.set_condition(before, row, self._server.clock.timestamp())
        if after != before:
            path = SCHEMAS.path(None, objects.name(schema), "status")
            status = {**(schema.get("status") or {}), "conditions": after}
            await boot.ask(self._server, "PUT", path, {**schema, "status": status}, manager=CONSUMER)

    # -- at work ---------------------------------------------------------------------------------------------------

    def flow(self, info: RequestInfo, user: User) -> Flow:
        """The flow of a request; the schema catch-all takes what no other does."""
        if not info.is_resource or len(info.path) > LONGEST_KNOWN:
            return self._classified(info, user)
        key = (user.name, tuple(user.groups), info.verb, info.group, info.resource, info.subresource, info.namespace)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            found = self._known[key] = self._classified(info, user)
        return found

    def _classified(self, info: RequestInfo, user: User) -> Flow:
        for schema, flow in self._flows:
            if classify.matches(schema, info, user):
                return flow
        return next(flow for _, flow in self._flows if flow.schema == "catch-all")

    def levels(self) -> list[Level]:
        return [self._levels[name] for name in sorted(self._levels)]

    def flows(self) -> list[Flow]:
        return [flow for _, flow in self._flows]

    def before_waiting(self) -> None:
        """Somebody would have to wait: lend seats anew, unless that was just done."""
        now_s = self._server.clock.time()
        if now_s - self._lent_s >= levels.PERIOD_S:
            self._lent_s = now_s
            levels.lend(self.levels())


def _known(bootstrapped: list[Obj], stored: Cacher) -> dict[str, Obj]:
    """The stored objects by name, and the mandatory ones whether they are stored or not."""
    mandatory = {name: obj for obj in bootstrapped if (name := objects.name(obj)) in bootstrap.MANDATORY}
    return {**mandatory, **{entry.key: entry.obj for entry in stored.select()}}
