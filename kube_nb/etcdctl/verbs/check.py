"""``etcdctl check perf`` and ``check datascale``. Models etcdctl/ctlv3/command/check.go.

Time is the cluster's: at a pace of "max" a store in this kernel answers in none at all. Differs: the bar is shown once
it is full; memory is this process', whose part the store is.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from kube_nb.etcd.backend import prefix_end
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.process import resident_bytes
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag


class Load(NamedTuple):
    """limit: puts a second for perf, puts in all for datascale."""

    limit: int
    clients: int


_ALIASES = {"s": "s", "small": "s", "m": "m", "medium": "m", "l": "l", "large": "l", "xl": "xl", "xLarge": "xl"}
_PERF = {"s": Load(150, 50), "m": Load(1000, 200), "l": Load(8000, 500), "xl": Load(15000, 1000)}
_SCALE = {"s": Load(10_000, 50), "m": Load(100_000, 200), "l": Load(1_000_000, 500), "xl": Load(3_000_000, 1000)}
_PERF_S = 60
#: More than this share of the load must be reached; no request may take longer; nor may they differ by more.
_SHARE, _SLOWEST_S, _DEVIATION_S = 0.9, 0.5, 0.1


@dataclass
class _Report:
    """took_s: of the puts that were answered. errors: how often each text was met."""

    took_s: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)


def _load(call: Call, loads: dict[str, Load]) -> Load:
    if call["load"] not in _ALIASES:
        raise CommandError(f"unknown load option {call['load']}", Exit.BAD_FEATURE)
    return loads[_ALIASES[call["load"]]]


async def _check_empty(call: Call) -> bytes:
    """The prefix to write under, where nothing may be."""
    prefix = str(call["prefix"])
    if (await call.backend.range(prefix.encode(), prefix_end(prefix.encode()), limit=1)).kvs:
        text = f"prefix {golang.quote(prefix)} has keys. Delete with etcdctl del --prefix {prefix} first"
        raise CommandError(text, Exit.INVALID_INPUT)
    return prefix.encode()


async def _drive(clients: int, turns: AsyncIterator[int], put: Callable[[int], Awaitable[object]]) -> _Report:
    """Puts, one for each turn, by so many clients that each wait for their answer."""
    report = _Report()
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[int | None] = asyncio.Queue(clients)

    async def client() -> None:
        while (number := await waiting.get()) is not None:
            began_s = loop.time()
            try:
                await put(number)
            except EtcdError as error:
                report.errors[error.message] = report.errors.get(error.message, 0) + 1
            else:
                report.took_s.append(loop.time() - began_s)

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    try:
        async for number in turns:
            await waiting.put(number)
        for _ in tasks:
            await waiting.put(None)
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return report


async def _at_a_rate(per_s: int, for_s: int) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(per_s * for_s):
        await asyncio.sleep(max(began_s + number / per_s - loop.time(), 0))
        if loop.time() - began_s >= for_s:
            return
        yield number


async def _at_once(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


def _key(prefix: bytes, number: int, size: int) -> bytes:
    """Keys far apart, of one length."""
    return prefix + (number * 0x9E3779B97F4A7C15 % 2**63).to_bytes(8, "big").ljust(size, b"\0")


async def _clean(call: Call, prefix: bytes) -> None:
    revision = (await call.backend.delete_range(prefix, prefix_end(prefix))).revision
    if call["auto-compact"]:
        call.out(f"Compacting with revision {revision}\n")
        await call.backend.compact(revision, physical=True)
        call.out(f"Compacted with revision {revision}\n")
    if call["auto-defrag"]:
        for endpoint in await call.endpoints():
            call.out(f"Defragmenting {golang.quote(endpoint)}\n")
            await call.operated.at(endpoint).defragment()
            call.out(f"Defragmented {golang.quote(endpoint)}\n")


def _errors(report: _Report) -> str:
    if not report.errors:
        return ""
    return "FAIL: too many errors\n" + "".join(f"FAIL: ERROR({k}) -> {v}\n" for k, v in report.errors.items())


async def _perf(call: Call) -> None:
    load = _load(call, _PERF)
    prefix = await _check_empty(call)
    loop = asyncio.get_running_loop()
    began_s, value = loop.time(), bytes(1024)
    report = await _drive(
        load.clients,
        _at_a_rate(load.limit, _PERF_S),
        lambda number: call.backend.put(_key(prefix, number, 256), value),
    )
    per_s = len(report.took_s) / max(loop.time() - began_s, 1e-9)
    await asyncio.sleep(max(began_s + _PERF_S - loop.time(), 0))
    call.out(f" {_PERF_S} / {_PERF_S}  100.00% 1m0s\n")
    await _clean(call, prefix)
    call.out(_errors(report))
    passed = [not report.errors, *_judge(call, load, per_s, report.took_s or [0.0])]
    if not all(passed):
        call.out("FAIL\n")
        raise CommandError("")
    call.out("PASS\n")


def _judge(call: Call, load: Load, per_s: float, took_s: list[float]) -> list[bool]:
    slowest_s, deviation_s = max(took_s), statistics.pstdev(took_s)
    enough, quick, even = per_s / load.limit > _SHARE, slowest_s <= _SLOWEST_S, deviation_s <= _DEVIATION_S
    rate = f"{int(per_s) + 1} writes/s\n"
    call.out(f"PASS: Throughput is {rate}" if enough else f"FAIL: Throughput too low: {rate}")
    call.out(("PASS: Slowest request took" if quick else "Slowest request took too long:") + f" {slowest_s:f}s\n")
    call.out(("PASS: Stddev is" if even else "Stddev too high:") + f" {deviation_s:f}s\n")
    return [enough, quick, even]


async def _datascale(call: Call) -> None:
    load = _load(call, _SCALE)
    prefix = await _check_empty(call)
    before_bytes, value = resident_bytes(), bytes(512)
    call.out(
        f"Start data scale check for work load [{load.limit} key-value pairs, 1024 bytes per key-value, "
        f"{load.clients} concurrent clients].\n"
    )
    report = await _drive(
        load.clients, _at_once(load.limit), lambda number: call.backend.put(_key(prefix, number, 512), value)
    )
    used_mib = (resident_bytes() - before_bytes) / 2**20
    call.out(f" {load.limit} / {load.limit}  100.00%\n")
    await _clean(call, prefix)
    if not before_bytes:
        call.out("FAIL: Could not read process_resident_memory_bytes before the put operations.\n")
        raise CommandError("")
    if report.errors:
        call.out(_errors(report))
        raise CommandError("")
    call.out(f"PASS: Approximate system memory used : {used_mib:.2f} MB.\n")


def _flags(what: str, prefix: str) -> tuple[Flag, ...]:
    return (
        Flag("auto-compact", "bool", help="Compact storage with last revision after test is finished."),
        Flag("auto-defrag", "bool", help="Defragment storage after test is finished."),
        Flag(
            "load",
            default="s",
            help=f"The {what} check's workload model. Accepted workloads: s(small), m(medium), l(large), xl(xLarge)",
        ),
        Flag("prefix", default=prefix, help=f"The prefix for writing the {what} check's keys."),
    )


PERF = Command(
    "check perf",
    "perf [options]",
    "Check the performance of the etcd cluster",
    _perf,
    _flags("performance", "/etcdctl-check-perf/"),
)
DATASCALE = Command(
    "check datascale",
    "datascale [options]",
    "Check the memory usage of holding data for different workloads on a given server endpoint.",
    _datascale,
    _flags("datascale", "/etcdctl-check-datascale/"),
)
