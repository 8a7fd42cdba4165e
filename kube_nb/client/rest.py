"""`Client`: the API's verbs over any transport."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, TypeAlias

import orjson

from kube_nb.client.remote import RemoteSession
from kube_nb.client.transport import Transport
from kube_nb.machinery import cause, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Request, Response, WatchStream
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Json, Obj

PatchType: TypeAlias = Literal["merge", "json", "strategic", "apply"]
Query: TypeAlias = dict[str, Sequence[str]]

_PATCH_TYPES: dict[str, str] = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
_PODS = GVR("", "v1", "pods")
_UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "v5.channel.k8s.io, v4.channel.k8s.io",
}
#: How often a request is repeated when the server asks for it (429, or 5xx with Retry-After). As client-go's.
MAX_RETRIES = 10


class Client:
    """Verbs on resources. Every refusal of the server raises `ApiError`, a missing server `errors.Unreachable`.

    field_manager: whom managedFields names for the writes; "" lets the server derive it from the user agent.
    headers: sent with every request (impersonation, a bearer token), keys in lower case.
    Objects that come back are shared: never change them. Models client-go dynamic and rest. Differs: no client-side
    rate limit.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        field_manager: str = "",
        user_agent: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.transport = transport
        self.field_manager = field_manager
        self.user_agent = user_agent or field_manager or "kube_nb"
        self._headers = {"accept": "application/json", "user-agent": self.user_agent, **(headers or {})}
        self._body_headers = {**self._headers, "content-type": "application/json"}

    # -- reading ---------------------------------------------------------------------------------------------------

    async def get(
        self,
        gvr: GVR,
        name: str,
        namespace: str | None = None,
        *,
        subresource: str | None = None,
        resource_version: str | None = None,
    ) -> Obj:
        query: Query = {} if resource_version is None else {"resourceVersion": (resource_version,)}
        return await self._object("GET", gvr.path(namespace, name, subresource), query)

    async def list(
        self,
        gvr: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
    ) -> Obj:
        """The List object: items, and metadata with resourceVersion and perhaps continue."""
        query = _query(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=str(limit) if limit else "",
            **{"continue": continue_},
            resourceVersion=resource_version,
            resourceVersionMatch=resource_version_match,
        )
        return await self._object("GET", gvr.path(namespace), query)

    async def watch(
        self,
        gvr: GVR,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        bookmarks: bool = True,
        timeout_s: float | None = None,
        send_initial_events: bool | None = None,
    ) -> WatchStream:
        """Events after `resource_version`; close the stream when done. A 410 may also come as an ERROR event."""
        query = _query(
            watch="true",
            resourceVersion=resource_version,
            labelSelector=label_selector,
            fieldSelector=field_selector,
            allowWatchBookmarks="true" if bookmarks else "",
            timeoutSeconds="" if timeout_s is None else str(round(timeout_s)),
        )
        if send_initial_events is not None:
            query["sendInitialEvents"] = (str(send_initial_events).lower(),)
            query["resourceVersionMatch"] = ("NotOlderThan",)
        response = await self.raw("GET", gvr.path(namespace), query)
        if response.watch is None:
            raise ApiError(500, "InternalError", f"the server did not answer a watch of {gvr.group_resource} with one")
        return response.watch

    # -- writing ---------------------------------------------------------------------------------------------------

    async def create(
        self,
        gvr: GVR,
        obj: Obj,
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        """Create an object, or post to a subresource of the object `name` (binding, eviction, token)."""
        path = gvr.path(namespace or objects.namespace(obj), name, subresource)
        return await self._object("POST", path, self._write_query(dry_run), obj)

    async def update(
        self,
        gvr: GVR,
        obj: Obj,
        namespace: str | None = None,
        *,
        name: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        """Replace; 409 Conflict if the object's resourceVersion is not the server's."""
        path = gvr.path(namespace or objects.namespace(obj), name or objects.name(obj), subresource)
        return await self._object("PUT", path, self._write_query(dry_run), obj)

    async def update_status(self, gvr: GVR, obj: Obj, namespace: str | None = None) -> Obj:
        """Replace the status only, likewise with optimistic locking."""
        return await self.update(gvr, obj, namespace, subresource="status")

    async def patch(
        self,
        gvr: GVR,
        name: str,
        patch: Json,
        namespace: str | None = None,
        *,
        type: PatchType = "merge",
        subresource: str | None = None,
        force: bool = False,
        field_manager: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        """patch: a dict, or a list of operations for "json". force: take over conflicting fields ("apply")."""
        query = self._write_query(dry_run)
        if field_manager is not None:
            query["fieldManager"] = (field_manager,)
        if force:
            query["force"] = ("true",)
        headers = {**self._headers, "content-type": _PATCH_TYPES[type]}
        path = gvr.path(namespace, name, subresource)
        return (await self.raw("PATCH", path, query, patch, headers)).object()

    async def apply(
        self,
        gvr: GVR,
        obj: Obj,
        namespace: str | None = None,
        *,
        force: bool = False,
        field_manager: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        """Server-side apply of an object: create it, or take the given fields into our hands."""
        return await self.patch(
            gvr,
            objects.name(obj),
            obj,
            namespace or objects.namespace(obj),
            type="apply",
            force=force,
            field_manager=field_manager,
            subresource=subresource,
            dry_run=dry_run,
        )

    async def delete(
        self,
        gvr: GVR,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_s: int | None = None,
        propagation: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        """The object as it is now, or a Status if it is gone. propagation: Background, Foreground or Orphan."""
        options = _delete_options(grace_period_s, propagation, uid, resource_version, dry_run)
        return await self._object("DELETE", gvr.path(namespace, name), {}, options)

    async def delete_collection(
        self,
        gvr: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        grace_period_s: int | None = None,
        propagation: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        query = _query(labelSelector=label_selector, fieldSelector=field_selector)
        options = _delete_options(grace_period_s, propagation, None, None, dry_run)
        return await self._object("DELETE", gvr.path(namespace), query, options)

    # -- pods ------------------------------------------------------------------------------------------------------

    async def bind(self, namespace: str, pod: str, node: str, *, uid: str = "") -> None:
        """Assign a pod to a node. uid: refuse if the pod of this name is another one by now."""
        meta: Obj = {"name": pod, "namespace": namespace}
        if uid:
            meta["uid"] = uid
        target = {"kind": "Node", "name": node}
        binding: Obj = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": target}
        await self.create(_PODS, binding, namespace, name=pod, subresource="binding")

    async def evict(self, namespace: str, pod: str, *, grace_period_s: int | None = None, dry_run: bool = False) -> Obj:
        """Delete the pod if its disruption budgets allow; 429 TooManyRequests if not."""
        options = _delete_options(grace_period_s, None, None, None, dry_run)
        meta = {"name": pod, "namespace": namespace}
        eviction: Obj = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        if options is not None:
            eviction["deleteOptions"] = options
        return await self.create(_PODS, eviction, namespace, name=pod, subresource="eviction", dry_run=dry_run)

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        follow: bool = False,
        previous: bool = False,
        timestamps: bool = False,
        tail_lines: int | None = None,
        since_s: int | None = None,
        since_time: str = "",
        limit_bytes: int | None = None,
    ) -> AsyncIterator[bytes]:
        """The log in pieces as they come, not split into lines. Close the iterator to stop following."""
        query = _query(
            container=container,
            follow="true" if follow else "",
            previous="true" if previous else "",
            timestamps="true" if timestamps else "",
            tailLines="" if tail_lines is None else str(tail_lines),
            sinceSeconds="" if since_s is None else str(since_s),
            sinceTime=since_time,
            limitBytes="" if limit_bytes is None else str(limit_bytes),
        )
        response = await self.raw("GET", _PODS.path(namespace, pod, "log"), query)
        return response.chunks if response.chunks is not None else _single(response.raw or b"")

    async def exec(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str = "",
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        tty: bool = False,
    ) -> RemoteSession:
        """Run a command in a container; talk to it through the session."""
        query = _streams(container, stdin, stdout, stderr, tty)
        query["command"] = tuple(command)
        return await self._session(namespace, pod, "exec", query)

    async def attach(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        stdin: bool = False,
        stdout: bool = True,
        stderr: bool = True,
        tty: bool = False,
    ) -> RemoteSession:
        """Join the container's main process."""
        return await self._session(namespace, pod, "attach", _streams(container, stdin, stdout, stderr, tty))

    async def port_forward(self, namespace: str, pod: str, ports: Sequence[int]) -> RemoteSession:
        """One connection to each port: channel 2n carries port n's data, 2n+1 its error."""
        return await self._session(namespace, pod, "portforward", {"ports": [str(port) for port in ports]})

    async def _session(self, namespace: str, pod: str, subresource: str, query: Query) -> RemoteSession:
        path = _PODS.path(namespace, pod, subresource)
        response = await self.raw("GET", path, query, None, {**self._headers, **_UPGRADE})
        if response.session is None:
            raise ApiError(500, "InternalError", f"the server did not open a session for {subresource}")
        return RemoteSession(response.session)

    # -- any request -----------------------------------------------------------------------------------------------

    async def raw(
        self,
        method: str,
        path: str,
        query: Mapping[str, Sequence[str]] | None = None,
        body: bytes | Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Any request; ApiError for a status of 400 and above. A 429 (or 5xx) with Retry-After is repeated."""
        for attempt in range(MAX_RETRIES + 1):
            sent = headers or (self._headers if body is None else self._body_headers)
            response = await self.transport(Request(method, path, query or {}, sent, body, cause=cause.current.get()))
            if response.status < 400:
                return response
            retry_after_s = _retry_after_s(response)
            if retry_after_s is None or attempt == MAX_RETRIES:
                break
            await asyncio.sleep(retry_after_s)
        raise _error_of(response)

    async def _object(self, method: str, path: str, query: Query, body: Json | None = None) -> Obj:
        return (await self.raw(method, path, query, body)).object()

    def _write_query(self, dry_run: bool) -> Query:
        query: Query = {"fieldManager": (self.field_manager,)} if self.field_manager else {}
        if dry_run:
            query["dryRun"] = ("All",)
        return query

    async def close(self) -> None:
        await self.transport.close()


def _query(**parameters: str) -> Query:
    """Those that are not empty."""
    return {name: (value,) for name, value in parameters.items() if value}


def _streams(container: str, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> Query:
    flags = {"stdin": stdin, "stdout": stdout, "stderr": stderr and not tty, "tty": tty}
    return _query(container=container, **{name: "true" for name, wanted in flags.items() if wanted})


def _delete_options(
    grace_period_s: int | None, propagation: str | None, uid: str | None, resource_version: str | None, dry_run: bool
) -> Obj | None:
    options: Obj = {}
    if grace_period_s is not None:
        options["gracePeriodSeconds"] = grace_period_s
    if propagation is not None:
        options["propagationPolicy"] = propagation
    preconditions = {"uid": uid, "resourceVersion": resource_version}
    if given := {name: value for name, value in preconditions.items() if value is not None}:
        options["preconditions"] = given
    if dry_run:
        options["dryRun"] = ["All"]
    return {"kind": "DeleteOptions", "apiVersion": "v1", **options} if options else None


def _retry_after_s(response: Response) -> float | None:
    """How long the server asks to wait; None if it asks for no other try. Models rest/with_retry.go."""
    if response.status != 429 and response.status < 500:
        return None
    for name, value in response.headers.items():
        if name.lower() == "retry-after" and value.isdecimal():
            return float(value)
    return None


def _error_of(response: Response) -> ApiError:
    """The refusal as an exception; bodies that are no Status (a proxy's, a handler's plain text) are quoted."""
    try:
        status = response.object()
    except orjson.JSONDecodeError:
        status = {}
    if isinstance(status, dict) and status.get("kind") == "Status":
        return ApiError.from_status({"code": response.status, **status})
    text = (response.raw or b"").decode(errors="replace").strip()
    return ApiError(response.status, _REASONS.get(response.status, "Unknown"), text or f"HTTP {response.status}")


_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Gone",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


async def _single(piece: bytes) -> AsyncIterator[bytes]:
    if piece:
        yield piece
