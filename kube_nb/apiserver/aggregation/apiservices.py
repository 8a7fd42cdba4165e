"""APIServices at work: one for each version that is served here, and for others the road to their server.

Models kube-aggregator pkg/controllers/{autoregister,status} and pkg/controlplane/controller/crdregistration.
Differs: one discovery request a check instead of five at once; a local APIService that is taken away is not missed.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from kube_nb.api import custom, discovery
from kube_nb.api.registry import Remote
from kube_nb.apiserver import aggregation, boot
from kube_nb.apiserver.cacher import Change
from kube_nb.apiserver.pending import Pending
from kube_nb.machinery import clock, errors, objects
from kube_nb.machinery.exchange import Request, Response, User
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

logger = logging.getLogger(__name__)

API_SERVICES = GVR("apiregistration.k8s.io", "v1", "apiservices")
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
#: How often a server is asked again whether it is there.
RESYNC_S = 30.0
CHECK_TIMEOUT_S = 5.0
#: spec.versionPriority of versions other than 15.
_VERSION_PRIORITIES = {
    ("", "v1"): 1,
    ("autoscaling", "v2"): 30,
    ("flowcontrol.apiserver.k8s.io", "v1"): 21,
    ("flowcontrol.apiserver.k8s.io", "v1beta3"): 18,
}
_CORE_PRIORITY = 18000
_AGGREGATOR = User("system:kube-aggregator", ("system:masters",))
_Condition = tuple[str, str, str]
PASSED: _Condition = ("True", "Passed", "all checks passed")


class ApiServices:
    """Keeps APIServices in step with what is served, and the registry with what other servers serve."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server
        self._cacher = server.cacher(API_SERVICES.resource, API_SERVICES.group)
        self._cacher.listeners.append(self._changed)
        server.cacher("services").listeners.append(self._service_changed)
        server.cacher("endpointslices", "discovery.k8s.io").listeners.append(self._slice_changed)
        self._pending = Pending()

    # -- what is served here ---------------------------------------------------------------------------------------

    async def register(self) -> None:
        """Make the APIServices of what is served here, and take away those of custom groups that are gone."""
        wanted = self._wanted()
        for name, obj in wanted.items():
            if self._cacher.get(name) is None:
                await boot.ask(self._server, "POST", API_SERVICES.path(), obj)
        for entry in list(self._cacher.select()):
            if objects.labels(entry.obj).get(MANAGED) == "true" and entry.key not in wanted:
                await boot.ask(self._server, "DELETE", API_SERVICES.path(None, entry.key))

    def _wanted(self) -> dict[str, Obj]:
        """By name; none for this API itself."""
        found: dict[str, Obj] = {}
        for kind in self._server.registry.kinds():
            if kind.group == API_SERVICES.group:
                continue
            label, priority, version_priority = "onstart", kind.priority if kind.group else _CORE_PRIORITY, 15
            version_priority = _VERSION_PRIORITIES.get((kind.group, kind.version), version_priority)
            if kind.is_custom:
                label, version_priority = "true", custom.VERSION_PRIORITY
            name = f"{kind.version}.{kind.group}"
            found[name] = {
                "apiVersion": API_SERVICES.api_version,
                "kind": "APIService",
                "metadata": {"name": name, "labels": {MANAGED: label}},
                "spec": {
                    "group": kind.group,
                    "version": kind.version,
                    "groupPriorityMinimum": priority,
                    "versionPriority": version_priority,
                },
            }
        return found

    # -- what others serve -----------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        old, new = (None if obj is None else obj["spec"] for obj in (change.old, change.new))
        if old != new and (_service(old) or _service(new)):
            self._pending.add(change.key)

    def _service_changed(self, change: Change) -> None:
        if self._server.registry.remote:
            self._check_those_of(change.key)

    def _slice_changed(self, change: Change) -> None:
        if self._server.registry.remote:
            obj = change.new or change.old or {}
            name = objects.labels(obj).get("kubernetes.io/service-name", "")
            self._check_those_of(f"{objects.namespace(obj)}/{name}")

    def _check_those_of(self, service: str) -> None:
        for remote in self._server.registry.remote.values():
            if service == f"{remote.service['namespace']}/{remote.service['name']}":
                self._pending.add(remote.name)

    async def start(self) -> None:
        """Before the first request: the local ones, and what is known of the others."""
        await self.register()
        for entry in self._cacher.select():
            if _service(entry.obj["spec"]):
                self._publish(entry.obj, objects.is_condition_true(entry.obj, "Available"))
                self._pending.add(entry.key)

    async def run(self) -> None:
        """Until cancelled."""
        await self._pending.work(self._sync, "APIService", logger)

    async def resync(self) -> None:
        """Ask every server again from time to time; until cancelled."""
        while True:
            await clock.periodic_sleep(RESYNC_S)
            with clock.periodic():
                for remote in list(self._server.registry.remote.values()):
                    self._pending.add(remote.name)

    async def _sync(self, name: str) -> None:
        entry = self._cacher.get(name)
        if entry is None or not _service(entry.obj["spec"]):
            for remote in list(self._server.registry.remote.values()):
                if remote.name == name:
                    self._server.registry.remove_remote(remote.group, remote.version)
            return
        obj = entry.obj
        remote = self._publish(obj, objects.is_condition_true(obj, "Available"))
        condition, resources = await self._check(remote)
        if condition == PASSED:
            v3, v2 = (remote.v3, remote.v2) if remote.is_available else await self._documents(remote)
            self._publish(obj, True, resources, v3, v2)
        else:
            self._publish(obj, False, remote.resources)
        await self._tell(obj, condition)

    def _publish(
        self, obj: Obj, available: bool, resources: tuple[Obj, ...] | None = None, v3: str = "", v2: Obj | None = None
    ) -> Remote:
        spec, registry = obj["spec"], self._server.registry
        known = registry.remote.get((spec["group"], spec["version"]))
        if resources is None and known is not None:
            resources, v3, v2, available = known.resources, known.v3, known.v2, known.is_available
        remote = Remote(
            objects.name(obj),
            spec["group"],
            spec["version"],
            spec["service"],
            spec,
            spec["groupPriorityMinimum"],
            spec["versionPriority"],
            available,
            resources or (),
            v3,
            v2,
        )
        registry.set_remote(remote)
        return remote

    async def _tell(self, obj: Obj, condition: _Condition) -> None:
        status, reason, message = condition
        row = {"type": "Available", "status": status, "reason": reason, "message": message}
        before = (obj.get("status") or {}).get("conditions")
        after = objects.set_condition(before, row, self._server.clock.timestamp())
        if after != before:
            path = API_SERVICES.path(None, objects.name(obj), "status")
            await boot.ask(self._server, "PUT", path, {**obj, "status": {"conditions": after}})

    # -- is it there? ----------------------------------------------------------------------------------------------

    async def _check(self, remote: Remote) -> tuple[_Condition, tuple[Obj, ...]]:
        """The condition Available as it is now, and the resources that the server tells of."""
        fault = self._fault_of_service(remote)
        if fault is not None:
            return fault, ()
        path = f"/apis/{remote.group}/{remote.version}"
        service = self._server.cacher("services").get(f"{remote.service['namespace']}/{remote.service['name']}")
        spec = service.obj["spec"] if service is not None else {}
        host = spec.get("externalName") if spec.get("type") == "ExternalName" else spec.get("clusterIP")
        url = f"https://{host}:{remote.service.get('port') or 443}{path}"
        try:
            response = await self._get(remote, path)
        except TimeoutError:
            why = f'Get "{url}": context deadline exceeded'
        except (OSError, errors.ApiError) as error:
            why = f'Get "{url}": {error}'
        else:
            if response.status // 100 in (2, 3):
                return PASSED, _resources(response)
            why = f"bad status from {url}: {response.status}"
        return ("False", "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}"), ()

    def _fault_of_service(self, remote: Remote) -> _Condition | None:
        namespace, name = remote.service["namespace"], remote.service["name"]
        port = remote.service.get("port") or 443
        service = self._server.cacher("services").get(f"{namespace}/{name}")
        if service is None:
            return "False", "ServiceNotFound", f'service/{name} in "{namespace}" is not present'
        spec = service.obj["spec"]
        if spec.get("type", "ClusterIP") != "ClusterIP":
            return None
        row = next((row for row in spec.get("ports") or () if row["port"] == port), None)
        if row is None:
            return "False", "ServicePortError", f'service/{name} in "{namespace}" is not listening on port {port}'
        slices = [
            entry.obj
            for entry in self._server.cacher("endpointslices", "discovery.k8s.io").select(namespace)
            if objects.labels(entry.obj).get("kubernetes.io/service-name") == name
        ]
        if not slices:
            return "False", "EndpointsNotFound", f'cannot find endpointslices for service/{name} in "{namespace}"'
        port_name = row.get("name", "")
        if not any(_answers(slice_, port_name) for slice_ in slices):
            why = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "{port_name}"'
            return "False", "MissingEndpoints", why
        return None

    async def _get(self, remote: Remote, path: str) -> Response:
        headers = {"accept": "application/json", **aggregation.identity(_AGGREGATOR)}
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await aggregation.forward(
                self._server, remote, Request("GET", path, headers=headers, user=_AGGREGATOR)
            )

    async def _documents(self, remote: Remote) -> tuple[str, Obj | None]:
        """(the URL of its OpenAPI v3 document, its v2 document), as far as the server has them."""
        path = f"apis/{remote.group}/{remote.version}"
        v3 = ((await self._document(remote, "/openapi/v3")).get("paths") or {}).get(path) or {}
        v2 = await self._document(remote, "/openapi/v2")
        return str(v3.get("serverRelativeURL") or ""), v2 or None

    async def _document(self, remote: Remote, path: str) -> dict[str, Any]:
        try:
            response = await self._get(remote, path)
            found = response.object() if response.status == 200 else {}
        except (OSError, ValueError, errors.ApiError):
            return {}
        return found if isinstance(found, dict) else {}


def _service(spec: Obj | None) -> Any:
    return (spec or {}).get("service")


def _answers(slice_: Obj, port_name: str) -> bool:
    ready = any((each.get("conditions") or {}).get("ready") is not False for each in slice_.get("endpoints") or ())
    return ready and any(port.get("name", "") == port_name for port in slice_.get("ports") or ())


def _resources(response: Response) -> tuple[Obj, ...]:
    try:
        return discovery.from_resource_list(response.object())
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()
