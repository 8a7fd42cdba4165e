"""Service addresses and names on a real API: kube-proxy's rules and the cluster's DNS."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kube_nb.api.resources import ENDPOINT_SLICES, SERVICES
from kube_nb.apiserver.server import ApiServer
from kube_nb.client import Client, InformerFactory, InKernelTransport
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import User
from kube_nb.machinery.loop import ClusterLoop
from kube_nb.machinery.types import Obj
from kube_nb.network import dnsmessage
from kube_nb.network.dns import ClusterDns
from kube_nb.network.fabric import VirtualNetwork
from kube_nb.network.namespace import Namespace
from kube_nb.network.proxy import KubeProxy
from kube_nb.network.stream import Stream

RESOLV_CONF = (
    "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
)


class Cluster:
    """Two nodes with a proxy each, a name server in a pod, and an API."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.server = ApiServer(LocalBackend(Store(), loop), loop)
        self.client = Client(
            InKernelTransport(lambda: self.server.handle, User("admin", ("system:masters",))), field_manager="test"
        )
        self.informers = InformerFactory(self.client)
        self.network = VirtualNetwork(loop)
        self.nodes = [self.network.add_node(f"node-{n}", f"172.18.0.{n + 1}", f"10.244.{n}.0/24") for n in (1, 2)]
        self.proxies = [KubeProxy(self.informers, node.name, node.dataplane) for node in self.nodes]
        self.dns = ClusterDns(self.informers, loop.stream("dns"))
        self.pods = 0

    def pod(self, node: int = 0) -> Namespace:
        self.pods += 1
        return self.nodes[node].add(f"pod-{self.pods}", resolv_conf=RESOLV_CONF, hosts=lambda: "")

    def backend(self, node: int = 0, port: int = 8080) -> str:
        """A pod that answers with its own address."""
        pod = self.pod(node)

        async def answer(stream: Stream) -> None:
            await stream.write(pod.ips[0].encode())
            stream.close()

        pod.listen(port, answer)
        return pod.ips[0]

    async def service(self, name: str, **spec: object) -> Obj:
        ports = [{"port": 80, "targetPort": 8080}]
        obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}}
        return await self.client.create(SERVICES, {**obj, "spec": {"ports": ports, "selector": {"a": "b"}, **spec}})

    async def endpoints(self, name: str, *ips: str, ready: bool = True, port: int = 8080) -> Obj:
        rows = [
            {"addresses": [ip], "conditions": {"ready": ready}, "nodeName": "node-" + ip.split(".")[2]} for ip in ips
        ]
        return await self.client.create(
            ENDPOINT_SLICES,
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "generateName": f"{name}-",
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": "IPv4",
                "endpoints": rows,
                "ports": [{"name": "", "port": port, "protocol": "UDP" if port == 53 else "TCP"}],
            },
        )


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    made = Cluster()
    await made.server.start()
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work) for work in (*(proxy.run() for proxy in made.proxies), made.dns.run())]
    name_server = made.pod(1)
    name_server.listen_datagrams(53, made.dns.handle)
    await made.service("kube-dns", clusterIP="10.96.0.10", ports=[{"port": 53, "protocol": "UDP"}])
    await made.endpoints("kube-dns", name_server.ips[0], port=53)
    await asyncio.sleep(0.1)
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await made.informers.stop()
        await made.server.stop()


async def hear(client: Namespace, host: str, port: int = 80) -> str:
    stream = await client.dial(host, port, timeout_s=5)
    return (await stream.read()).decode()


async def test_a_service_spreads_connections_over_its_ready_endpoints() -> None:
    async with cluster() as c:
        service = await c.service("web")
        ips = [c.backend(0), c.backend(1), c.backend(1)]
        await c.endpoints("web", *ips)
        await asyncio.sleep(0.1)
        client = c.pod()
        heard = Counter([await hear(client, service["spec"]["clusterIP"]) for _ in range(300)])
        assert sorted(heard) == sorted(ips)
        assert all(70 < count < 130 for count in heard.values())


async def test_no_ready_endpoint_refuses_and_no_service_times_out() -> None:
    async with cluster() as c:
        service = await c.service("web")
        client, ip = c.pod(), service["spec"]["clusterIP"]
        await c.endpoints("web", c.backend(), ready=False)
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionRefusedError):
            await hear(client, ip)
        await c.client.delete(SERVICES, "web", "default")
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            await hear(client, ip)


