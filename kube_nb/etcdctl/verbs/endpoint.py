"""``etcdctl endpoint ...``. Models etcdctl/ctlv3/command/ep_command.go."""

import asyncio

from kube_nb.etcd.errors import EtcdError
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.result import CommandError
from kube_nb.machinery import duration
from kube_nb.machinery.pflag import Flag

_CLUSTER = Flag("cluster", "bool", help="use all endpoints from the cluster member list")


async def _status(call: Call) -> None:
    found = []
    for endpoint in await call.endpoints():
        try:
            found.append((endpoint, await call.at(endpoint).status()))
        except EtcdError as error:
            call.err(f"Failed to get the status of endpoint {endpoint} ({error})\n")
    await call.show(printer.EndpointStatus(found))
    if len(found) < len(await call.endpoints()):
        raise CommandError("")


async def _health(call: Call) -> None:
    """Read a key; whatever answers is healthy."""
    found = []
    loop = asyncio.get_running_loop()
    for endpoint in await call.endpoints():
        began_s = loop.time()
        error = ""
        try:
            await call.at(endpoint).range(b"health")
        except EtcdError as fault:
            error = fault.message
        found.append((endpoint, duration.format(loop.time() - began_s), error))
    await call.show(printer.EndpointHealth(found))
    if any(error for _, _, error in found):
        raise CommandError("unhealthy cluster")


async def _hash_kv(call: Call) -> None:
    found, fault = [], ""
    for endpoint in await call.endpoints():
        try:
            found.append((endpoint, await call.at(endpoint).hash_kv(max(call["rev"], 0))))
        except EtcdError as error:
            fault = str(error)
            call.err(f"Failed to get the hash of endpoint {endpoint} ({fault})\n")
    await call.show(printer.EndpointHashKv(found))
    if fault:
        raise CommandError(fault)


STATUS = Command(
    "endpoint status",
    "status",
    "Prints out the status of endpoints specified in `--endpoints` flag",
    _status,
    (_CLUSTER,),
)
HEALTH = Command(
    "endpoint health",
    "health",
    "Checks the healthiness of endpoints specified in `--endpoints` flag",
    _health,
    (_CLUSTER,),
)
HASHKV = Command(
    "endpoint hashkv",
    "hashkv",
    "Prints the KV history hash for each endpoint in --endpoints",
    _hash_kv,
    (_CLUSTER, Flag("rev", "int", help="maximum revision to hash (default: all revisions)")),
)
