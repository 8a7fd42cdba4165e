"""``etcdctl make-mirror``: the keys of this store in another etcd, first all, then each change, until cancelled.

Models etcdctl/ctlv3/command/make_mirror_command.go. The destination is an etcd on a socket.
"""

import asyncio
from pathlib import Path

from kube_nb.etcd.backend import DELETE, Backend, DeleteRange, Op, Put, WatchBatch, prefix_end
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.clock import periodic_sleep
from kube_nb.machinery.pflag import Flag

#: How many keys are read at a time, and how often the count is told.
_PAGE = 1000
_TELL_S = 30.0


class _Mirror:
    """told: how many keys were written or deleted."""

    def __init__(self, source: Backend, target: Backend, prefix: bytes, other: bytes) -> None:
        self._source, self._target = source, target
        self._prefix, self._other = prefix, other
        self.told = 0

    def _named(self, key: bytes) -> bytes:
        return self._other + key[len(self._prefix) :]

    async def run(self) -> None:
        """Copy what there is at one revision, then follow from the next one on."""
        key, end = self._prefix or b"\0", prefix_end(self._prefix)
        revision = 0
        while True:
            page = await self._source.range(key, end, limit=_PAGE, revision=revision)
            revision = revision or page.revision
            for kv in page.kvs:
                await self._target.put(self._named(kv.key), kv.value)
                self.told += 1
            if not page.more:
                break
            key = page.kvs[-1].key + b"\0"
        watcher = self._source.watch(self._prefix or b"\0", end, start_revision=revision + 1)
        try:
            async for batch in watcher:
                await self._follow(batch)
        finally:
            watcher.cancel()

    async def _follow(self, batch: WatchBatch) -> None:
        """A transaction for each revision, as it was one here."""
        revisions: dict[int, list[Op]] = {}
        for event in batch.events:
            key = self._named(event.kv.key)
            op: Op = DeleteRange(key) if event.type is DELETE else Put(key, event.kv.value)
            revisions.setdefault(event.kv.mod_revision, []).append(op)
        for ops in revisions.values():
            await self._target.txn([], ops)
            self.told += len(ops)


async def _run(call: Call) -> None:
    if len(call.args) != 1:
        raise CommandError("make-mirror takes one destination argument", Exit.BAD_ARGS)
    if call["no-dest-prefix"] and call["dest-prefix"]:
        text = "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, choose one"
        raise CommandError(text, Exit.BAD_ARGS)
    from kube_nb.etcd.wire import remote  # grpcio takes its time to import

    url = call.args[0] if "://" in call.args[0] else f"http://{call.args[0]}"
    ca, cert, key = (_pem(str(call[flag])) for flag in ("dest-cacert", "dest-cert", "dest-key"))
    target = remote.connect(url, ca=ca, cert=cert, key=key)
    prefix = str(call["prefix"])
    other = "" if call["no-dest-prefix"] else call["dest-prefix"] or prefix
    mirror = _Mirror(call.backend, target, prefix.encode(), other.encode())
    telling = asyncio.create_task(_tell(call, mirror))
    try:
        await mirror.run()
    finally:
        telling.cancel()
        await target.close()


def _pem(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or str(error)).lower()}") from None


async def _tell(call: Call, mirror: _Mirror) -> None:
    while True:
        await periodic_sleep(_TELL_S)
        call.out(f"{mirror.told}\n")


MAKE_MIRROR = Command(
    "make-mirror",
    "make-mirror [options] <destination>",
    "Makes a mirror at the destination etcd cluster",
    _run,
    (
        Flag("dest-cacert", help="Verify certificates of TLS enabled secure servers using this CA bundle"),
        Flag("dest-cert", help="Identify secure client using this TLS certificate file for the destination cluster"),
        Flag("dest-insecure-transport", "bool", True, help="Disable transport security for client connections"),
        Flag("dest-key", help="Identify secure client using this TLS key file"),
        Flag(
            "dest-prefix",
            help="destination prefix to mirror a prefix to a different prefix in the destination cluster",
        ),
        Flag("no-dest-prefix", "bool", help="mirror key-values to the root of the destination cluster"),
        Flag("prefix", help="Key-value prefix to mirror"),
    ),
)
