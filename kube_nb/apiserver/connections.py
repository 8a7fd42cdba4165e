"""Admission of connections: exec, attach, port-forward and the proxies ask the validating plugins first.

What they see as the object are the options of the connection, a PodExecOptions for example. Models ConnectResource of
apiserver pkg/endpoints/handlers/rest.go. Differs: no mutating plugin is asked.
"""

from kube_nb.apiserver.admission import CONNECT, Attributes
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.handlers import Handler
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

_FLAGS = ("stdin", "stdout", "stderr", "tty")


def admitted(handler: Handler) -> Handler:
    """The handler, once nobody has anything against the connection."""

    async def connect(call: Call) -> Response:
        await call.server.admission.validate(Attributes(CONNECT, call, options(call), None))
        return await handler(call)

    return connect


def options(call: Call) -> Obj:
    """``?stdin=true&container=main`` -> {"kind": "PodAttachOptions", "stdin": True, "container": "main"}."""
    info, query = call.info, call.request.query
    row = call.resource.kind.subresource(info.subresource)
    assert row is not None
    found: Obj = {"kind": row.gvk.kind, "apiVersion": "v1"}
    found |= {name: True for name in _FLAGS if call.request.param(name) in ("true", "1")}
    if query.get("container"):
        found["container"] = query["container"][0]
    if query.get("command"):
        found["command"] = list(query["command"])
    if ports := [int(port) for text in query.get("ports", ()) for port in text.split(",") if port.isdigit()]:
        found["ports"] = ports
    if info.subresource == "proxy":
        found["path"] = info.rest or "/"
    return found
