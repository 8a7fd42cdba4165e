"""`RemoteBackend`: a real etcd, or another of ours, as a `Backend` over gRPC.

Nothing is retried but what is safe to: watches resume after the last event that they gave.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from grpc import StatusCode, aio, ssl_channel_credentials

from kube_nb.etcd import errors
from kube_nb.etcd.auth import Access, AuthNotEnabled, Permission
from kube_nb.etcd.backend import (
    Alarm,
    AlarmType,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    Event,
    HashKvResult,
    LeaseGrantResult,
    LeaseTimeToLiveResult,
    Member,
    Op,
    OptimisticResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    StatusResult,
    Txn,
    TxnResult,
    WatchBatch,
)
from kube_nb.etcd.errors import Compacted, EtcdError, WatchCanceled
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import codec, poller

#: How long a call may take unless its `RemoteBackend` says, in wall seconds.
TIMEOUT_S = 10.0
#: How long a watch waits before it looks for its server again, in cluster seconds.
RECONNECT_S = 0.5
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
]


def connect(
    url: str, *, ca: bytes | None = None, cert: bytes | None = None, key: bytes | None = None
) -> "RemoteBackend":
    """A backend over ``http://HOST:PORT`` or ``https://HOST:PORT``, on the running loop; ca, cert and key are PEM."""
    poller.keep_quiet(asyncio.get_running_loop())
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{url!r} is no address of an etcd: want http://HOST:PORT or https://HOST:PORT")
    if parts.scheme == "http":
        return RemoteBackend(aio.insecure_channel(parts.netloc, options=_OPTIONS))
    credentials = ssl_channel_credentials(ca, key, cert)
    return RemoteBackend(aio.secure_channel(parts.netloc, credentials, options=_OPTIONS))


