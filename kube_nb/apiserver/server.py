"""`ApiServer`: the stations of a request, in order; see the package's docstring for the map."""

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, cast

from kube_nb.api import schema, warnings
from kube_nb.api.kinds import Kind
from kube_nb.api.registry import Registry
from kube_nb.apiserver import (
    aggregation,
    allocators,
    authn,
    boot,
    callout,
    deadline,
    nonresource,
    requestinfo,
    routing,
    story,
    strategies,
    watching,
)
from kube_nb.apiserver.admission import Chain, plugins
from kube_nb.apiserver.aggregation import apiservices
from kube_nb.apiserver.apiextensions import customresources
from kube_nb.apiserver.apiextensions.conversion import Webhook
from kube_nb.apiserver.audit import Audit
from kube_nb.apiserver.authn import bootstraptokens, impersonation, tokens
from kube_nb.apiserver.authz import ALLOW, ALWAYS_ALLOW, MASTERS, Access, Authorizer, Decision, Union, forbidden
from kube_nb.apiserver.authz.abac import Abac
from kube_nb.apiserver.authz.node import NodeAuthorizer
from kube_nb.apiserver.authz.rbac import Policies, Rbac
from kube_nb.apiserver.cacher import Cacher
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.decode import TOO_DEEP
from kube_nb.apiserver.fairness import Fairness, MaxInFlight, waiting
from kube_nb.apiserver.fairness.levels import Level
from kube_nb.apiserver.metrics import Metrics
from kube_nb.apiserver.resource import Resource
from kube_nb.apiserver.storage import AtHand, Storage
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.errors import EtcdError, RequestTooLarge
from kube_nb.machinery import cause, errors, names
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.exchange import ConnectionCut, NodeEndpoint, Request, Response
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.serving import http

logger = logging.getLogger(__name__)

#: Leases of kinds that expire are shared by the objects of this many seconds. Models etcd3's lease manager.
LEASE_REUSE_S = 60


def _no_node(name: str) -> NodeEndpoint | None:
    return None


