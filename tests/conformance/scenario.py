"""What a conformance scenario holds: a served cluster, the official client, and ways to wait without sleeping."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import kubernetes.client as k8s
import orjson
import pytest
from kubernetes.config import load_kube_config
from kubernetes.watch import Watch

from kube_nb import Cluster

#: How long a watch may stay silent, in seconds of real time. Only a scenario that fails waits for it.
DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a watch. object: the client's model (or a dict for custom objects); raw: its wire form."""

    type: str
    object: Any
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.type} {self.raw.get('metadata', {}).get('name', '')}".strip()


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw response."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def obj(self) -> Any:
        return orjson.loads(self.text)


class Refusal:
    """Filled when the block ends: the Status that the server refused with."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {}

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))

    @property
    def reason(self) -> str:
        return str(self.status.get("reason", ""))


class Events:
    """A running watch, read by a thread of its own so that `next` can have a deadline.

    Without a resource_version it lists first, so that it has begun, and at a known moment, once it is made.
    """

    def __init__(self, listing: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._watch = Watch()
        self._found: queue.Queue[Event | Exception | None] = queue.Queue()
        if "resource_version" not in options:
            options = {**options, "resource_version": self._list(listing, args, options)}
        work = (listing, args, options)
        self._thread = threading.Thread(target=self._read, args=work, daemon=True, name="conformance-watch")
        self._thread.start()

    def _list(self, listing: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> str:
        """What there is, as ADDED; returns the version at which the watch goes on."""
        selectors = {name: value for name, value in options.items() if name.endswith("_selector")}
        found = orjson.loads(listing(*args, _preload_content=False, **selectors).data)
        kind = self._watch.get_return_type(listing)
        for item in found["items"]:
            raw = {"kind": found["kind"].removesuffix("List"), "apiVersion": found["apiVersion"], **item}
            line = orjson.dumps({"type": "ADDED", "object": raw}).decode()
            event: Any = self._watch.unmarshal_event(line, kind)
            self._found.put(Event(event["type"], event["object"], event["raw_object"]))
        return str(found["metadata"]["resourceVersion"])

    def _read(self, listing: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        try:
            for event in self._watch.stream(listing, *args, _request_timeout=DEADLINE_S, **options):
                self._found.put(Event(event["type"], event["object"], event["raw_object"]))
            self._found.put(None)
        except Exception as error:  # told to who waits
            self._found.put(error)

    def next(self) -> Event:
        """The next event; fails after `DEADLINE_S`, or if the watch ended or was refused."""
        try:
            found = self._found.get(timeout=DEADLINE_S)
        except queue.Empty:
            raise AssertionError(f"the watch said nothing for {DEADLINE_S:g} s") from None
        if isinstance(found, Exception):
            raise found
        assert found is not None, "the watch has ended"
        return found

    def until(self, condition: Callable[[Event], Any]) -> Event:
        """The first event, from the next on, that fulfils the condition."""
        seen = []
        try:
            while not condition(event := self.next()):
                seen.append(f"{event} {orjson.dumps(event.raw.get('status')).decode()[:500]}")
        except Exception as error:
            raise AssertionError(f"waited in vain ({error!r}); seen: {seen}") from error
        return event

    def close(self) -> None:
        self._watch.stop()


def _client(kubeconfig: str) -> k8s.ApiClient:
    """A client that tries nothing twice: what the server breaks off must be seen."""
    configuration = k8s.Configuration()
    load_kube_config(kubeconfig, client_configuration=configuration)
    configuration.retries = False
    return k8s.ApiClient(configuration)


class Kube:
    """One scenario's way to its cluster. The groups of the official client are its attributes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.kubeconfig = str(cluster.serve().kubeconfig)
        self.client = _client(self.kubeconfig)
        self._watches: list[Events] = []
        self.namespace = self.new_namespace("conformance")

    def __enter__(self) -> "Kube":
        return self

    def __exit__(self, *exception: object) -> None:
        for watch in self._watches:
            watch.close()
        self.client.rest_client.pool_manager.clear()
        self.client.close()

    core = cached_property(lambda self: k8s.CoreV1Api(self.client))
    apps = cached_property(lambda self: k8s.AppsV1Api(self.client))
    batch = cached_property(lambda self: k8s.BatchV1Api(self.client))
    autoscaling = cached_property(lambda self: k8s.AutoscalingV2Api(self.client))
    policy = cached_property(lambda self: k8s.PolicyV1Api(self.client))
    rbac = cached_property(lambda self: k8s.RbacAuthorizationV1Api(self.client))
    networking = cached_property(lambda self: k8s.NetworkingV1Api(self.client))
    discovery = cached_property(lambda self: k8s.DiscoveryV1Api(self.client))
    storage = cached_property(lambda self: k8s.StorageV1Api(self.client))
    scheduling = cached_property(lambda self: k8s.SchedulingV1Api(self.client))
    coordination = cached_property(lambda self: k8s.CoordinationV1Api(self.client))
    events = cached_property(lambda self: k8s.EventsV1Api(self.client))
    admission = cached_property(lambda self: k8s.AdmissionregistrationV1Api(self.client))
    extensions = cached_property(lambda self: k8s.ApiextensionsV1Api(self.client))
    registration = cached_property(lambda self: k8s.ApiregistrationV1Api(self.client))
    authentication = cached_property(lambda self: k8s.AuthenticationV1Api(self.client))
    authorization = cached_property(lambda self: k8s.AuthorizationV1Api(self.client))
    certificates = cached_property(lambda self: k8s.CertificatesV1Api(self.client))
    flowcontrol = cached_property(lambda self: k8s.FlowcontrolApiserverV1Api(self.client))
    node = cached_property(lambda self: k8s.NodeV1Api(self.client))
    resource = cached_property(lambda self: k8s.ResourceV1Api(self.client))
    custom = cached_property(lambda self: k8s.CustomObjectsApi(self.client))
    version = cached_property(lambda self: k8s.VersionApi(self.client))

    # -- namespaces ------------------------------------------------------------------------------------------------

    def new_namespace(self, prefix: str, **labels: str) -> str:
        """A namespace of its own, with the default ServiceAccount in it, as upstream's framework waits for."""
        metadata = {"generateName": f"{prefix}-", "labels": labels}
        name = str(self.core.create_namespace({"metadata": metadata}).metadata.name)
        self.until(self.core.list_namespaced_service_account, lambda event: event.name == "default", name)
        return name

    # -- raw requests ----------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """A request as it is, refusals included. body: bytes, text, or an object to send as JSON."""
        sent = body if body is None or isinstance(body, (bytes, str)) else orjson.dumps(body)
        given = {"accept": "application/json", **({} if body is None else {"content-type": "application/json"})}
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        url = self.client.configuration.host + path
        pool = self.client.rest_client.pool_manager
        response = pool.request(method, url, body=sent, headers=given, timeout=DEADLINE_S)
        return Answer(response.status, response.headers, response.data.decode())

    def get(self, path: str, **headers: str) -> Any:
        """The object at a path; it must be there. headers: ``accept="..."``."""
        answer = self.request("GET", path, headers=headers)
        assert answer.status == 200, answer.text
        return answer.obj

    def wire(self, model: Any) -> Any:
        """A model of the client in wire form."""
        return self.client.sanitize_for_serialization(model)

    # -- waiting ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def watch(self, listing: Callable[..., Any], *args: Any, **options: Any) -> Iterator[Events]:
        """A watch through the client's `listing`, begun when the block is entered.

        It starts where `resource_version` says, else with what there is, as ADDED.
        """
        events = Events(listing, args, options)
        self._watches.append(events)
        try:
            yield events
        finally:
            events.close()

    def until(
        self, listing: Callable[..., Any], condition: Callable[[Event], Any], *args: Any, **options: Any
    ) -> Event:
        """Watch until an event fulfils the condition; what is there already comes as ADDED."""
        with self.watch(listing, *args, **options) as events:
            return events.until(condition)

    def until_gone(self, read: Callable[..., Any], *args: Any) -> None:
        """Let everything happen that was set in motion; then reading must be answered with NotFound."""
        self.settle()
        with refused(404):
            read(*args)

    def settle(self) -> None:
        self.cluster.settle()

    def advance(self, time: str) -> None:
        self.cluster.advance(time)

    def kubectl(self, line: str, stdin: str = "") -> Any:
        """kube_nb's kubectl in the scenario's namespace; its result has `exit_code`, `stdout` and `stderr`."""
        return self.cluster.kubectl(line, stdin=stdin, namespace=self.namespace)


@contextlib.contextmanager
def refused(status: int, *, reason: str = "", contains: str = "") -> Iterator[Refusal]:
    """The block must end in this refusal; its Status can be read afterwards."""
    refusal = Refusal()
    with pytest.raises(k8s.ApiException) as caught:
        yield refusal
    assert caught.value.status == status, caught.value.body
    refusal.status = orjson.loads(caught.value.body)
    assert reason in ("", refusal.reason)
    assert contains in refusal.message