class RemoteBackend:
    """A `Backend` over a channel; `close` it when done."""

    #: How long a call may take, in wall seconds; None for as long as it takes.
    timeout_s: float | None = TIMEOUT_S

    def __init__(self, channel: aio.Channel) -> None:
        self._channel = channel
        self._calls: dict[str, Any] = {}

    async def close(self) -> None:
        await self._channel.close()

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call: nothing; with a user, its token."""
        return ()

    def as_user(self, name: str = "", password: str = "") -> "RemoteUser":
        """The same etcd as a user sees it; who that is, is found out with the first call."""
        return RemoteUser(self._channel, name, password)

    async def _call(self, path: str, request: Any, response: type[Any]) -> Any:
        call = self._calls.get(path)
        if call is None:
            call = self._calls[path] = self._channel.unary_unary(
                f"/etcdserverpb.{path}", type(request).SerializeToString, response.FromString
            )
        try:
            return await call(request, timeout=self.timeout_s, metadata=await self._metadata())
        except aio.AioRpcError as error:
            raise of_status(error.code(), error.details() or "") from None

    # -- keys ----------------------------------------------------------------------------------------------------

    async def range(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        limit: int = 0,
        revision: int = 0,
        sort_order: int = 0,
        sort_target: int = 0,
        serializable: bool = False,
        keys_only: bool = False,
        count_only: bool = False,
        min_mod_revision: int = 0,
        max_mod_revision: int = 0,
        min_create_revision: int = 0,
        max_create_revision: int = 0,
    ) -> RangeResult:
        op = Range(
            key,
            range_end,
            limit,
            revision,
            sort_order,
            sort_target,
            serializable,
            keys_only,
            count_only,
            min_mod_revision,
            max_mod_revision,
            min_create_revision,
            max_create_revision,
        )
        return codec.range_result(await self._call("KV/Range", codec.range_request(op), pb.RangeResponse))

    async def put(
        self,
        key: bytes,
        value: bytes = b"",
        *,
        lease: int = 0,
        prev_kv: bool = False,
        ignore_value: bool = False,
        ignore_lease: bool = False,
    ) -> PutResult:
        op = Put(key, value, lease, prev_kv, ignore_value, ignore_lease)
        return codec.put_result(await self._call("KV/Put", codec.put_request(op), pb.PutResponse))

    async def delete_range(self, key: bytes, range_end: bytes = b"", *, prev_kv: bool = False) -> DeleteRangeResult:
        request = codec.delete_request(DeleteRange(key, range_end, prev_kv))
        return codec.delete_result(await self._call("KV/DeleteRange", request, pb.DeleteRangeResponse))

    async def txn(
        self, compare: Sequence[Compare] = (), success: Sequence[Op] = (), failure: Sequence[Op] = ()
    ) -> TxnResult:
        request = codec.txn_request(Txn(compare, success, failure))
        return codec.txn_result(await self._call("KV/Txn", request, pb.TxnResponse))

    async def optimistic_put(
        self, key: bytes, value: bytes, expected_revision: int, *, lease: int = 0, get_on_failure: bool = False
    ) -> OptimisticResult:
        read: list[Op] = [Range(key)]
        condition = Compare(key, value=expected_revision)
        result = await self.txn([condition], [Put(key, value, lease), *read], read if get_on_failure else [])
        return _optimistic(result, -1)

    async def optimistic_delete(
        self, key: bytes, expected_revision: int, *, get_on_failure: bool = False
    ) -> OptimisticResult:
        condition = Compare(key, value=expected_revision)
        read: list[Op] = [Range(key)] if get_on_failure else []
        return _optimistic(await self.txn([condition], [DeleteRange(key, prev_kv=True)], read), 0)

    async def compact(self, revision: int, *, physical: bool = False) -> int:
        request = pb.CompactionRequest(revision=revision, physical=physical)
        return _revision(await self._call("KV/Compact", request, pb.CompactionResponse))

    # -- watching ------------------------------------------------------------------------------------------------

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        start_revision: int = 0,
        prev_kv: bool = False,
        progress_notify: bool = False,
        no_put: bool = False,
        no_delete: bool = False,
    ) -> "RemoteWatcher":
        request = pb.WatchCreateRequest(
            key=key,
            range_end=range_end,
            start_revision=start_revision,
            prev_kv=prev_kv,
            progress_notify=progress_notify,
            filters=[0] * no_put + [1] * no_delete,
        )
        open_stream = self._channel.stream_stream(
            "/etcdserverpb.Watch/Watch", pb.WatchRequest.SerializeToString, pb.WatchResponse.FromString
        )
        return RemoteWatcher(open_stream, request, self._metadata)

    def subscribe(
        self, key: bytes, range_end: bytes, callback: Callable[[tuple[Event, ...], int], None]
    ) -> Callable[[], None] | None:
        """None: this store is not in this kernel."""
        return None

    # -- leases --------------------------------------------------------------------------------------------------

    async def lease_grant(self, ttl_s: int, id: int = 0) -> LeaseGrantResult:
        response = await self._call("Lease/LeaseGrant", pb.LeaseGrantRequest(TTL=ttl_s, ID=id), pb.LeaseGrantResponse)
        return LeaseGrantResult(_revision(response), response.ID, response.TTL)

    async def lease_revoke(self, id: int) -> int:
        return _revision(await self._call("Lease/LeaseRevoke", pb.LeaseRevokeRequest(ID=id), pb.LeaseRevokeResponse))

    async def lease_keep_alive(self, id: int) -> int:
        open_stream = self._channel.stream_stream(
            "/etcdserverpb.Lease/LeaseKeepAlive",
            pb.LeaseKeepAliveRequest.SerializeToString,
            pb.LeaseKeepAliveResponse.FromString,
        )
        call = open_stream(timeout=self.timeout_s, metadata=await self._metadata())
        try:
            await call.write(pb.LeaseKeepAliveRequest(ID=id))
            response = await call.read()
            return int(response.TTL) if response is not aio.EOF else 0
        except aio.AioRpcError as error:
            raise of_status(error.code(), error.details() or "") from None
        finally:
            call.cancel()

    async def lease_time_to_live(self, id: int, *, keys: bool = False) -> LeaseTimeToLiveResult:
        request = pb.LeaseTimeToLiveRequest(ID=id, keys=keys)
        response = await self._call("Lease/LeaseTimeToLive", request, pb.LeaseTimeToLiveResponse)
        return LeaseTimeToLiveResult(
            _revision(response), response.ID, response.TTL, response.grantedTTL, list(response.keys)
        )

    async def leases(self) -> list[int]:
        response = await self._call("Lease/LeaseLeases", pb.LeaseLeasesRequest(), pb.LeaseLeasesResponse)
        return [lease.ID for lease in response.leases]

    # -- the server ----------------------------------------------------------------------------------------------

    async def status(self) -> StatusResult:
        response = await self._call("Maintenance/Status", pb.StatusRequest(), pb.StatusResponse)
        return StatusResult(
            _revision(response),
            response.version,
            response.dbSize,
            response.dbSizeInUse,
            response.leader,
            response.raftIndex,
            response.raftTerm,
            response.raftAppliedIndex,
            tuple(response.errors),
            response.isLearner,
            response.header.cluster_id,
            response.header.member_id,
        )

    async def member_list(self) -> list[Member]:
        request = pb.MemberListRequest(linearizable=True)
        response = await self._call("Cluster/MemberList", request, pb.MemberListResponse)
        return [codec.member_value(member) for member in response.members]

    async def hash_kv(self, revision: int = 0) -> HashKvResult:
        response = await self._call("Maintenance/HashKV", pb.HashKVRequest(revision=revision), pb.HashKVResponse)
        return HashKvResult(_revision(response), response.hash, response.compact_revision)

    # -- maintenance ---------------------------------------------------------------------------------------------

    def at(self, endpoint: str) -> "RemoteBackend":
        """The same channel: it leads to one endpoint."""
        return self

    async def alarms(self) -> list[Alarm]:
        return await self._alarm(pb.AlarmRequest())

    async def alarm_disarm(self, type: AlarmType = AlarmType.NONE) -> list[Alarm]:
        """Disarm each alarm that is on and of this type, member by member."""
        gone = [alarm for alarm in await self.alarms() if type in (AlarmType.NONE, alarm.type)]
        for alarm in gone:
            await self._alarm(pb.AlarmRequest(action=2, memberID=alarm.member_id, alarm=int(alarm.type)))
        return gone

    async def _alarm(self, request: pb.AlarmRequest) -> list[Alarm]:
        response = await self._call("Maintenance/Alarm", request, pb.AlarmResponse)
        return [Alarm(alarm.memberID, AlarmType(alarm.alarm)) for alarm in response.alarms]

    async def defragment(self) -> None:
        await self._call("Maintenance/Defragment", pb.DefragmentRequest(), pb.DefragmentResponse)

    async def snapshot(self) -> AsyncIterator[bytes]:
        open_stream = self._channel.unary_stream(
            "/etcdserverpb.Maintenance/Snapshot",
            pb.SnapshotRequest.SerializeToString,
            pb.SnapshotResponse.FromString,
        )
        try:
            async for response in open_stream(pb.SnapshotRequest(), metadata=await self._metadata()):
                yield response.blob
        except aio.AioRpcError as error:
            raise of_status(error.code(), error.details() or "") from None

    async def move_leader(self, to: int) -> None:
        await self._call("Maintenance/MoveLeader", pb.MoveLeaderRequest(targetID=to), pb.MoveLeaderResponse)

    async def member_add(self, name: str, peer_urls: tuple[str, ...], *, learner: bool = False) -> Member:
        """The name is not told: a member has one once it has started."""
        request = pb.MemberAddRequest(peerURLs=peer_urls, isLearner=learner)
        response = await self._call("Cluster/MemberAdd", request, pb.MemberAddResponse)
        return codec.member_value(response.member)

    async def member_remove(self, id: int) -> list[Member]:
        return await self._members("Cluster/MemberRemove", pb.MemberRemoveRequest(ID=id))

    async def member_update(self, id: int, peer_urls: tuple[str, ...]) -> list[Member]:
        return await self._members("Cluster/MemberUpdate", pb.MemberUpdateRequest(ID=id, peerURLs=peer_urls))

    async def member_promote(self, id: int) -> list[Member]:
        return await self._members("Cluster/MemberPromote", pb.MemberPromoteRequest(ID=id))

    async def _members(self, path: str, request: Any) -> list[Member]:
        response = await self._call(path, request, pb.MemberListResponse)
        return [codec.member_value(member) for member in response.members]


class RemoteUser(RemoteBackend):
    """A `RemoteBackend` and `Authority` as one user; without a name as somebody who has not said who he is."""

    def __init__(self, channel: aio.Channel, name: str, password: str) -> None:
        super().__init__(channel)
        self._name, self._password = name, password
        self._token = ""

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        if self._name and not self._token:
            request = pb.AuthenticateRequest(name=self._name, password=self._password)
            login = self._channel.unary_unary(
                "/etcdserverpb.Auth/Authenticate",
                pb.AuthenticateRequest.SerializeToString,
                pb.AuthenticateResponse.FromString,
            )
            try:
                self._token = (await login(request, timeout=self.timeout_s)).token
            except aio.AioRpcError as error:
                if error.details() != AuthNotEnabled.text:  # then nobody is asked who he is
                    raise of_status(error.code(), error.details() or "") from None
        return (("token", self._token),) if self._token else ()

    async def login(self) -> None:
        """Find out now whether the password is right."""
        await self._metadata()

    async def auth_change(self, method: str, *arguments: Any) -> None:
        path, request = _AUTH_CHANGES[method](*arguments)
        await self._call(f"Auth/{path}", request, pb.AuthChangeResponse)

    def hashed(self, password: str) -> str:
        """As it is: the server keeps a hash."""
        return password

    async def auth_status(self) -> tuple[bool, int]:
        response = await self._call("Auth/AuthStatus", pb.AuthStatusRequest(), pb.AuthStatusResponse)
        return response.enabled, response.authRevision

    async def user_roles(self, name: str) -> list[str]:
        response = await self._call("Auth/UserGet", pb.AuthUserGetRequest(name=name), pb.AuthUserGetResponse)
        return list(response.roles)

    async def user_names(self) -> list[str]:
        return list((await self._call("Auth/UserList", pb.AuthUserListRequest(), pb.AuthUserListResponse)).users)

    async def role_permissions(self, name: str) -> list[Permission]:
        response = await self._call("Auth/RoleGet", pb.AuthRoleGetRequest(role=name), pb.AuthRoleGetResponse)
        return [Permission(Access(each.permType), each.key, each.range_end) for each in response.perm]

    async def role_names(self) -> list[str]:
        return list((await self._call("Auth/RoleList", pb.AuthRoleListRequest(), pb.AuthRoleListResponse)).roles)


def _user_add(name: str, password: str) -> tuple[str, Any]:
    options = pb.UserAddOptions(no_password=not password)
    return "UserAdd", pb.AuthUserAddRequest(name=name, password=password, options=options)


def _grant(name: str, given: Permission) -> tuple[str, Any]:
    permission = pb.Permission(permType=int(given.access), key=given.key, range_end=given.range_end)
    return "RoleGrantPermission", pb.AuthRoleGrantPermissionRequest(name=name, perm=permission)


#: An `AuthStore`'s change to the call that makes it.
_AUTH_CHANGES: dict[str, Callable[..., tuple[str, Any]]] = {
    "enable": lambda: ("AuthEnable", pb.AuthEnableRequest()),
    "disable": lambda: ("AuthDisable", pb.AuthDisableRequest()),
    "user_add": _user_add,
    "user_delete": lambda name: ("UserDelete", pb.AuthUserDeleteRequest(name=name)),
    "user_change_password": lambda name, password: (
        "UserChangePassword",
        pb.AuthUserChangePasswordRequest(name=name, password=password),
    ),
    "user_grant_role": lambda user, role: ("UserGrantRole", pb.AuthUserGrantRoleRequest(user=user, role=role)),
    "user_revoke_role": lambda name, role: ("UserRevokeRole", pb.AuthUserRevokeRoleRequest(name=name, role=role)),
    "role_add": lambda name: ("RoleAdd", pb.AuthRoleAddRequest(name=name)),
    "role_delete": lambda role: ("RoleDelete", pb.AuthRoleDeleteRequest(role=role)),
    "role_grant_permission": _grant,
    "role_revoke_permission": lambda role, key, end: (
        "RoleRevokePermission",
        pb.AuthRoleRevokePermissionRequest(role=role, key=key, range_end=end),
    ),
}


class RemoteWatcher:
    """A `Watcher` on a stream of its own, opened anew where it left off when the connection breaks."""

    def __init__(
        self,
        open_stream: Callable[..., Any],
        request: pb.WatchCreateRequest,
        metadata: Callable[[], Awaitable[Any]],
    ) -> None:
        self._metadata = metadata
        self.compact_revision = 0
        self._open_stream = open_stream
        self._request = request
        self._call: Any = None
        self._batches: deque[WatchBatch] = deque()
        self._cancelled = False

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        while not self._batches:
            if self._cancelled:
                raise StopAsyncIteration
            try:
                await self._receive()
            except aio.AioRpcError as error:
                if self._cancelled:
                    raise StopAsyncIteration from None
                self._call = None
                if error.code() is not StatusCode.UNAVAILABLE:
                    raise of_status(error.code(), error.details() or "") from None
                await asyncio.sleep(RECONNECT_S)
            except asyncio.CancelledError:
                if self._cancelled:
                    raise StopAsyncIteration from None
                raise
        return self._batches.popleft()

    async def _receive(self) -> None:
        if self._call is None:
            self._call = self._open_stream(metadata=await self._metadata())
            await self._call.write(pb.WatchRequest(create_request=self._request))
        response = await self._call.read()
        if response is aio.EOF:
            self._call = None
        elif response.canceled:
            self.cancel()
            self.compact_revision = response.compact_revision
            raise Compacted if response.compact_revision else WatchCanceled(response.cancel_reason)
        elif response.created:
            if not self._request.start_revision:
                self._request.start_revision = response.header.revision + 1
        else:
            self._take(response)

    def _take(self, response: pb.WatchResponse) -> None:
        """Keep a batch; what is told of a long past may end before the revision in its header."""
        revision = response.header.revision
        seen = response.events[-1].kv.mod_revision if response.events else revision
        self._request.start_revision = max(self._request.start_revision, seen + 1)
        self._batches.append(WatchBatch(tuple(codec.event_value(event) for event in response.events), revision))

    def cancel(self) -> None:
        self._cancelled = True
        if self._call is not None:
            self._call.cancel()


def _revision(response: Any) -> int:
    return int(response.header.revision)


def _optimistic(result: TxnResult, place: int) -> OptimisticResult:
    """The pair that a txn of `optimistic_put` or `optimistic_delete` wrote, deleted or found."""
    found = None
    if result.responses:
        last = result.responses[place if result.succeeded else -1]
        kvs = last.kvs if isinstance(last, RangeResult) else getattr(last, "prev_kvs", [])
        found = kvs[0] if kvs else None
    return OptimisticResult(result.revision, result.succeeded, found)


def of_status(code: StatusCode, details: str) -> EtcdError:
    """The error of a failed call: the class whose text it carries, else a plain EtcdError of its code."""
    known = _BY_TEXT.get(details)
    if known is not None:
        return known()
    if code is StatusCode.UNAVAILABLE:
        return errors.Unavailable(details)
    if code is StatusCode.DEADLINE_EXCEEDED:  # grpcio's words are not those of Go's clients
        return errors.DeadlineExceeded()
    return EtcdError(details, errors.Code(code.value[0]))


def _classes(parent: type[EtcdError]) -> list[type[EtcdError]]:
    return [found for child in parent.__subclasses__() for found in (child, *_classes(child))]


_BY_TEXT = {found.text: found for found in _classes(EtcdError) if found.text}
