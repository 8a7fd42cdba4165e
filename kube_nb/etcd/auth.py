"""Users, roles, and what a role may read and write. Plain: changes in, errors out. Models server/auth/store.go.

Differs: passwords are hashed with scrypt, not bcrypt, so they never leave our own files.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

from kube_nb.etcd import interval
from kube_nb.etcd.errors import Code, EtcdError, FailedPrecondition, InvalidArgument
from kube_nb.etcd.interval import Interval

ROOT = "root"


class RootUserMissing(FailedPrecondition):
    text = "etcdserver: root user does not exist"


class RootRoleMissing(FailedPrecondition):
    text = "etcdserver: root user does not have root role"


class UserExists(FailedPrecondition):
    text = "etcdserver: user name already exists"


class UserNotFound(FailedPrecondition):
    text = "etcdserver: user name not found"


class UserEmpty(InvalidArgument):
    text = "etcdserver: user name is empty"


class RoleExists(FailedPrecondition):
    text = "etcdserver: role name already exists"


class RoleNotFound(FailedPrecondition):
    text = "etcdserver: role name not found"


class RoleEmpty(InvalidArgument):
    text = "etcdserver: role name is empty"


class RoleNotGranted(FailedPrecondition):
    text = "etcdserver: role is not granted to the user"


class PermissionNotGranted(FailedPrecondition):
    text = "etcdserver: permission is not granted to the role"


class PermissionNotGiven(InvalidArgument):
    text = "etcdserver: permission not given"


class PermissionDenied(EtcdError):
    code = Code.PERMISSION_DENIED
    text = "etcdserver: permission denied"


class AuthFailed(InvalidArgument):
    text = "etcdserver: authentication failed, invalid user ID or password"


class AuthNotEnabled(FailedPrecondition):
    text = "etcdserver: authentication is not enabled"


class InvalidAuthToken(EtcdError):
    code = Code.UNAUTHENTICATED
    text = "etcdserver: invalid auth token"


class InvalidAuthManagement(InvalidArgument):
    text = "etcdserver: invalid auth management"


class Access(IntEnum):
    """What a permission allows."""

    READ = 0
    WRITE = 1
    READWRITE = 2


class Permission(NamedTuple):
    """The interval ``[key, range_end)`` as in a Range."""

    access: Access
    key: bytes
    range_end: bytes = b""


@dataclass(frozen=True, slots=True)
class User:
    """password: its hash in hexadecimal, empty for who logs in by certificate only."""

    name: str
    password: str = ""
    roles: tuple[str, ...] = ()


@dataclass(slots=True)
class AuthStore:
    """Every change makes one revision of its own; the store's stays."""

    enabled: bool = False
    revision: int = 1
    users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, tuple[Permission, ...]] = field(default_factory=dict)

    # -- the switch ----------------------------------------------------------------------------------------------

    def enable(self) -> None:
        if self.enabled:
            return
        if ROOT not in self.users:
            raise RootUserMissing
        if ROOT not in self.users[ROOT].roles:
            raise RootRoleMissing
        self.enabled = True
        self.revision += 1

    def disable(self) -> None:
        if self.enabled:
            self.enabled = False
            self.revision += 1

    # -- users ---------------------------------------------------------------------------------------------------

    def user(self, name: str) -> User:
        if name not in self.users:
            raise UserNotFound
        return self.users[name]

    def user_add(self, name: str, password: str) -> None:
        """password: already hashed, or empty for none."""
        if not name:
            raise UserEmpty
        if name in self.users:
            raise UserExists
        self._put(User(name, password))

    def user_delete(self, name: str) -> None:
        if self.enabled and name == ROOT:
            raise InvalidAuthManagement
        self.user(name)
        del self.users[name]
        self.revision += 1

    def user_change_password(self, name: str, password: str) -> None:
        self._put(replace(self.user(name), password=password))

    def user_grant_role(self, name: str, role: str) -> None:
        user = self.user(name)
        if role != ROOT and role not in self.roles:
            raise RoleNotFound
        if role not in user.roles:
            self._put(replace(user, roles=tuple(sorted((*user.roles, role)))))

    def user_revoke_role(self, name: str, role: str) -> None:
        if self.enabled and name == ROOT and role == ROOT:
            raise InvalidAuthManagement
        user = self.user(name)
        if role not in user.roles:
            raise RoleNotGranted
        self._put(replace(user, roles=tuple(other for other in user.roles if other != role)))

    def _put(self, user: User) -> None:
        self.users[user.name] = user
        self.revision += 1

    # -- roles ---------------------------------------------------------------------------------------------------

    def role(self, name: str) -> tuple[Permission, ...]:
        if name not in self.roles:
            raise RoleNotFound
        return self.roles[name]

    def role_add(self, name: str) -> None:
        if not name:
            raise RoleEmpty
        if name in self.roles:
            raise RoleExists
        self.roles[name] = ()
        self.revision += 1

    def role_delete(self, name: str) -> None:
        if self.enabled and name == ROOT:
            raise InvalidAuthManagement
        self.role(name)
        del self.roles[name]
        for user in list(self.users.values()):
            if name in user.roles:
                self.users[user.name] = replace(user, roles=tuple(role for role in user.roles if role != name))
        self.revision += 1

    def role_grant_permission(self, name: str, given: Permission) -> None:
        """Add the permission, or change what is allowed on the same interval."""
        self.role(name)
        kept = [old for old in self.roles[name] if (old.key, old.range_end) != (given.key, given.range_end)]
        self.roles[name] = tuple(sorted([*kept, given], key=lambda permission: permission.key))
        self.revision += 1

    def role_revoke_permission(self, name: str, key: bytes, range_end: bytes) -> None:
        self.role(name)
        kept = tuple(old for old in self.roles[name] if (old.key, old.range_end) != (key, range_end))
        if len(kept) == len(self.roles[name]):
            raise PermissionNotGranted
        self.roles[name] = kept
        self.revision += 1

    # -- who may -------------------------------------------------------------------------------------------------

    def is_root(self, name: str) -> bool:
        return name in self.users and ROOT in self.users[name].roles

    def check_root(self, name: str) -> None:
        """Let pass who may manage: everybody while auth is off, else the role root."""
        if not self.enabled:
            return
        if not name:
            raise UserEmpty
        if not self.is_root(name):
            raise PermissionDenied

    def check(self, name: str, access: Access, key: bytes, range_end: bytes = b"") -> None:
        """Let pass who may read or write all of the interval; its roles' permissions together may cover it."""
        if not self.enabled or self.is_root(name):
            return
        if not name:
            raise UserEmpty
        if name not in self.users:
            raise PermissionDenied
        given = [
            interval.of(permission.key, permission.range_end)
            for role in self.users[name].roles
            for permission in self.roles.get(role, ())
            if permission.access in (access, Access.READWRITE)
        ]
        if not _covers(given, interval.of(key, range_end)):
            raise PermissionDenied

    def check_password(self, name: str, password: str) -> None:
        if not self.enabled:
            raise AuthNotEnabled
        user = self.users.get(name)
        if user is None or not user.password or not matches(password, user.password):
            raise AuthFailed

    def copy(self) -> "AuthStore":
        return AuthStore(self.enabled, self.revision, dict(self.users), dict(self.roles))

    # -- on disk and in snapshots --------------------------------------------------------------------------------

    def to_json(self) -> str:
        roles = {
            name: [[int(p.access), p.key.hex(), p.range_end.hex()] for p in permissions]
            for name, permissions in self.roles.items()
        }
        users = [asdict(user) for user in self.users.values()]
        return json.dumps({"enabled": self.enabled, "revision": self.revision, "users": users, "roles": roles})

    @classmethod
    def from_json(cls, text: str) -> "AuthStore":
        raw: dict[str, Any] = json.loads(text)
        users = {row["name"]: User(row["name"], row["password"], tuple(row["roles"])) for row in raw["users"]}
        roles = {
            name: tuple(Permission(Access(kind), bytes.fromhex(key), bytes.fromhex(end)) for kind, key, end in rows)
            for name, rows in raw["roles"].items()
        }
        return cls(raw["enabled"], raw["revision"], users, roles)


def _covers(given: list[Interval], wanted: Interval) -> bool:
    """Whether every key of `wanted` lies in one of `given`."""
    reached = wanted.start
    for piece in sorted(given, key=lambda piece: piece.start):
        if piece.start > reached:
            return False
        if piece.end is None:
            return True
        reached = max(reached, piece.end)
        if wanted.end is not None and reached >= wanted.end:
            return True
    return False


def hashed(password: str, salt: bytes) -> str:
    """What is kept of a password."""
    return salt.hex() + hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1).hex()


def matches(password: str, kept: str) -> bool:
    salt = bytes.fromhex(kept[:32])
    return hmac.compare_digest(hashed(password, salt), kept)
