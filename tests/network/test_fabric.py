"""Connections between stacks: who hears whom, and what a kernel says when nobody answers."""

import asyncio
import errno

import pytest

from kube_nb.machinery.loop import ClusterLoop
from kube_nb.network.dataplane import Rule
from kube_nb.network.fabric import NodeNetwork, VirtualNetwork
from kube_nb.network.namespace import Namespace
from kube_nb.network.stream import WINDOW_BYTES, Stream


def network() -> VirtualNetwork:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    fabric = VirtualNetwork(loop)
    for number in (1, 2):
        fabric.add_node(f"node-{number}", f"172.18.0.{number + 1}", f"10.244.{number}.0/29")
    return fabric


def pod(node: NodeNetwork, name: str = "pod") -> Namespace:
    return node.add(name, resolv_conf="", hosts=lambda: "127.0.0.1\tlocalhost\n")


async def greet(stream: Stream) -> None:
    """Says who asks, then closes."""
    await stream.write(stream.remote[0].encode())
    stream.close()


async def hear(client: Namespace, host: str, port: int = 80) -> str:
    stream = await client.dial(host, port)
    text = b""
    while data := await stream.read():
        text += data
    return text.decode()


async def test_pods_get_the_next_free_address_of_their_nodes_range_and_reach_each_other() -> None:
    fabric = network()
    one, two = fabric.nodes["node-1"], fabric.nodes["node-2"]
    a, b = pod(one), pod(two)
    assert (a.ips, b.ips) == (("10.244.1.2",), ("10.244.2.2",))
    b.listen(80, greet)
    assert await hear(a, "10.244.2.2") == "10.244.1.2"
    assert await hear(b, "127.0.0.1") == "127.0.0.1"
    assert await hear(b, "localhost") == "127.0.0.1"


async def test_a_range_runs_out_and_freed_addresses_come_back_last() -> None:
    node = network().nodes["node-1"]
    assert [pod(node, str(number)).ips[0][-1] for number in range(5)] == ["2", "3", "4", "5", "6"]
    with pytest.raises(OSError, match="no IP addresses available in range set"):
        pod(node, "too many")
    node.remove("1")
    assert pod(node, "again").ips == ("10.244.1.3",)


async def test_nobody_listening_refuses_at_once() -> None:
    fabric = network()
    a, b = pod(fabric.nodes["node-1"]), pod(fabric.nodes["node-2"])
    with pytest.raises(ConnectionRefusedError):
        await a.dial(b.ips[0], 80)
    assert asyncio.get_running_loop().time() == 0


async def test_a_pod_address_that_is_gone_has_no_route_after_three_seconds() -> None:
    fabric = network()
    a, b = pod(fabric.nodes["node-1"]), pod(fabric.nodes["node-2"])
    fabric.nodes["node-2"].remove("pod")
    with pytest.raises(OSError, match="No route to host") as refused:
        await a.dial(b.ips[0], 80)
    assert refused.value.errno == errno.EHOSTUNREACH
    assert asyncio.get_running_loop().time() == 3


async def test_any_other_address_times_out() -> None:
    a = pod(network().nodes["node-1"])
    with pytest.raises(TimeoutError):
        await a.dial("198.51.100.1", 80, timeout_s=20)
    assert asyncio.get_running_loop().time() == 20


async def test_a_cut_node_is_silent_to_others_but_not_to_itself() -> None:
    fabric = network()
    one, two = fabric.nodes["node-1"], fabric.nodes["node-2"]
    a, b, c = pod(one, "a"), pod(two, "b"), pod(two, "c")
    b.listen(80, greet)
    two.connected = False
    assert await hear(c, b.ips[0]) == c.ips[0]
    with pytest.raises(TimeoutError):
        await a.dial(b.ips[0], 80, timeout_s=1)


async def test_a_port_is_taken_once_and_free_again_after_closing() -> None:
    a = pod(network().nodes["node-1"])
    listener = a.listen(80, greet)
    with pytest.raises(OSError, match="Address already in use"):
        a.listen(80, greet)
    listener.close()
    a.listen(80, greet)


async def test_removing_a_pod_resets_its_connections() -> None:
    fabric = network()
    a, b = pod(fabric.nodes["node-1"], "a"), pod(fabric.nodes["node-2"], "b")

    async def wait(stream: Stream) -> None:
        await stream.read()

    b.listen(80, wait)
    stream = await a.dial(b.ips[0], 80)
    await asyncio.sleep(1)
    fabric.nodes["node-2"].remove("b")
    with pytest.raises(ConnectionResetError):
        await stream.read()


async def test_a_writer_waits_for_a_slow_reader() -> None:
    near, far = Stream.pair(("a", 1), ("b", 2))
    await near.write(bytes(WINDOW_BYTES))
    writing = asyncio.get_running_loop().create_task(near.write(b"more"))
    await asyncio.sleep(1)
    assert not writing.done()
    got = 0
    while got < WINDOW_BYTES + 4:
        got += len(await far.read())
    await writing
    far.close()
    with pytest.raises(BrokenPipeError):
        await near.write(b"x")


async def test_a_node_port_answers_on_every_node_and_hides_the_client() -> None:
    fabric = network()
    backend = pod(fabric.nodes["node-2"])
    backend.listen(8080, greet)
    for node in fabric.nodes.values():
        rule = Rule("default/web", "", [("10.244.2.2", 8080)])
        node.dataplane.program("default/web", [(rule, [("10.96.0.9", 80, "TCP")], [], 30080)])
    outside = fabric.outside()
    assert await hear(outside, "172.18.0.2", 30080) == "172.18.0.2"
    assert await hear(outside, "172.18.0.3", 30080) == "172.18.0.3"
    client = pod(fabric.nodes["node-1"])
    assert await hear(client, "10.96.0.9") == client.ips[0]


async def test_an_outsider_does_not_know_service_addresses() -> None:
    fabric = network()
    with pytest.raises(TimeoutError):
        await fabric.outside().dial("10.96.0.9", 80, timeout_s=2)


async def test_datagrams_are_answered_refused_or_lost() -> None:
    fabric = network()
    a, b = pod(fabric.nodes["node-1"]), pod(fabric.nodes["node-2"])

    async def echo(data: bytes, peer: tuple[str, int]) -> bytes | None:
        return data.upper() if data != b"mute" else None

    b.listen_datagrams(53, echo)
    assert await a.ask(b.ips[0], 53, b"hi") == b"HI"
    with pytest.raises(ConnectionRefusedError):
        await a.ask(b.ips[0], 54, b"hi")
    with pytest.raises(TimeoutError):
        await a.ask(b.ips[0], 53, b"mute")
    assert asyncio.get_running_loop().time() == 5
