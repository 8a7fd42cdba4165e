"""Subresources that lead to a node: log, exec, attach, portforward, proxy.

Models pkg/registry/core/pod/{strategy.go,rest} and pkg/registry/core/{service,node}/storage's proxies.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors, objects
from kube_nb.machinery.exchange import NodeEndpoint, Request, Response, Session
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

_TEXT = "text/plain; charset=utf-8"
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


async def log(call: Call) -> Response:
    """GET pods/NAME/log: the container's output; nothing for a pod without a node."""
    pod = await _pod(call)
    _check_log_options(call)
    container = _container(pod, call.request.param("container"))
    if not _node_name(pod):
        return Response(raw=b"", content_type=_TEXT)
    endpoint = _endpoint(call.server, pod, f"containerLogs/{call.info.namespace}/{call.info.name}/{container}")
    chunks = await endpoint.logs(call.info.namespace, call.info.name, container, call.request.query)
    return Response(chunks=chunks, content_type=_TEXT)


def _check_log_options(call: Call) -> None:
    """422 as ValidatePodLogOptions."""
    faults = []
    for name, least in (("tailLines", 0), ("sinceSeconds", 1), ("limitBytes", 1)):
        text = call.request.param(name)
        if not text:
            continue
        if not text.lstrip("-").isdigit():
            raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        if int(text) < least:
            why = "must be greater than or equal to 0" if least == 0 else "must be greater than 0"
            faults.append(errors.FieldError(errors.INVALID, name, int(text), why))
    if call.request.param("sinceSeconds") and call.request.param("sinceTime"):
        faults.append(
            errors.FieldError(errors.FORBIDDEN, "", "", "at most one of `sinceTime` or `sinceSeconds` may be specified")
        )
    if faults:
        raise errors.invalid("PodLogOptions", "", call.info.name, faults)


async def exec_(call: Call) -> Response:
    """Run a command in a container; the response is a session."""
    pod = await _running(call)
    container = _container(pod, call.request.param("container"))
    command = list(call.request.query.get("command", ()))
    if not command:
        raise errors.bad_request("you must specify at least 1 command for the container")
    endpoint = _endpoint(call.server, pod, f"exec/{call.info.namespace}/{call.info.name}/{container}")

    async def session(streams: Session) -> None:
        tty = _flag(call, "tty")
        await endpoint.exec(call.info.namespace, call.info.name, container, command, tty=tty, session=streams)

    return Response(101, session=session)


async def attach(call: Call) -> Response:
    """Join a container's main process; the response is a session."""
    pod = await _running(call)
    container = _container(pod, call.request.param("container"))
    endpoint = _endpoint(call.server, pod, f"attach/{call.info.namespace}/{call.info.name}/{container}")

    async def session(streams: Session) -> None:
        await endpoint.attach(call.info.namespace, call.info.name, container, tty=_flag(call, "tty"), session=streams)

    return Response(101, session=session)


async def port_forward(call: Call) -> Response:
    """Carry connections to a pod's ports; the response is a session."""
    pod = await _running(call)
    ports = _ports(call.request.query.get("ports", ()))
    endpoint = _endpoint(call.server, pod, f"portForward/{call.info.namespace}/{call.info.name}")

    async def session(streams: Session) -> None:
        wanted = ports or [getattr(streams, "port", 0)]  # a SPDY connection says for itself which port it is for
        await endpoint.port_forward(call.info.namespace, call.info.name, wanted, streams)

    return Response(101, session=session)


def _ports(texts: Sequence[str]) -> list[int]:
    """``["8080,9090"]`` -> [8080, 9090]; 400 for what is no port."""
    ports = [part for text in texts for part in text.split(",") if part]
    for part in ports:
        if not part.isdigit() or not 0 < int(part) < 65536:
            raise errors.bad_request(f'query parameter "ports" is no port number: "{part}"')
    return [int(part) for part in ports]


async def pod_proxy(call: Call) -> Response:
    """Any method on pods/[SCHEME:]NAME[:PORT]/proxy/PATH: the request goes to the pod."""
    _scheme, name, port = split_target(call.info.name)
    call = replace(call, info=replace(call.info, name=name))
    pod = await _pod(call)
    if not port:
        port = _first_port(pod)
    request = call.request
    onward = Request(request.method, call.info.rest or "/", request.query, request.headers, request.body)
    return await _proxy(call.server, pod, port, onward)


def _first_port(pod: Obj) -> str:
    rows = (row for container in pod["spec"]["containers"] for row in container.get("ports") or ())
    return next((str(row["containerPort"]) for row in rows), "80")


async def service_proxy(call: Call) -> Response:
    """The same for a service: one of its ready endpoints answers."""
    _scheme, name, port = split_target(call.info.name)
    request = call.request
    onward = Request(request.method, call.info.rest or "/", request.query, request.headers, request.body)
    return await service_response(call.server, call.info.namespace, name, port, onward)


