"""A client in a process of its own: one kind of request after the other over kept-alive HTTPS connections.

Reads a plan from stdin, ``{"url", "ca", "certificate", "key", "runs": [{"what", "method", "paths", "bodies",
"content_type", "count", "connections"}]}``, and prints what it measured: ``[{"what", "p50_us", "p99_us", "per_s"}]``.
"""

import asyncio
import json
import ssl
import sys
import time
from typing import Any

import aiohttp


async def _run(session: aiohttp.ClientSession, base: str, run: dict[str, Any]) -> dict[str, Any]:
    paths, bodies, count = run["paths"], run.get("bodies") or [None], run["count"]
    headers = {"Content-Type": run.get("content_type", "application/json")}
    took: list[float] = []
    numbers = iter(range(count))

    async def connection() -> None:
        for number in numbers:
            start = time.perf_counter()
            body = bodies[number % len(bodies)]
            async with session.request(
                run["method"], base + paths[number % len(paths)], data=body, headers=headers
            ) as response:
                await response.read()
                if response.status >= 300:
                    raise SystemExit(f"{run['what']}: {response.status} {await response.text()}")
            took.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(run["connections"])))
    wall_s = time.perf_counter() - start
    took.sort()
    return {
        "what": run["what"],
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[int(len(took) * 0.99)] * 1e6,
        "per_s": count / wall_s,
    }


async def main() -> None:
    plan = json.load(sys.stdin)
    context = ssl.create_default_context(cafile=plan["ca"])
    context.load_cert_chain(plan["certificate"], plan["key"])
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        print(json.dumps([await _run(session, plan["url"], run) for run in plan["runs"]]))


if __name__ == "__main__":
    asyncio.run(main())
