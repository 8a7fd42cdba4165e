"""``etcdctl snapshot save | status | restore``. Models snapshot_command.go and etcdutl's."""

from pathlib import Path

from kube_nb.etcd import snapshots
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag


async def _save(call: Call) -> None:
    """Write beside the target first, so that the target is whole or not there."""
    if len(call.args) != 1:
        raise CommandError("snapshot save expects one argument", Exit.BAD_ARGS)
    path = Path(call.args[0])
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("wb") as file:
            async for piece in call.operated.snapshot():
                file.write(piece)
        draft.rename(path)
    except EtcdError as error:
        draft.unlink(missing_ok=True)
        raise CommandError(str(error), Exit.INTERRUPTED) from None
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise CommandError(f"could not open {draft} ({error.strerror})", Exit.INTERRUPTED) from None
    call.out(f"Snapshot saved at {path}\n")


async def _status(call: Call) -> None:
    if len(call.args) != 1:
        raise CommandError("snapshot status requires exactly one argument", Exit.BAD_ARGS)
    _check_there("stat", call.args[0])
    try:
        found = snapshots.status(Path(call.args[0]))
    except EtcdError as error:
        raise CommandError(str(error)) from None
    await call.show(printer.SnapshotStatus(found.hash, found.revision, found.total_keys, found.total_size_bytes))


def _check_there(operation: str, path: str) -> None:
    if not Path(path).exists():
        raise CommandError(f"{operation} {path}: no such file or directory")


async def _restore(call: Call) -> None:
    if len(call.args) != 1:
        raise CommandError("snapshot restore requires exactly one argument", Exit.BAD_ARGS)
    _check_there("open", call.args[0])
    data_dir = call["data-dir"] or f"{call['name']}.etcd"
    try:
        snapshots.restore(Path(call.args[0]), Path(data_dir))
    except EtcdError as error:
        raise CommandError(str(error)) from None


SAVE = Command("snapshot save", "save <filename>", "Stores an etcd node backend snapshot to a given file", _save)
STATUS = Command("snapshot status", "status <filename>", "Gets backend snapshot status of a given file", _status)
RESTORE = Command(
    "snapshot restore",
    "restore <filename> [options]",
    "Restores an etcd member snapshot to an etcd directory",
    _restore,
    (
        Flag("data-dir", help="Path to the data directory"),
        Flag("name", default="default", help="Human-readable name for this member"),
    ),
)