async def service_response(server: "ApiServer", namespace: str, name: str, port: str, request: Request) -> Response:
    """What a service answers to a request; 503 if nothing is ready behind it."""
    service = await server.storage.get(server.cacher("services"), f"{namespace}/{name}")
    if service is None:
        raise errors.not_found("services", name)
    port_name = _port_name(service.obj, port)
    for entry in server.cacher("endpointslices", "discovery.k8s.io").select(namespace):
        if objects.labels(entry.obj).get("kubernetes.io/service-name") != name:
            continue
        target = _ready_target(entry.obj, port_name)
        pod = server.cacher("pods").get(f"{namespace}/{target[0]}") if target is not None else None
        if target is not None and pod is not None:
            return await _proxy(server, pod.obj, target[1], request)
    raise errors.service_unavailable(f'no endpoints available for service "{name}"')


def _port_name(service: Obj, port: str) -> str:
    """The name of the service's port that a number or name means; 503 for one that it does not have."""
    rows = (service.get("spec") or {}).get("ports") or ()
    for row in rows:
        if not port or port in (row.get("name"), str(row.get("port"))):
            return str(row.get("name", ""))
    raise errors.service_unavailable(f'no service port "{port}" found for service "{objects.name(service)}"')


def _ready_target(slice_: Obj, port_name: str) -> tuple[str, str] | None:
    """(pod's name, port's number) of the first ready endpoint."""
    port = next((row for row in slice_.get("ports") or () if row.get("name", "") == port_name), None)
    if port is None:
        return None
    for endpoint in slice_.get("endpoints") or ():
        reference = endpoint.get("targetRef") or {}
        ready = (endpoint.get("conditions") or {}).get("ready")
        if ready is not False and reference.get("kind") == "Pod":
            return str(reference["name"]), str(port["port"])
    return None


async def _proxy(server: "ApiServer", pod: Obj, port: str, request: Request) -> Response:
    if not _node_name(pod):
        raise errors.service_unavailable(f"address not allowed: pod {objects.name(pod)} has no address")
    endpoint = _endpoint(server, pod, f"proxy/{objects.namespace(pod)}/{objects.name(pod)}")
    return await endpoint.proxy(objects.namespace(pod), objects.name(pod), port, request)


async def node_proxy(call: Call) -> Response:
    """Differs: the nodes here have no HTTP server of their own."""
    raise errors.service_unavailable("error trying to reach service: the kubelet serves no HTTP")


def split_target(text: str) -> tuple[str, str, str]:
    """``https:web:8080`` -> (https, web, 8080); ``web`` -> ("", web, "")."""
    parts = text.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https"):
        return parts[0], parts[1], parts[2]
    if len(parts) == 2:
        return "", parts[0], parts[1]
    if len(parts) == 1:
        return "", text, ""
    raise errors.bad_request(f'invalid service request "{text}"')


# -- the pod and its node ------------------------------------------------------------------------------------------


async def _pod(call: Call) -> Obj:
    pods = call.server.cacher("pods")
    entry = await call.server.storage.get(pods, f"{call.info.namespace}/{call.info.name}")
    if entry is None:
        raise errors.not_found("pods", call.info.name)
    return entry.obj


async def _running(call: Call) -> Obj:
    pod = await _pod(call)
    if not _node_name(pod):
        raise errors.bad_request(f"pod {call.info.name} does not have a host assigned")
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise errors.bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
    return pod


def _node_name(pod: Obj) -> str:
    return str(pod["spec"].get("nodeName") or "")


def _container(pod: Obj, name: str) -> str:
    """The named container, or the only one; 400 otherwise."""
    known = {kind: [row["name"] for row in pod["spec"].get(kind) or ()] for kind in _CONTAINER_LISTS}
    if name:
        if not any(name in names for names in known.values()):
            raise errors.bad_request(f"container {name} is not valid for pod {objects.name(pod)}")
        return name
    containers, init = known["containers"], known["initContainers"]
    if len(containers) == 1:
        return str(containers[0])
    text = f"a container name must be specified for pod {objects.name(pod)}, choose one of: [{' '.join(containers)}]"
    if init:
        text += f" or one of the init containers: [{' '.join(init)}]"
    if known["ephemeralContainers"]:
        text += f" or one of the ephemeral containers: [{' '.join(known['ephemeralContainers'])}]"
    raise errors.bad_request(text)


def _endpoint(server: "ApiServer", pod: Obj, path: str) -> NodeEndpoint:
    """The kubelet of the pod's node; 500 if it cannot be reached."""
    node = _node_name(pod)
    endpoint = server.nodes(node)
    if endpoint is None:
        why = f'Get "https://{node}:10250/{path}": dial tcp: lookup {node}: connect: connection refused'
        raise errors.ApiError(500, "", why)
    return endpoint


def _flag(call: Call, name: str) -> bool:
    return call.request.param(name) in ("true", "1")
