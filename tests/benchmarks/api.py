"""The API server: single operations, long lists, patches, fan-out, big manifests; in the kernel and over HTTPS.

Over HTTPS a client in a process of its own asks (`load_client`), so that its work is not the server's.
API_BENCH_SCALE=0.1 takes a tenth of the objects.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from kube_nb import Cluster
from kube_nb.api import resources
from kube_nb.client.kubeconfig import load
from kube_nb.client.rest import Client
from kube_nb.machinery.types import Obj
from tests.benchmarks.measure import Figures, cpu_s, rss_bytes

SCALE = float(os.environ.get("API_BENCH_SCALE", "1"))
PODS, OPERATIONS, WATCHERS, MANIFEST = (max(20, int(count * SCALE)) for count in (10_000, 1000, 1000, 5000))
NAMESPACE = "/api/v1/namespaces/default"
_PATCHES: dict[str, tuple[str, Any]] = {
    "JSON patch": ("application/json-patch+json", [{"op": "add", "path": "/data/key", "value": "%d"}]),
    "merge patch": ("application/merge-patch+json", {"data": {"key": "%d"}}),
    "strategic merge patch": ("application/strategic-merge-patch+json", {"data": {"key": "%d"}}),
    "server-side apply": (
        "application/apply-patch+yaml",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "patched"}, "data": {"key": "%d"}},
    ),
}


def bench() -> Figures:
    figures = Figures(f"api; {PODS} pods, {OPERATIONS} operations of each kind")
    with Cluster(nodes=1, pace=1) as cluster:
        cluster.stop_component("kube-scheduler")
        client = cluster.client
        before = rss_bytes()
        cluster.run(_make_pods(client))
        gc.collect()
        figures.add(f"memory of {PODS} pods that wait", (rss_bytes() - before) / 2**20, "MiB")
        cluster.run(_reading(figures, client))
        cluster.run(_writing(figures, client))
        cluster.run(_fan_out(figures, client))
        _over_https(figures, cluster)
    with Cluster(nodes=1) as cluster:
        _manifest(figures, cluster)
        cluster.run(_definitions(figures, cluster.client))
    return figures


def pod(number: int) -> Obj:
    container = {"name": "main", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}
    labels = {"app": f"app-{number % 10}", "part": str(number % 100)}
    metadata = {"name": f"p{number:05d}", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def config_map(name: str, value: str = "") -> Obj:
    data = {"key": value, "other": "x" * 100}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def _make_pods(client: Client) -> None:
    for number in range(PODS):
        await client.create(resources.PODS, pod(number), "default")


async def _timed(figures: Figures, what: str, count: int, work: Callable[[int], Awaitable[Any]]) -> None:
    took = []
    for number in range(count):
        start = time.perf_counter()
        await work(number)
        took.append(time.perf_counter() - start)
    figures.percentiles(f"{what}, in-kernel", took, peer=f"{count / sum(took):.0f}/s")


# -- in the kernel ----------------------------------------------------------------------------------------------------


async def _reading(figures: Figures, client: Client) -> None:
    await _timed(figures, "GET pod", OPERATIONS, lambda n: client.get(resources.PODS, f"p{n % PODS:05d}", "default"))

    async def whole(number: int) -> None:
        await client.list(resources.PODS, "default")

    async def encoded(number: int) -> None:
        (await client.raw("GET", f"{NAMESPACE}/pods")).encode()

    async def selected(number: int) -> None:
        await client.list(resources.PODS, "default", label_selector="part=7")

    await _timed(figures, f"LIST {PODS} pods, as objects", 10, whole)
    await _timed(figures, f"LIST {PODS} pods, as bytes", 10, encoded)
    await _timed(figures, "LIST with a selector that matches 1 %", 20, selected)


async def _writing(figures: Figures, client: Client) -> None:
    maps = resources.CONFIG_MAPS
    await _timed(figures, "create", OPERATIONS, lambda n: client.create(maps, config_map(f"c{n:05d}"), "default"))
    changed = [config_map(f"c{number:05d}", "new") for number in range(OPERATIONS)]
    await _timed(figures, "update", OPERATIONS, lambda n: client.update(maps, changed[n], "default"))
    await client.create(maps, config_map("patched"), "default")
    for name, (kind, body) in _PATCHES.items():

        async def patch(number: int, kind: str = kind, body: Any = body) -> None:
            sent = json.dumps(body).replace("%d", str(number)).encode()
            query = {"fieldManager": ["bench"], "force": ["true"]} if "apply" in kind else {}
            headers = {"content-type": kind}
            await client.raw("PATCH", f"{NAMESPACE}/configmaps/patched", query, sent, headers)

        await _timed(figures, name, OPERATIONS, patch)
    await _timed(figures, "delete", OPERATIONS, lambda n: client.delete(maps, f"c{n:05d}", "default"))


async def _fan_out(figures: Figures, client: Client) -> None:
    """One change to many watchers, until each has it."""
    streams = [await client.watch(resources.CONFIG_MAPS, "default", bookmarks=False) for _ in range(WATCHERS)]
    took = []
    for number in range(50):
        start = time.perf_counter()
        await client.update(resources.CONFIG_MAPS, config_map("patched", str(number)), "default")
        for stream in streams:
            while not any(event.type == "MODIFIED" for event in await stream.batch()):
                pass
        took.append(time.perf_counter() - start)
    for stream in streams:
        stream.close()
    figures.percentiles(f"update seen by {WATCHERS} watchers, in-kernel", took)


def _manifest(figures: Figures, cluster: Cluster) -> None:
    text = "---\n".join(yaml.safe_dump(config_map(f"m{number:05d}")) for number in range(MANIFEST))
    before = cpu_s()
    cluster.apply(text)
    figures.add(f"apply of a manifest of {MANIFEST} objects: processor time", cpu_s() - before, "s")
    before = cpu_s()
    cluster.apply(text)
    figures.add("  the same again, nothing changed", cpu_s() - before, "s")


async def _definitions(figures: Figures, client: Client) -> None:
    """A CustomResourceDefinition from its creation until its resource is served."""
    properties = {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }
    took = []
    for number in range(50):
        names = {"plural": f"things{number}", "kind": f"Thing{number}"}
        spec = {"group": "bench.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
        body = {"metadata": {"name": f"things{number}.bench.example.com"}, "spec": spec}
        start = time.perf_counter()
        await client.raw("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=body)
        while True:
            try:
                await client.raw("GET", f"/apis/bench.example.com/v1/things{number}")
                break
            except Exception:
                await asyncio.sleep(0)
        took.append(time.perf_counter() - start)
    figures.percentiles("CRD created and served, in-kernel", took)


# -- over HTTPS -------------------------------------------------------------------------------------------------------


def _runs() -> list[dict[str, Any]]:
    pods = [f"{NAMESPACE}/pods/p{number:05d}" for number in range(min(PODS, 500))]
    maps = f"{NAMESPACE}/configmaps"
    count = OPERATIONS // 2
    made = [f"{maps}/h{number:05d}" for number in range(count)]
    bodies = [json.dumps(config_map(f"h{number:05d}")) for number in range(count)]
    changed = [json.dumps(config_map(f"h{number:05d}", "new")) for number in range(count)]
    rows: list[dict[str, Any]] = [
        {"what": "GET pod", "method": "GET", "paths": pods, "count": count},
        {"what": "GET pod, 16 connections", "method": "GET", "paths": pods, "count": 2 * count, "connections": 16},
        {"what": f"LIST {PODS} pods", "method": "GET", "paths": [f"{NAMESPACE}/pods"], "count": 5},
        {
            "what": "LIST with a selector that matches 1 %",
            "method": "GET",
            "paths": [f"{NAMESPACE}/pods?labelSelector=part%3D7"],
            "count": 10,
        },
        {"what": "create", "method": "POST", "paths": [maps], "bodies": bodies, "count": count},
        {"what": "update", "method": "PUT", "paths": made, "bodies": changed, "count": count},
    ]
    for name, (kind, body) in _PATCHES.items():
        query = "?fieldManager=bench&force=true" if "apply" in kind else ""
        sent = [json.dumps(body).replace("%d", f"h{number}") for number in range(count)]
        row = {"what": name, "method": "PATCH", "paths": [f"{maps}/patched{query}"], "content_type": kind}
        rows.append({**row, "bodies": sent, "count": count})
    return [{"connections": 1, **row} for row in rows]


def _over_https(figures: Figures, cluster: Cluster) -> None:
    serving = cluster.serve()
    config = load(serving.kubeconfig).rest_config()
    with TemporaryDirectory() as folder:
        files = {}
        for name, content in (
            ("ca", config.certificate_authority),
            ("certificate", config.certificate),
            ("key", config.key),
        ):
            path = Path(folder) / name
            path.write_bytes(content or b"")
            files[name] = str(path)
        plan = {"url": serving.url, **files, "runs": _runs()}
        program = [sys.executable, str(Path(__file__).with_name("load_client.py"))]
        done = subprocess.run(program, input=json.dumps(plan), capture_output=True, text=True, check=True)
    for row in json.loads(done.stdout):
        peer = f"{row['per_s']:.0f}/s"
        figures.add(f"{row['what']}, over HTTPS p50", row["p50_us"], "us", peer=peer)
        figures.add(f"{row['what']}, over HTTPS p99", row["p99_us"], "us", peer=peer)
