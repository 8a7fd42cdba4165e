"""``etcdctl lock`` and ``etcdctl elect``: held until the command is cancelled. Models {lock,elect}_command.go."""

import asyncio

from kube_nb.etcd import concurrency
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag

#: What a lock's or candidate's lease lasts by default.
TTL_S = 10


async def _lock(call: Call) -> None:
    if not call.args:
        raise CommandError("lock takes a lock name argument and an optional command to execute", Exit.BAD_ARGS)
    if len(call.args) > 1:
        raise CommandError("a notebook's lock starts no processes: leave out the command", Exit.BAD_ARGS)
    async with concurrency.Session(call.backend, call["ttl"]) as session:
        await _hold(call, session, call.args[0].encode(), b"")


async def _elect(call: Call) -> None:
    if not 1 <= len(call.args) <= 2:
        raise CommandError("elect takes one election name argument and an optional proposal argument", Exit.BAD_ARGS)
    name = call.args[0].encode()
    if call["listen"] or len(call.args) == 1:
        if len(call.args) == 2:
            raise CommandError("proposal given but -l is set", Exit.BAD_ARGS)
        async for kv, _ in concurrency.observe(call.backend, name):
            await call.show(await call.backend.range(kv.key))
        return
    async with concurrency.Session(call.backend, TTL_S) as session:
        await _hold(call, session, name, call.args[1].encode())


async def _hold(call: Call, session: concurrency.Session, name: bytes, value: bytes) -> None:
    """Win, show the key, and keep it until cancelled; the session's end gives it back."""
    try:
        held = await concurrency.claim(call.backend, name, session.lease, value)
    except EtcdError as error:
        raise CommandError(str(error)) from None
    await call.show(await call.backend.range(held.key))
    try:
        await session.expired()
    except asyncio.CancelledError:
        await concurrency.release(call.backend, held.key)
        raise
    raise CommandError("session expired")


LOCK = Command(
    "lock",
    "lock <lockname> [exec-command arg1 arg2 ...]",
    "Acquires a named lock",
    _lock,
    (Flag("ttl", "int", TTL_S, help="timeout for session"),),
)
ELECT = Command(
    "elect",
    "elect <election-name> [proposal]",
    "Observes and participates in leader election",
    _elect,
    (Flag("listen", "bool", short="l", help="observation mode"),),
)
