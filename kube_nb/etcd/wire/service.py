"""What every service of the server shares: the member behind it, headers, errors as gRPC statuses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, Protocol, TypeAlias

import grpc

from kube_nb.etcd.backend import Identity
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.guard import Authenticated, Guarded
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.store import Store
from kube_nb.etcd.tokens import Tokens

Context: TypeAlias = "grpc.aio.ServicerContext"
Unary: TypeAlias = Callable[[Any, Context], Awaitable[Any]]
_STATUS = {status.value[0]: status for status in grpc.StatusCode}


class Served(Authenticated, Protocol):
    """A backend with its store in this process, as one member of a cluster."""

    store: Store
    progress_interval_s: float

    def identity(self) -> Identity: ...


class Service:
    """One gRPC service. METHODS: name -> (request class, whether requests, whether responses are a stream)."""

    name = ""

    def __init__(self, member: Served, tokens: Tokens) -> None:
        self.member = member
        self.tokens = tokens

    def guarded(self, context: Context) -> Guarded:
        """The member as the caller sees it: by its token, else by its certificate's common name."""
        store = self.member.store.auth
        return Guarded(self.member, lambda: self.member.store.auth, self._caller(context) if store.enabled else "")

    def _caller(self, context: Context) -> str:
        for name, value in context.invocation_metadata() or ():
            if name in ("token", "authorization"):
                return self.tokens.name(str(value))
        names = context.auth_context().get("x509_common_name", [])
        return str(names[0], "utf-8") if names else ""

    def header(self, revision: int | None = None) -> pb.ResponseHeader:
        cluster_id, member_id, raft_term = self.member.identity()
        return pb.ResponseHeader(
            cluster_id=cluster_id,
            member_id=member_id,
            raft_term=raft_term,
            revision=self.member.store.revision if revision is None else revision,
        )

    def handler(self) -> "grpc.GenericRpcHandler":
        return grpc.method_handlers_generic_handler(self.name, self.methods())

    def methods(self) -> dict[str, grpc.RpcMethodHandler]:
        raise NotImplementedError


def unary(request: type[Any], function: Unary) -> "grpc.RpcMethodHandler":
    """One message in, one out; an EtcdError becomes the call's status."""

    @wraps(function)
    async def call(message: Any, context: Context) -> Any:
        try:
            return await function(message, context)
        except EtcdError as error:
            await abort(context, error)

    return grpc.unary_unary_rpc_method_handler(call, request.FromString, _serialize)


def stream(
    request: type[Any], function: Callable[[AsyncIterator[Any], Context], AsyncIterator[Any]]
) -> "grpc.RpcMethodHandler":
    """A stream in, a stream out."""
    return grpc.stream_stream_rpc_method_handler(function, request.FromString, _serialize)


def response_stream(
    request: type[Any], function: Callable[[Any, Context], AsyncIterator[Any]]
) -> "grpc.RpcMethodHandler":
    """One message in, a stream out."""

    @wraps(function)
    async def call(message: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for response in function(message, context):
                yield response
        except EtcdError as error:
            await abort(context, error)

    return grpc.unary_stream_rpc_method_handler(call, request.FromString, _serialize)


def _serialize(message: Any) -> bytes:
    return bytes(message.SerializeToString())


async def abort(context: Context, error: EtcdError) -> None:
    await context.abort(_STATUS[int(error.code)], error.message)