class ApiServer:
    """One API server over one store.

    version: the release that it serves, the newest known if None. nodes: how to reach the kubelet of a node.
    advertised: the address and port that the service ``kubernetes`` leads to.
    authorizer: None allows everything, unless authorization_modes (``("Node", "RBAC")``) names the built-in ones; abac:
    the policies of the mode ABAC. service_account_key: the PEM of the private key that signs service accounts' tokens;
    without it pods get none, and the admission plugin ServiceAccount is off. webhooks and programs: functions in this
    kernel by name, see `callout` and `aggregation`. max_requests_inflight and max_mutating_requests_inflight: how many
    requests may run at once, together if priority_and_fairness shares them out. at_hand: see `Storage`.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        *,
        registry: Registry | None = None,
        version: str | None = None,
        service_cidr: str = "10.96.0.0/16",
        authenticators: Sequence[authn.Authenticator] = (),
        authorizer: Authorizer | None = None,
        authorization_modes: Sequence[str] = (),
        abac: Abac | None = None,
        admission: Chain | None = None,
        nodes: Callable[[str], NodeEndpoint | None] = _no_node,
        advertised: tuple[str, int] = ("127.0.0.1", 6443),
        service_account_key: bytes | None = None,
        webhooks: dict[str, callout.Function] | None = None,
        programs: dict[str, aggregation.Program] | None = None,
        stream: str = "apiserver",
        max_requests_inflight: int = 400,
        max_mutating_requests_inflight: int = 200,
        priority_and_fairness: bool = True,
        at_hand: AtHand | None = None,
    ) -> None:
        self.clock = clock
        self.registry = registry or Registry.builtin(version)
        self.schemas = schema.schemas(self.registry.version)
        self.storage = Storage(backend, clock, at_hand)
        self.authenticators = list(authenticators)
        self.authorizer = None if authorizer is None else Union([authorizer])
        self._authorization_modes = tuple(authorization_modes)
        self._abac = abac or Abac(())
        self.rbac: Rbac | None = None
        self.service_account_tokens: tokens.ServiceAccountTokens | None = None
        if service_account_key is not None:
            self.service_account_tokens = tokens.ServiceAccountTokens(self, service_account_key)
            self.authenticators.append(self.service_account_tokens)
        self.authenticators.append(bootstraptokens.BootstrapTokens(self))
        disabled = () if service_account_key else ("ServiceAccount",)
        self.admission = admission or Chain(plugins.chain(disabled))
        self.nodes = nodes
        self.advertised = advertised
        self.service_cidr = service_cidr
        self._stream = stream
        self._resources: dict[GVR, Resource] = {}
        #: The same dict by what a GVR is: a tuple, which is made four times as fast.
        self._by_names = cast("dict[tuple[str, str, str], Resource]", self._resources)
        self._lease = (0, float("-inf"))
        #: Functions that webhook configurations reach as ``https://NAME.kernel``.
        self.webhooks: dict[str, callout.Function] = {} if webhooks is None else webhooks
        #: Servers in this kernel that APIServices reach through a service with the externalName ``NAME.kernel``.
        self.programs: dict[str, aggregation.Program] = {} if programs is None else programs
        self.metrics = Metrics()
        #: Set to keep an audit log.
        self.audit: Audit | None = None
        self._inflight = (max_requests_inflight, max_mutating_requests_inflight)
        self._is_fair = priority_and_fairness
        #: Who may run and who waits; None until the server has started.
        self.gate: waiting.Gate | None = None
        self._documents: dict[str, tuple[int, bytes]] = {}
        #: How many requests are being answered, but for those that take as long as their client wants.
        self._answering = 0
        self._idle: asyncio.Event | None = None  # while somebody waits in `drain`
        self._tasks: list[asyncio.Task[None]] = []
        self._fronts: list[http.Front] = []

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Follow the store, make the objects that every cluster has."""
        for kind in self.registry.kinds():
            await self.add(kind)
        await self.storage.start()
        self.ranges = allocators.Ranges(
            self.service_cidr,
            self.cacher("services"),
            self.cacher_if_served("ipaddresses", "networking.k8s.io"),
            self.cacher_if_served("servicecidrs", "networking.k8s.io"),
            self.stream("service"),
        )
        if self._authorization_modes:
            self.authorizer = Union(self._authorizers())
        endless: list[Coroutine[Any, Any, None]] = []
        await boot.make_objects(self)
        self.gate = MaxInFlight(*self._inflight)
        if self._is_fair:
            fairness = self.gate = Fairness(self, sum(self._inflight))
            await fairness.make_objects()
            endless.append(fairness.run())
        self.api_services = apiservices.ApiServices(self)
        custom_resources = customresources.CustomResources(self)
        await custom_resources.start()
        await self.api_services.start()
        endless += (
            custom_resources.run(),
            self.api_services.run(),
            self.api_services.resync(),
            watching.send_bookmarks(self.storage, self.resources),
        )
        self._tasks += [asyncio.create_task(each) for each in endless]

    def _authorizers(self) -> list[Authorizer]:
        group = "rbac.authorization.k8s.io"
        plurals = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
        self.rbac = Rbac(Policies(*(self.cacher(plural, group) for plural in plurals)))
        known: dict[str, Authorizer] = {
            "ABAC": self._abac,
            "AlwaysAllow": ALWAYS_ALLOW,
            "Node": NodeAuthorizer(self),
            "RBAC": self.rbac,
        }
        return [known[mode] for mode in self._authorization_modes]

    async def drain(self) -> None:
        """Return when every request is answered; the caller sees to it that no more come in.

        Models the order in which upstream ends: no new requests, those in flight, the watches, the storage."""
        while self._answering:
            self._idle = asyncio.Event()
            await self._idle.wait()

    async def stop(self) -> None:
        """End every watch and every task, cut off what is still being answered; the store stays as it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for front in self._fronts:
            await front.stop()
        self._fronts.clear()
        for resource in self.resources():
            for watcher in resource.cacher.watchers():
                watcher.stream.close()
        await self.storage.stop()

    async def serve(self, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None) -> int:
        """Listen for HTTPS until `stop`; returns the port."""
        from kube_nb.apiserver.serving import http

        front = http.Front(self.handle)
        self._fronts.append(front)
        return await front.start(host, port, ssl_context)

    async def add(self, kind: Kind, webhook: Webhook | None = None, *, has_history: bool = False) -> None:
        """Serve a kind; for webhook and has_history see `Resource`."""
        cacher = await self.storage.add(kind.storage_prefix, namespaced=kind.namespaced)
        found = kind.schema or self.schemas.for_gvk(kind.gvk)
        deprecation = warnings.deprecated(kind, self.registry.version)
        self._resources[kind.gvr] = Resource(
            kind, strategies.strategy(kind), cacher, found, deprecation, webhook, has_history
        )

    def remove(self, gvr: GVR) -> None:
        """Serve a kind no more."""
        self._resources.pop(gvr, None)

    # -- what stations need ----------------------------------------------------------------------------------------

    @property
    def causes(self) -> dict[int, Cause]:
        """revision -> what made that write happen."""
        return self.storage.causes

    def stream(self, name: str) -> random.Random:
        """Random numbers for one purpose, this server's own."""
        return self.clock.stream(f"{self._stream}/{name}")

    def resources(self) -> list[Resource]:
        return list(self._resources.values())

    def resource(self, group: str, version: str, plural: str) -> Resource:
        """A served resource; 404 if there is none."""
        found = self._by_names.get((group, version, plural))
        if found is None:
            raise errors.page_not_found()
        return found

    def cacher(self, plural: str, group: str = "", version: str = "v1") -> Cacher:
        """The current objects of a built-in kind."""
        return self._by_names[group, version, plural].cacher

    def cacher_if_served(self, plural: str, group: str) -> Cacher | None:
        """As `cacher`; None if the served release does not have the kind in version v1."""
        found = self._by_names.get((group, "v1", plural))
        return None if found is None else found.cacher

    def has_objects(self, plural: str, group: str) -> bool:
        """Whether there is any object of a built-in kind; there is none of one that is not served."""
        found = self._by_names.get((group, "v1", plural))
        return found is not None and bool(found.cacher.entries)

    def draw_name(self, prefix: str) -> str:
        return names.generate_name(prefix, self.stream("names"))

    async def write(self, resource: Resource, key: str, obj: Obj, expected_revision: int) -> Obj | None:
        """Store an object of the served version; its view, None if the key is not at `expected_revision`."""
        lease = await self._lease_for(resource.strategy.ttl_s) if resource.strategy.ttl_s else 0
        stored = await resource.to_storage(obj)
        written = await self.storage.put(resource.cacher, key, stored, expected_revision, lease)
        return None if written is None else await resource.from_storage(written)

    async def _lease_for(self, ttl_s: int) -> int:
        """A lease that ends in `ttl_s` seconds or up to a minute later."""
        lease, since_s = self._lease
        if self.clock.time() - since_s >= LEASE_REUSE_S:
            granted = await self.storage.backend.lease_grant(ttl_s + LEASE_REUSE_S)
            lease = granted.id
            self._lease = (lease, self.clock.time())
        return lease

    def cached(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A document made from the registry, made again when that has changed."""
        generation = self.registry.generation
        known = self._documents.get(name)
        if known is None or known[0] != generation:
            known = self._documents[name] = (generation, make())
        return known[1]

    def version_info(self) -> Obj:
        """What /version tells. Models apimachinery version.Info."""
        major, minor = self.registry.version.split(".")[:2]
        return {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{major}.{minor}.0",
            "gitCommit": "0" * 40,
            "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z",
            "goVersion": "go1.24.0",
            "compiler": "gc",
            "platform": "linux/amd64",
        }

    # -- a request's way -------------------------------------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        """Serve a request; a refusal is a Response with a Status in it. Raises ConnectionCut if `stop` comes before."""
        token = cause.current.set(request.cause) if request.cause is not None else None
        started_s = self.clock.time()
        call = Call(self, request, requestinfo.parse(request), authn.ANONYMOUS)
        is_short = call.info.subresource not in waiting.LONG_RUNNING
        self._answering += is_short
        try:
            response = await self._answer(call)
        finally:
            self._answering -= is_short
            if self._idle is not None and not self._answering:
                self._idle.set()
            if token is not None:
                cause.current.reset(token)
            if (flow := call.flow) is not None:
                waiting.finish(flow.level, call.seats, call.waited)
        if self.storage.stopped:
            if response.watch is not None:
                response.watch.close()
            raise ConnectionCut
        if flow is not None:
            flow.dispatched += 1
            response.flow_headers = flow.headers
        self.metrics.count(call.counted_info, response.status, self.clock.time() - started_s, "dryRun" in request.query)
        if self.audit is not None:
            self.audit.answered(call, response)
        return response

    async def _answer(self, call: Call) -> Response:
        """The response, whatever happens on the way."""
        try:
            if call.request.limit_s or "timeout" in call.request.query:
                return await deadline.within(call, self._serve)
            return await self._serve(call)
        except errors.ApiError as error:
            return Response.of_error(error)
        except RequestTooLarge as error:
            return Response.of_error(errors.request_entity_too_large(str(error)))
        except EtcdError as error:
            return Response.of_error(errors.ApiError(500, "", str(error)))
        except ConnectionCut:
            raise
        except RecursionError:
            return Response.of_error(errors.bad_request(TOO_DEEP))
        except Exception as error:
            request = call.request
            logger.exception("A request failed, method=%s path=%s", request.method, request.path)
            return Response.of_error(errors.internal_error(f"{type(error).__name__}"))

    async def story(self, request: Request) -> tuple[Response, list[story.Station]]:
        """Serve a request and tell which stations it passed."""
        recorded, token = story.record()
        try:
            response = await self.handle(request)
        finally:
            story.end(token)
        recorded.tell("response", f"{response.status} {_summary(response)}".rstrip())
        return response, recorded.stations

    async def _serve(self, call: Call) -> Response:
        request, info = call.request, call.info
        user = await authn.authenticate(request, self.authenticators)
        if "impersonate-user" in request.headers:
            user = await impersonation.impersonated(self, request, user)
        call.user = user
        if self.audit is not None:
            self.audit.received(call)
        if (told := story.current()) is not None:
            told.tell("authentication", f"{user.name} in {', '.join(user.groups) or 'no group'}")
        gate = self.gate
        if gate is not None and info.subresource not in waiting.LONG_RUNNING:
            flow = gate.flow(info, user)
            seats = 1 if info.verb != "list" else self._seats_of_list(call, flow.level)
            if not flow.level.try_take(seats):
                try:
                    call.waited = await waiting.turn(gate, flow, flow.distinguisher(info, user), seats)
                except waiting.NoSeat as error:
                    return waiting.too_many(flow, str(error))
            call.flow, call.seats = flow, seats
        if self.authorizer is not None:
            await self._authorize(call)
        if self.registry.remote and (remote := aggregation.of(self, info.path)) is not None:
            return await aggregation.proxy(call, remote)
        if not info.is_resource:
            return await nonresource.serve(call)
        call.resource = self.resource(info.group, info.version, info.resource)
        if call.resource.deprecation:
            call.warnings.append(call.resource.deprecation)
        return await routing.handler(call)(call)

    def _seats_of_list(self, call: Call, level: Level) -> int:
        info = call.info
        resource = self._by_names.get((info.group, info.version, info.resource))
        limit = call.request.param("limit")
        stored = len(resource.cacher.entries) if resource is not None else 0
        return waiting.seats_of_list(stored, int(limit) if limit.isdigit() else 0, level)

    async def decide(self, access: Access) -> Decision:
        """What the authorizers say to a question."""
        return Decision(ALLOW) if self.authorizer is None else await self.authorizer.authorize(access)

    async def _authorize(self, call: Call) -> None:
        told = story.current()
        if told is None and self.audit is None and MASTERS in call.user.groups:
            return  # as `Union` answers, without the question
        access = Access.of(call.info, call.user, call.request)
        decision = await self.decide(access)
        if told is not None:
            told.tell("authorization", f"{decision.verdict} {decision.reason}".rstrip())
        if self.audit is not None:
            call.annotations["authorization.k8s.io/decision"] = "allow" if decision.verdict == ALLOW else "forbid"
            call.annotations["authorization.k8s.io/reason"] = decision.reason
        if decision.verdict != ALLOW:
            raise forbidden(access, decision.reason)


def _summary(response: Response) -> str:
    """A refusal's message, or what kind of thing came back."""
    if response.obj is None:
        return "a stream" if response.raw is None else "a document"
    return str(response.obj.get("message") or response.obj.get("kind", ""))


__all__ = ["ApiServer", "Union"]
