"""Members behind gRPC: who wants a leader, and what becomes of streams when a member stops."""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode, aio

from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.raft.member import RaftMember
from kube_nb.etcd.wire.server import Server
from kube_nb.machinery.loop import ClusterLoop

LEADER_WANTED = (("hasleader", "true"),)


class Members:
    """Three members, one of them, a follower, on a socket."""

    async def __aenter__(self) -> "Members":
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.cluster = RaftCluster.of(loop, 3)
        self.cluster.start()
        leader = await self.cluster.elected()
        await asyncio.sleep(1)
        self.follower: RaftMember = next(m for m in self.cluster.running.values() if m is not leader)
        self.server = Server(self.follower)
        self.channel = aio.insecure_channel(f"127.0.0.1:{await self.server.start()}")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.channel.close()
        await self.server.stop()
        self.cluster.stop()

    def watch(self, metadata: Any = ()) -> Any:
        open_stream = self.channel.stream_stream(
            "/etcdserverpb.Watch/Watch", pb.WatchRequest.SerializeToString, pb.WatchResponse.FromString
        )
        return open_stream(metadata=metadata)

    async def range(self, metadata: Any = ()) -> pb.RangeResponse:
        call = self.channel.unary_unary(
            "/etcdserverpb.KV/Range", pb.RangeRequest.SerializeToString, pb.RangeResponse.FromString
        )
        response: pb.RangeResponse = await call(pb.RangeRequest(key=b"a", serializable=True), metadata=metadata)
        return response


CREATE = pb.WatchRequest(create_request=pb.WatchCreateRequest(key=b"a"))


async def test_a_call_that_wants_a_leader_is_refused_without_one_and_others_go_on() -> None:
    async with Members() as members:
        await members.range(LEADER_WANTED)
        members.cluster.network.isolate(members.follower.id)
        await asyncio.sleep(5)
        await members.range()
        with pytest.raises(aio.AioRpcError) as caught:
            await members.range(LEADER_WANTED)
        assert (caught.value.code(), caught.value.details()) == (StatusCode.UNAVAILABLE, "etcdserver: no leader")


async def test_a_watch_that_wants_a_leader_ends_when_none_is_left_and_others_stay() -> None:
    async with Members() as members:
        wanting, patient = members.watch(LEADER_WANTED), members.watch()
        for stream in (wanting, patient):
            await stream.write(CREATE)
            assert (await stream.read()).created
        members.cluster.network.isolate(members.follower.id)
        with pytest.raises(aio.AioRpcError) as caught:
            await wanting.read()
        assert (caught.value.code(), caught.value.details()) == (StatusCode.UNAVAILABLE, "etcdserver: no leader")
        members.cluster.network.heal()
        await asyncio.sleep(5)
        await (await members.cluster.elected()).put(b"a", b"1")
        assert (await patient.read()).events[0].kv.value == b"1"
        patient.cancel()


async def test_a_watch_ends_with_its_member() -> None:
    async with Members() as members:
        stream = members.watch()
        await stream.write(CREATE)
        await stream.read()
        members.cluster.crash(members.follower.id)
        with pytest.raises(aio.AioRpcError) as caught:
            await stream.read()
        assert caught.value.code() is StatusCode.UNAVAILABLE
