"""How figures are taken and told."""

import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Figures:
    """name: the benchmark's; rows: (what, value, unit, peer) as they are printed and written."""

    name: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str, *, peer: str = "", limit: float | None = None) -> None:
        self.rows.append({"what": what, "value": round(value, 6), "unit": unit, "peer": peer, "limit": limit})

    def percentiles(self, what: str, seconds: Sequence[float], *, peer: str = "") -> None:
        """p50 and p99 of single operations, in microseconds."""
        ordered = sorted(seconds)
        self.add(f"{what} p50", statistics.median(ordered) * 1e6, "us", peer=peer)
        self.add(f"{what} p99", ordered[int(len(ordered) * 0.99)] * 1e6, "us", peer=peer)


def machine() -> dict[str, str]:
    """The machine beside the figures."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": f"{len(models)} x {models[0] if models else platform.processor()}",
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }


def cpu_s() -> float:
    """Processor time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_bytes() -> int:
    """Resident memory of this process, now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def wall_s(work: Callable[[], object], repeats: int = 1) -> float:
    """The median wall time of `work`."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def in_fresh_process(program: str, repeats: int = 5) -> float:
    """The median of what a program prints as its last line: seconds."""
    found = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        found.append(float(done.stdout.split()[-1]))
    return statistics.median(found)
