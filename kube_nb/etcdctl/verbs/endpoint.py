"""``etcdctl endpoint ...``. Models etcdctl/ctlv3/command/ep_command.go."""

import asyncio

from kube_nb.etcd.errors import EtcdError
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.machinery import duration
from kube_nb.machinery.pflag import Flag

_CLUSTER = Flag("cluster", "bool", help="use all endpoints from the cluster member list")


async def _endpoints(call: Call) -> list[str]:
    if call["cluster"]:
        return [url for member in await call.backend.member_list() for url in member.client_urls]
    return list(call["endpoints"])


async def _status(call: Call) -> None:
    endpoints = await _endpoints(call)
    await call.show(printer.EndpointStatus([(endpoint, await call.backend.status()) for endpoint in endpoints]))


async def _health(call: Call) -> None:
    """Read a key; whatever answers is healthy."""
    found = []
    loop = asyncio.get_running_loop()
    for endpoint in await _endpoints(call):
        began_s = loop.time()
        try:
            await call.backend.range(b"health")
            error = ""
        except EtcdError as fault:
            error = fault.message
        found.append((endpoint, duration.format(loop.time() - began_s), error))
    await call.show(printer.EndpointHealth(found))


async def _hash_kv(call: Call) -> None:
    endpoints = await _endpoints(call)
    found = [(endpoint, await call.backend.hash_kv(max(call["rev"], 0))) for endpoint in endpoints]
    await call.show(printer.EndpointHashKv(found))


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
