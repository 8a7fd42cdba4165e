"""The Lock and Election services. Models server/etcdserver/api/{v3lock,v3election}."""

from collections.abc import AsyncIterator
from typing import Any

from kube_nb.etcd import concurrency
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import codec
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Service, response_stream, unary


class MissingLeaderKey(EtcdError):
    text = '"leader" field must be provided'


class Lock(Service):
    """Lock and Unlock."""

    name = "v3lockpb.Lock"

    def methods(self) -> dict[str, Method]:
        return {"Lock": unary(pb.LockRequest, self.lock), "Unlock": unary(pb.UnlockRequest, self.unlock)}

    async def lock(self, request: pb.LockRequest, context: Context) -> pb.LockResponse:
        lease = request.lease or (await self.member.lease_grant(concurrency.TTL_S)).id
        held = await concurrency.claim(self.guarded(context), request.name, lease)
        return pb.LockResponse(header=self.header(held.revision), key=held.key)

    async def unlock(self, request: pb.UnlockRequest, context: Context) -> pb.UnlockResponse:
        return pb.UnlockResponse(header=self.header(await concurrency.release(self.guarded(context), request.key)))


class Election(Service):
    """Campaign, Proclaim, Leader, Observe, Resign."""

    name = "v3electionpb.Election"

    def methods(self) -> dict[str, Method]:
        return {
            "Campaign": unary(pb.CampaignRequest, self.campaign),
            "Proclaim": unary(pb.ProclaimRequest, self.proclaim),
            "Leader": unary(pb.LeaderRequest, self.leader),
            "Observe": response_stream(pb.LeaderRequest, self.observe),
            "Resign": unary(pb.ResignRequest, self.resign),
        }

    async def campaign(self, request: pb.CampaignRequest, context: Context) -> pb.CampaignResponse:
        lease = request.lease or (await self.member.lease_grant(concurrency.TTL_S)).id
        held = await concurrency.claim(self.guarded(context), request.name, lease, request.value)
        key = pb.LeaderKey(name=held.name, key=held.key, rev=held.created, lease=lease)
        return pb.CampaignResponse(header=self.header(held.revision), leader=key)

    async def proclaim(self, request: pb.ProclaimRequest, context: Context) -> pb.ProclaimResponse:
        revision = await concurrency.proclaim(self.guarded(context), _claim(request), request.value)
        return pb.ProclaimResponse(header=self.header(revision))

    async def leader(self, request: pb.LeaderRequest, context: Context) -> pb.LeaderResponse:
        kv, revision = await concurrency.leader(self.guarded(context), request.name)
        return pb.LeaderResponse(header=self.header(revision), kv=codec.kv_message(kv))

    async def observe(self, request: pb.LeaderRequest, context: Context) -> AsyncIterator[pb.LeaderResponse]:
        async for kv, revision in concurrency.observe(self.guarded(context), request.name):
            yield pb.LeaderResponse(header=self.header(revision), kv=codec.kv_message(kv))

    async def resign(self, request: pb.ResignRequest, context: Context) -> pb.ResignResponse:
        return pb.ResignResponse(header=self.header(await concurrency.resign(self.guarded(context), _claim(request))))


def _claim(request: Any) -> concurrency.Claim:
    if not request.HasField("leader"):
        raise MissingLeaderKey
    key = request.leader
    return concurrency.Claim(key.name, key.key, key.rev, key.lease, 0)
