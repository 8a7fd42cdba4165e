"""`Guarded`: a backend as one user sees it. Models server/etcdserver/apply/apply_auth.go.

While auth is off it lets everything pass; so the wire server guards every call, and in-kernel callers, who hold the
backend itself, are trusted.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from kube_nb.etcd.auth import Access, AuthStore, Permission, hashed
from kube_nb.etcd.backend import (
    Alarm,
    AlarmType,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    LeaseTimeToLiveResult,
    Maintained,
    Member,
    Op,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    Watcher,
)
from kube_nb.machinery.clock import Clock


class Authenticated(Maintained, Protocol):
    """A backend that knows users."""

    clock: Clock

    async def auth_change(self, method: str, *arguments: Any) -> None: ...


class Authority(Protocol):
    """Users and roles, as one user may see and change them."""

    async def auth_change(self, method: str, *arguments: Any) -> None:
        """One of `AuthStore`'s changes."""

    async def auth_status(self) -> tuple[bool, int]:
        """Whether it is on, and the auth store's revision."""

    def hashed(self, password: str) -> str:
        """What stands for a password in a change."""

    async def user_roles(self, name: str) -> list[str]: ...

    async def user_names(self) -> list[str]: ...

    async def role_permissions(self, name: str) -> list[Permission]: ...

    async def role_names(self) -> list[str]: ...


class Guarded:
    """name: the user, empty for who has not said. auth: gives the users and roles of now. What is not here is passed on
    as it is."""

    def __init__(self, member: Authenticated, auth: Callable[[], AuthStore], name: str) -> None:
        self._member = member
        self._auth_now = auth
        self._name = name

    @property
    def _auth(self) -> AuthStore:
        return self._auth_now()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    def _check(self, access: Access, key: bytes, range_end: bytes = b"") -> None:
        self._auth.check(self._name, access, key, range_end)

    async def range(self, key: bytes, range_end: bytes = b"", **options: Any) -> RangeResult:
        self._check(Access.READ, key, range_end)
        return await self._member.range(key, range_end, **options)

    async def put(self, key: bytes, value: bytes = b"", **options: Any) -> PutResult:
        await self._check_put(Put(key, value, **options))
        return await self._member.put(key, value, **options)

    async def _check_put(self, op: Put) -> None:
        self._check(Access.WRITE, op.key)
        if op.prev_kv:
            self._check(Access.READ, op.key)
        if op.lease and self._auth.enabled:
            for key in (await self._member.lease_time_to_live(op.lease, keys=True)).keys:
                self._check(Access.WRITE, key)

    async def delete_range(self, key: bytes, range_end: bytes = b"", *, prev_kv: bool = False) -> DeleteRangeResult:
        self._check_delete(DeleteRange(key, range_end, prev_kv))
        return await self._member.delete_range(key, range_end, prev_kv=prev_kv)

    def _check_delete(self, op: DeleteRange) -> None:
        self._check(Access.WRITE, op.key, op.range_end)
        if op.prev_kv:
            self._check(Access.READ, op.key, op.range_end)

    async def txn(
        self, compare: Sequence[Compare] = (), success: Sequence[Op] = (), failure: Sequence[Op] = ()
    ) -> TxnResult:
        if self._auth.enabled:
            await self._check_txn(Txn(compare, success, failure))
        return await self._member.txn(compare, success, failure)

    async def _check_txn(self, txn: Txn) -> None:
        """Everything that is named must be permitted, in the branch not taken too."""
        for compare in txn.compare:
            self._check(Access.READ, compare.key, compare.range_end)
        for op in (*txn.success, *txn.failure):
            match op:
                case Range():
                    self._check(Access.READ, op.key, op.range_end)
                case Put():
                    await self._check_put(op)
                case DeleteRange():
                    self._check_delete(op)
                case Txn():
                    await self._check_txn(op)

    def watch(self, key: bytes, range_end: bytes = b"", **options: Any) -> Watcher:
        self.check_watch(key, range_end)
        return self._member.watch(key, range_end, **options)

    def check_watch(self, key: bytes, range_end: bytes) -> None:
        self._check(Access.READ, key or b"\0", range_end)

    async def lease_revoke(self, id: int) -> int:
        await self._check_lease(id, Access.WRITE)
        return await self._member.lease_revoke(id)

    async def lease_time_to_live(self, id: int, *, keys: bool = False) -> LeaseTimeToLiveResult:
        if keys:
            await self._check_lease(id, Access.READ)
        return await self._member.lease_time_to_live(id, keys=keys)

    async def _check_lease(self, id: int, access: Access) -> None:
        if self._auth.enabled:
            for key in (await self._member.lease_time_to_live(id, keys=True)).keys:
                self._check(access, key)

    def check_root(self) -> None:
        self._auth.check_root(self._name)

    def check_user(self, name: str) -> None:
        """Who may look at a user: root, and the user."""
        if self._name != name:
            self.check_root()

    def check_role(self, role: str) -> None:
        """Who may look at a role: root, and those who have it."""
        mine = self._auth.users.get(self._name)
        if self._auth.enabled and (mine is None or role not in mine.roles):
            self.check_root()

    # -- what only root may --------------------------------------------------------------------------------------

    def at(self, endpoint: str) -> "Guarded":
        member: Any = self._member.at(endpoint)
        return Guarded(member, self._auth_now, self._name)

    async def alarms(self) -> list[Alarm]:
        self.check_root()
        return await self._member.alarms()

    async def alarm_disarm(self, type: AlarmType = AlarmType.NONE) -> list[Alarm]:
        self.check_root()
        return await self._member.alarm_disarm(type)

    async def defragment(self) -> None:
        self.check_root()
        await self._member.defragment()

    async def snapshot(self) -> AsyncIterator[bytes]:
        self.check_root()
        async for piece in self._member.snapshot():
            yield piece

    async def move_leader(self, to: int) -> None:
        self.check_root()
        await self._member.move_leader(to)

    async def member_add(self, name: str, peer_urls: tuple[str, ...], *, learner: bool = False) -> Member:
        self.check_root()
        return await self._member.member_add(name, peer_urls, learner=learner)

    async def member_remove(self, id: int) -> list[Member]:
        self.check_root()
        return await self._member.member_remove(id)

    async def member_update(self, id: int, peer_urls: tuple[str, ...]) -> list[Member]:
        self.check_root()
        return await self._member.member_update(id, peer_urls)

    async def member_promote(self, id: int) -> list[Member]:
        self.check_root()
        return await self._member.member_promote(id)

    # -- users and roles -----------------------------------------------------------------------------------------

    async def auth_change(self, method: str, *arguments: Any) -> None:
        """One of `AuthStore`'s changes."""
        self.check_root()
        await self._member.auth_change(method, *arguments)

    async def auth_status(self) -> tuple[bool, int]:
        """Whether it is on, and the auth store's revision."""
        return self._auth.enabled, self._auth.revision

    def hashed(self, password: str) -> str:
        return hashed(password, self._member.clock.stream("etcd/auth").randbytes(16))

    async def user_roles(self, name: str) -> list[str]:
        self.check_user(name)
        return list(self._auth.user(name).roles)

    async def user_names(self) -> list[str]:
        self.check_root()
        return sorted(self._auth.users)

    async def role_permissions(self, name: str) -> list[Permission]:
        self.check_role(name)
        return list(self._auth.role(name))

    async def role_names(self) -> list[str]:
        self.check_root()
        return sorted(self._auth.roles)
