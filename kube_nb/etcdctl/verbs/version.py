"""``etcdctl version``. Models etcdctl/ctlv3/command/version_command.go."""

from kube_nb import etcd
from kube_nb.etcdctl.command import Call, Command


async def _run(call: Call) -> None:
    call.out(f"etcdctl version: {etcd.VERSION}\nAPI version: {etcd.VERSION.rpartition('.')[0]}\n")


VERSION = Command("version", "version", "Prints the version of etcdctl", _run)