async def test_client_ip_affinity_keeps_a_client_with_its_endpoint() -> None:
    async with cluster() as c:
        affinity = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}, "sessionAffinity": "ClientIP"}
        service = await c.service("web", **affinity)
        await c.endpoints("web", *[c.backend() for _ in range(5)])
        await asyncio.sleep(0.1)
        client = c.pod()
        assert len({await hear(client, service["spec"]["clusterIP"]) for _ in range(20)}) == 1


async def test_an_internal_policy_of_local_uses_the_nodes_own_endpoints_only() -> None:
    async with cluster() as c:
        service = await c.service("web", internalTrafficPolicy="Local")
        here = c.backend(0)
        await c.endpoints("web", here, c.backend(1))
        await asyncio.sleep(0.1)
        assert {await hear(c.pod(0), service["spec"]["clusterIP"]) for _ in range(20)} == {here}


async def test_a_stopped_proxy_leaves_its_rules_behind() -> None:
    async with cluster() as c:
        service = await c.service("web")
        ip = c.backend()
        await c.endpoints("web", ip)
        await asyncio.sleep(0.1)
        rules = c.nodes[0].dataplane.rules()
        assert rules[f"TCP {service['spec']['clusterIP']}:80 default/web"] == [f"{ip}:8080"]


@pytest.mark.parametrize("name", ["web", "web.default", "web.default.svc", "web.default.svc.cluster.local", "WEB"])
async def test_a_service_is_found_by_every_form_of_its_name(name: str) -> None:
    async with cluster() as c:
        service = await c.service("web")
        await asyncio.sleep(0.1)
        answer = await c.pod().resolve(name)
        assert answer.records == (service["spec"]["clusterIP"],)
        assert answer.server == "10.96.0.10"


async def test_a_headless_service_gives_its_pods_addresses() -> None:
    async with cluster() as c:
        await c.service("db", clusterIP="None")
        ips = [c.backend(0), c.backend(1)]
        await c.endpoints("db", *ips)
        await asyncio.sleep(0.1)
        assert sorted((await c.pod().resolve("db")).records) == sorted(ips)
        assert (await hear(c.pod(), "db", 8080)) in ips


@pytest.mark.parametrize("name", ["nosuch", "web.other", "example.com"])
async def test_a_name_that_is_not_there_is_not_found(name: str) -> None:
    async with cluster() as c:
        with pytest.raises(socket.gaierror, match="Name or service not known"):
            await c.pod().resolve(name)


async def test_no_name_server_is_a_temporary_failure_after_its_timeouts() -> None:
    async with cluster() as c:
        c.nodes[1].remove("pod-1")
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(socket.gaierror, match="Temporary failure in name resolution"):
            await c.pod().resolve("web")
        assert asyncio.get_running_loop().time() > began_s


@pytest.mark.parametrize(
    ("name", "type", "values"),
    [
        pytest.param("10-244-1-7.default.pod.cluster.local", "A", ["10.244.1.7"], id="a pod by its address"),
        pytest.param("_http._tcp.named.default.svc.cluster.local", "SRV", ["0 100 80 named.default.svc.cluster.local"],
                     id="a named port"),
        pytest.param("10.0.96.10.in-addr.arpa", "PTR", ["kube-dns.default.svc.cluster.local"],
                     id="a service's address"),
    ],
)  # fmt: skip
async def test_other_records_are_as_the_specification_has_them(name: str, type: str, values: list[str]) -> None:
    async with cluster() as c:
        await c.service("named", ports=[{"name": "http", "port": 80}])
        await asyncio.sleep(0.1)
        _, records = c.dns.answer(name, type)
        assert [record.value for record in records] == values


async def test_an_external_name_is_an_alias() -> None:
    async with cluster() as c:
        await c.service("web")
        await c.service("alias", type="ExternalName", externalName="web.default.svc.cluster.local", ports=None)
        await asyncio.sleep(0.1)
        code, records = c.dns.answer("alias.default.svc.cluster.local", "A")
        assert code == dnsmessage.NOERROR
        assert [record.type for record in records] == ["CNAME", "A"]


def test_messages_survive_the_wire() -> None:
    records = [
        dnsmessage.Record("a.b", "A", "10.0.0.1"),
        dnsmessage.Record("a.b", "CNAME", "c.d"),
        dnsmessage.Record("a.b", "SRV", "0 100 80 c.d"),
        dnsmessage.Record("a.b", "TXT", "hello"),
    ]
    message = dnsmessage.Message(7, "a.b", "ANY", True, dnsmessage.NOERROR, records)
    assert dnsmessage.decode(message.encode()) == message


@pytest.mark.parametrize("data", [b"", b"short", bytes(12), bytes((0, 1) * 6) + b"\xc0\x0c\0\1\0\1"])
def test_what_is_no_message_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|question|pointer"):
        dnsmessage.decode(data)
