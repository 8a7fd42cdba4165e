"""The doors for real clients, what they refuse, and what outlives the process."""

import asyncio
import dataclasses
import http.client
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading

import kubernetes.client
import kubernetes.config
import pytest
from click.testing import CliRunner

from kube_nb import Cluster
from kube_nb.api import resources
from kube_nb.client.http import HttpTransport
from kube_nb.client.kubeconfig import load
from kube_nb.client.rest import Client
from kube_nb.cluster import cli
from kube_nb.etcd.wire import remote
from kube_nb.machinery import objects


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("0.0.0.0:0", "serves loopback only"),
        ("192.168.1.5:6443", "serves loopback only"),
        ("127.0.0.1", "give an address and a port"),
        ("somewhere:1", "give an address and a port"),
    ],
)
def test_a_door_opens_on_loopback_only(listen, message):
    with Cluster(nodes=1) as cluster:
        with pytest.raises(ValueError, match=message):
            cluster.serve(listen)
        assert cluster.serving is None
        assert cluster.kubectl("get nodes").exit_code == 0


def test_the_kubeconfig_is_for_its_owner_only_and_goes_with_the_cluster(tmp_path):
    with Cluster(nodes=1) as cluster:
        path = cluster.serve().kubeconfig
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_a_client_with_the_kubeconfig_is_served_and_others_are_not():
    async def ask(config):
        client = Client(HttpTransport(config))
        try:
            return [objects.name(node) for node in (await client.list(resources.NODES))["items"]]
        finally:
            await client.close()

    with Cluster(nodes=1, pace=10) as cluster, Cluster(nodes=1, pace=10) as other:
        config, foreign = (load(each.serve().kubeconfig).rest_config() for each in (cluster, other))
        assert asyncio.run(ask(config)) == ["control-plane", "node-1"]
        foreign = dataclasses.replace(foreign, server=config.server)
        with pytest.raises(Exception, match="certificate verify failed"):
            asyncio.run(ask(foreign))


def test_etcd_answers_who_has_a_certificate():
    async def get(url, certs):
        pem = {name: (certs / name).read_bytes() for name in ("ca.crt", "client.crt", "client.key")}
        backend = remote.connect(url, ca=pem["ca.crt"], cert=pem["client.crt"], key=pem["client.key"])
        try:
            return (await backend.range(b"/registry/minions/node-1")).kvs[0].value
        finally:
            await backend.close()

    with Cluster(nodes=1, pace=10) as cluster:
        serving = cluster.serve(etcd_listen="127.0.0.1:0")
        assert b'"name":"node-1"' in asyncio.run(get(serving.etcd_url, serving.etcd_certs))


def test_a_cluster_goes_on_where_its_data_directory_ended(tmp_path):
    with Cluster(nodes=1, data_dir=tmp_path) as cluster:
        cluster.kubectl("create deployment web --image=nginx")
        cluster.wait("deployment/web", "condition=Available")
        revision = cluster.engine.revision
    with Cluster(nodes=1, data_dir=tmp_path) as cluster:
        assert cluster.engine.revision > revision
        cluster.wait("deployment/web", "condition=Available")
        cluster.kubectl("scale deployment web --replicas=2")
        assert len(cluster.get("pods", selector="app=web")) == 2


def test_kube_nb_serve_says_when_it_is_ready_and_ends_with_status_zero(tmp_path):
    command = [sys.executable, "-m", "kube_nb.cluster", "serve", "--nodes", "1", "--pace", "max"]
    process = subprocess.Popen(
        [*command, "--kubeconfig", str(tmp_path / "kc")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready https://127.0.0.1:")
    assert line.endswith(f"kubeconfig={tmp_path / 'kc'} pid={process.pid}\n")
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_cluster_goes_down_at_once_though_clients_keep_their_connections(tmp_path):
    with Cluster(nodes=1) as cluster:
        serving = cluster.serve(etcd_listen="127.0.0.1:0")
        api = kubernetes.config.new_client_from_config(str(serving.kubeconfig))
        idle = kubernetes.client.CoreV1Api(api)
        assert idle.list_node().items
        certs = serving.etcd_certs
        context = ssl.create_default_context(cafile=str(certs / "ca.crt"))
        context.load_cert_chain(certs / "client.crt", certs / "client.key")
        health = http.client.HTTPSConnection(serving.etcd_url.removeprefix("https://"), context=context)
        health.request("GET", "/health")
        assert b"true" in health.getresponse().read()
        down = threading.Thread(target=cluster.down, daemon=True)
        down.start()
        down.join(timeout=20)
        assert not down.is_alive()
        health.close()
        api.close()


@pytest.mark.etcd
def test_real_etcdctl_sees_three_members_and_moves_their_leader():
    with Cluster(nodes=1, etcd_members=3, pace=1) as cluster:
        serving = cluster.serve(etcd_listen="127.0.0.1:0")
        certs = serving.etcd_certs
        flags = [f"--cacert={certs}/ca.crt", f"--cert={certs}/client.crt", f"--key={certs}/client.key"]

        def etcdctl(endpoints, *words):
            command = ["etcdctl", f"--endpoints={endpoints}", *flags, *words]
            environment = {"ETCDCTL_API": "3", "PATH": os.environ["PATH"]}
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

        urls = serving.etcd_url.split(",")
        assert len(urls) == 3
        members = etcdctl(urls[0], "member", "list").stdout.splitlines()
        assert [line.split(", ")[2] for line in sorted(members, key=lambda line: line.split(", ")[2])] == [
            "etcd-0",
            "etcd-1",
            "etcd-2",
        ]
        assert sorted(line.split(", ")[4] for line in members) == sorted(urls)
        states = [line.split(", ") for line in etcdctl(urls[0], "endpoint", "status", "--cluster").stdout.splitlines()]
        assert {state[0] for state in states} == set(urls)
        (leader,) = (state for state in states if state[4] == "true")
        follower = next(state for state in states if state[4] == "false")
        moved = etcdctl(serving.etcd_url, "move-leader", follower[1])
        assert moved.stdout == f"Leadership transferred from {leader[1]} to {follower[1]}\n"
        healthy = etcdctl(serving.etcd_url, "endpoint", "health")
        assert (healthy.stdout + healthy.stderr).count("is healthy") == 3
        cluster.stop_component("etcd-0")
        assert "is unhealthy" in etcdctl(serving.etcd_url, "endpoint", "health", "--command-timeout=1s").stderr
        assert etcdctl(serving.etcd_url, "put", "a", "1").stdout == "OK\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--etcd-members", "4"], "1, 3 or 5"),
        (["--store", "http://127.0.0.1:1", "--pace", "max"], "finite pace"),
        (["--ties", "none"], "none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_kube_nb_serve_refuses_what_no_cluster_can_be(flags, message):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ran = CliRunner().invoke(cli.main, ["serve", "--nodes", "0", *flags])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert ran.exit_code == 1
    assert message in ran.output
    assert "Traceback" not in ran.output


def test_a_client_that_is_still_shaking_hands_leaves_nothing_open():
    with Cluster(nodes=1) as cluster:
        port = int(cluster.serve().url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as hesitant:
            hesitant.sendall(b"\x16\x03\x01")  # the beginning of a hello
            cluster.kubectl("get nodes")
            transports = list(cluster._loop._transports.values())
            assert transports
            cluster.down()
            assert all(transport._sock is None for transport in transports)
