"""The first lesson's path: import, start, 600 Deployments, thousands of hollow nodes, and the API's latencies."""

import asyncio
import gc
import os
import shutil
import subprocess
import time
from pathlib import Path

from kube_nb import Cluster
from kube_nb.api import resources
from kube_nb.client.http import HttpTransport
from kube_nb.client.kubeconfig import load
from kube_nb.client.rest import Client
from tests.benchmarks.measure import Figures, cpu_s, in_fresh_process, rss_bytes, wall_s

_TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def bench() -> Figures:
    figures = Figures("spine")
    start_up(figures)
    ten_clusters(figures)
    deployments(figures)
    hollow(figures)
    latencies(figures)
    return figures


def start_up(figures: Figures) -> None:
    figures.add("import kube_nb", in_fresh_process(_TIMED.format("import kube_nb")), "s", limit=0.3)
    load = (
        "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); import time; "
        "t = time.perf_counter(); s.run_line_magic('load_ext', 'kube_nb'); print(time.perf_counter() - t)"
    )
    figures.add("%load_ext kube_nb", in_fresh_process(load), "s", limit=0.5)

    def up() -> None:
        Cluster(nodes=3).down()

    up()
    figures.add("Cluster(nodes=3) up and down", wall_s(up, 5), "s", limit=0.5)


def ten_clusters(figures: Figures) -> None:
    """Resident memory after the second and after the twelfth cluster."""
    sizes = []
    for _ in range(12):
        with Cluster(nodes=3) as cluster:
            cluster.kubectl("create deployment web --image=nginx --replicas=3")
        gc.collect()
        sizes.append(rss_bytes())
    figures.add("ten clusters up and down: memory gained", (sizes[-1] - sizes[1]) / 2**20, "MiB")


def manifest(count: int) -> str:
    parts = []
    for number in range(count):
        name = f"web-{number:03d}"
        parts.append(f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: nginx, image: "nginx:1.27", ports: [{{containerPort: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}
""")
    return "---\n".join(parts)


def deployments(figures: Figures, count: int = 600) -> None:
    text = manifest(count)
    with Cluster(nodes=8) as cluster:
        before, wrote = cpu_s(), cluster.engine.revision
        cluster.apply(text)
        cluster.wait("deployment --all", "condition=Available", timeout="10m")
        spent = cpu_s() - before
        figures.add(f"{count} Deployments with a Service each, applied and ready: processor time", spent, "s", limit=5)
        figures.add("  writes to the store", cluster.engine.revision - wrote, "")


def hollow(figures: Figures, nodes: int = 1000, pods: int = 10_000) -> None:
    before, wall = cpu_s(), time.perf_counter()
    with Cluster(nodes=1, hollow=nodes) as cluster:
        figures.add(f"{nodes} hollow nodes up: wall time", time.perf_counter() - wall, "s")
        start, used = time.perf_counter(), cpu_s()
        cluster.kubectl(f"create deployment many --image=nginx --replicas={pods}")
        cluster.wait("deployment/many", "jsonpath={.status.readyReplicas}=" + str(pods), timeout="1h")
        peer = "60 s is kwok's own gate"
        figures.add(f"{pods} pods to Running: wall time", time.perf_counter() - start, "s", peer=peer)
        figures.add(f"{pods} pods to Running: processor time", cpu_s() - used, "s")
        figures.add("  resident memory", rss_bytes() / 2**20, "MiB")
    figures.add("  all of it: processor time", cpu_s() - before, "s")


def config_map(number: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"c{number:05d}", "labels": {"part": str(number % 100)}},
        "data": {"key": "x" * 100},
    }


async def operations(figures: Figures, client: Client, how: str, count: int) -> None:
    """Single operations one after another, and how long a watcher waits for an event."""
    creates, gets, lists, deliveries = [], [], [], []
    stream = await client.watch(resources.CONFIG_MAPS, "default", bookmarks=False)
    for number in range(count):
        start = time.perf_counter()
        await client.create(resources.CONFIG_MAPS, config_map(number), "default")
        creates.append(time.perf_counter() - start)
        while not any(
            event.type == "ADDED" and event.object["metadata"]["name"] == f"c{number:05d}"
            for event in await stream.batch()
        ):
            pass
        deliveries.append(time.perf_counter() - start)
    for number in range(count):
        start = time.perf_counter()
        await client.get(resources.CONFIG_MAPS, f"c{number:05d}", "default")
        gets.append(time.perf_counter() - start)
    for _ in range(20):
        start = time.perf_counter()
        await client.list(resources.CONFIG_MAPS, "default")
        lists.append(time.perf_counter() - start)
    stream.close()
    await client.delete_collection(resources.CONFIG_MAPS, "default")
    figures.percentiles(f"create, {how}", creates)
    figures.percentiles(f"create to watch delivery, {how}", deliveries)
    figures.percentiles(f"get, {how}", gets)
    figures.percentiles(f"list of {count}, {how}", lists)


def latencies(figures: Figures) -> None:
    gc.collect()  # the clusters of before, which would be looked through in the middle of something
    with Cluster(nodes=1) as cluster:
        cluster.run(operations(figures, cluster.client, "in-kernel", 1000))
    with Cluster(nodes=1, hollow=10, pace=1) as cluster:
        serving = cluster.serve()
        config = load(serving.kubeconfig).rest_config()

        async def over_https() -> None:
            client = Client(HttpTransport(config))
            try:
                await operations(figures, client, "over HTTPS", 500)
            finally:
                await client.close()

        asyncio.run(over_https())
        cluster.kubectl("create deployment many --image=nginx --replicas=1000")
        cluster.wait("deployment/many", "jsonpath={.status.readyReplicas}=1000", timeout="5m")
        real_kubectl(figures, serving.kubeconfig)


def real_kubectl(figures: Figures, kubeconfig: Path) -> None:
    if shutil.which("kubectl") is None:
        return
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(*arguments: str) -> None:
        subprocess.run(["kubectl", *arguments], env=environment, check=True, capture_output=True)

    run("get", "pods")
    figures.add("real kubectl: get pods of 1,000 over HTTPS", wall_s(lambda: run("get", "pods"), 5), "s")
    figures.add("real kubectl: version --client (its own start)", wall_s(lambda: run("version", "--client"), 5), "s")
