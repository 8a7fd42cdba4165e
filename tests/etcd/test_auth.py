"""Users and roles: who may read and write what, kept through restarts and forks."""

import asyncio
from pathlib import Path

import pytest

from kube_nb.etcd import auth, errors
from kube_nb.etcd.auth import Access, AuthStore, Permission
from kube_nb.etcd.backend import Compare, Put, Txn
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.etcd.tokens import Tokens
from kube_nb.machinery.clock import ManualClock
from kube_nb.machinery.loop import ClusterLoop


def cluster_loop() -> ClusterLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return loop


def enabled(*permissions: Permission) -> AuthStore:
    """A store where alice has these permissions by one role each."""
    store = AuthStore()
    store.user_add("root", "x")
    store.user_grant_role("root", "root")
    store.user_add("alice", "")
    for number, permission in enumerate(permissions):
        store.role_add(f"r{number}")
        store.role_grant_permission(f"r{number}", permission)
        store.user_grant_role("alice", f"r{number}")
    store.enable()
    return store


READ, WRITE, BOTH = Access.READ, Access.WRITE, Access.READWRITE


@pytest.mark.parametrize(
    ("permissions", "wanted", "allowed"),
    [
        pytest.param([], (READ, b"a"), False, id="nothing given"),
        pytest.param([Permission(READ, b"a")], (READ, b"a"), True, id="a key"),
        pytest.param([Permission(READ, b"a")], (READ, b"aa"), False, id="not its prefix"),
        pytest.param([Permission(READ, b"a")], (WRITE, b"a"), False, id="reading is not writing"),
        pytest.param([Permission(BOTH, b"a")], (WRITE, b"a"), True, id="both"),
        pytest.param([Permission(READ, b"a", b"c")], (READ, b"b", b"c"), True, id="inside an interval"),
        pytest.param([Permission(READ, b"a", b"c")], (READ, b"b", b"d"), False, id="past its end"),
        pytest.param(
            [Permission(READ, b"c", b"e"), Permission(BOTH, b"a", b"c")],
            (READ, b"b", b"d"),
            True,
            id="intervals that touch cover together",
        ),
        pytest.param(
            [Permission(READ, b"a", b"b"), Permission(READ, b"c", b"e")], (READ, b"a", b"d"), False, id="with a gap"
        ),
        pytest.param([Permission(READ, b"a", b"\0")], (READ, b"b", b"\0"), True, id="from key on"),
        pytest.param([Permission(READ, b"b", b"\0")], (READ, b"a", b"\0"), False, id="from an earlier key on"),
    ],
)
def test_roles_together_allow(
    permissions: list[Permission], wanted: tuple[Access, bytes] | tuple[Access, bytes, bytes], allowed: bool
) -> None:
    store = enabled(*permissions)
    if allowed:
        store.check("alice", *wanted)
    else:
        with pytest.raises(auth.PermissionDenied):
            store.check("alice", *wanted)
    store.check("root", *wanted)
    with pytest.raises(auth.UserEmpty):
        store.check("", *wanted)


def test_a_store_with_users_survives_as_json() -> None:
    store = enabled(Permission(BOTH, b"\xff\0", b"\0"))
    assert AuthStore.from_json(store.to_json()) == store


def test_a_password_is_kept_as_a_hash_that_only_it_matches() -> None:
    kept = auth.hashed("pw", b"0123456789abcdef")
    assert "pw" not in kept
    assert auth.matches("pw", kept)
    assert not auth.matches("pW", kept)


def test_a_token_lasts_as_long_as_it_is_used() -> None:
    clock = ManualClock()
    tokens = Tokens(clock)
    token = tokens.issue("alice")
    for _ in range(3):
        clock.advance(299)
        assert tokens.name(token) == "alice"
    clock.advance(300)
    with pytest.raises(auth.InvalidAuthToken):
        tokens.name(token)


async def guarded_backend() -> LocalBackend:
    """alice (password pw) may read a, and write b."""
    backend = LocalBackend(Store(), cluster_loop())
    keep = backend.as_user()
    await backend.put(b"a", b"1")
    await keep.auth_change("user_add", "root", keep.hashed("pw"))
    await keep.auth_change("user_grant_role", "root", "root")
    await keep.auth_change("user_add", "alice", keep.hashed("pw"))
    await keep.auth_change("role_add", "r")
    await keep.auth_change("role_grant_permission", "r", Permission(READ, b"a"))
    await keep.auth_change("role_grant_permission", "r", Permission(WRITE, b"b"))
    await keep.auth_change("user_grant_role", "alice", "r")
    await keep.auth_change("enable")
    return backend


async def test_every_key_that_a_request_names_must_be_permitted() -> None:
    backend = await guarded_backend()
    alice = backend.as_user("alice", "pw")
    await alice.put(b"b", b"1")
    await alice.txn([Compare(b"a", value=2)], [Put(b"b")])
    root = backend.as_user("root", "pw")
    lease = (await root.lease_grant(60)).id
    await root.put(b"c", lease=lease)
    for refused in (
        alice.range(b"a", b"c"),
        alice.put(b"b", b"1", prev_kv=True),
        alice.put(b"b", b"1", lease=lease),
        alice.delete_range(b"b", prev_kv=True),
        alice.txn([Compare(b"c")]),
        alice.txn([], [], [Put(b"c")]),
        alice.txn([], [Txn([], [Put(b"c")])]),
        alice.lease_revoke(lease),
        alice.lease_time_to_live(lease, keys=True),
        alice.defragment(),
        alice.auth_change("disable"),
    ):
        with pytest.raises(auth.PermissionDenied):
            await refused
    with pytest.raises(auth.PermissionDenied):
        alice.watch(b"b")
    with pytest.raises(auth.AuthFailed):
        backend.as_user("alice", "wrong")
    with pytest.raises(auth.UserEmpty):
        await backend.as_user().range(b"a")
    assert (await backend.range(b"c")).count == 1


async def test_changes_of_users_leave_the_stores_revision() -> None:
    backend = await guarded_backend()
    assert backend.store.revision == 2
    assert backend.store.auth.revision == 9


async def test_users_survive_a_restart_and_a_fork(tmp_path: Path) -> None:
    store, disk = open_store(tmp_path, cluster_loop())
    backend = DurableBackend(store, disk, cluster_loop())
    await backend.auth_change("user_add", "root", "x")
    await backend.auth_change("user_grant_role", "root", "root")
    await backend.auth_change("enable")
    expected = backend.store.auth
    fork = backend.store.fork()
    fork.auth_change("disable")
    backend.close()
    again, disk = open_store(tmp_path, cluster_loop())
    disk.close()
    assert again.auth == expected
    assert again.auth.enabled


async def test_every_member_of_a_cluster_knows_the_users() -> None:
    cluster = RaftCluster.of(cluster_loop(), 3)
    cluster.start()
    client = cluster.client().as_user()
    await client.auth_change("user_add", "root", "x")
    await asyncio.sleep(1)
    assert all(list(member.store.auth.users) == ["root"] for member in cluster.running.values())
    with pytest.raises(errors.EtcdError, match="root user does not have root role"):
        await client.auth_change("enable")
    cluster.stop()
