"""What every service of the server shares: the member behind it, headers, who calls, kinds of methods."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from kube_nb.etcd.backend import Identity
from kube_nb.etcd.guard import Authenticated, Guarded
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.store import Store
from kube_nb.etcd.tokens import Tokens
from kube_nb.etcd.wire.calls import Context, Kind, Method

Unary: TypeAlias = Callable[[Any, Context], Awaitable[Any]]


class Served(Authenticated, Protocol):
    """A backend with its store in this process, as one member of a cluster."""

    store: Store
    progress_interval_s: float

    @property
    def has_leader(self) -> bool: ...

    def identity(self) -> Identity: ...

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]: ...


class Service:
    """One gRPC service; `methods` by name."""

    name = ""

    def __init__(self, member: Served, tokens: Tokens) -> None:
        self.member = member
        self.tokens = tokens

    def guarded(self, context: Context) -> Guarded:
        """The member as the caller sees it: by its token, else by its certificate's common name."""
        store = self.member.store.auth
        return Guarded(self.member, lambda: self.member.store.auth, self._caller(context) if store.enabled else "")

    def _caller(self, context: Context) -> str:
        token = context.get(b"token") or context.get(b"authorization")
        return self.tokens.name(token) if token else context.common_name

    def header(self, revision: int | None = None) -> pb.ResponseHeader:
        cluster_id, member_id, raft_term = self.member.identity()
        return pb.ResponseHeader(
            cluster_id=cluster_id,
            member_id=member_id,
            raft_term=raft_term,
            revision=self.member.store.revision if revision is None else revision,
        )

    def methods(self) -> dict[str, Method]:
        raise NotImplementedError


def unary(request: type[Any], function: Unary) -> Method:
    """One message in, one out."""
    return Method(Kind.UNARY, request, function)


def stream(request: type[Any], function: Callable[[AsyncIterator[Any], Context], AsyncIterator[Any]]) -> Method:
    """A stream in, a stream out."""
    return Method(Kind.STREAM, request, function)


def response_stream(request: type[Any], function: Callable[[Any, Context], AsyncIterator[Any]]) -> Method:
    """One message in, a stream out."""
    return Method(Kind.RESPONSES, request, function)
