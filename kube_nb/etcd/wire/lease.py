"""The Lease service."""

from collections.abc import AsyncIterator

from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Service, stream, unary


class Lease(Service):
    """LeaseGrant, LeaseRevoke, LeaseKeepAlive, LeaseTimeToLive, LeaseLeases."""

    name = "etcdserverpb.Lease"

    def methods(self) -> dict[str, Method]:
        return {
            "LeaseGrant": unary(pb.LeaseGrantRequest, self.grant),
            "LeaseRevoke": unary(pb.LeaseRevokeRequest, self.revoke),
            "LeaseKeepAlive": stream(pb.LeaseKeepAliveRequest, self.keep_alive),
            "LeaseTimeToLive": unary(pb.LeaseTimeToLiveRequest, self.time_to_live),
            "LeaseLeases": unary(pb.LeaseLeasesRequest, self.leases),
        }

    async def grant(self, request: pb.LeaseGrantRequest, context: Context) -> pb.LeaseGrantResponse:
        result = await self.member.lease_grant(request.TTL, request.ID)
        return pb.LeaseGrantResponse(header=self.header(result.revision), ID=result.id, TTL=result.ttl_s)

    async def revoke(self, request: pb.LeaseRevokeRequest, context: Context) -> pb.LeaseRevokeResponse:
        return pb.LeaseRevokeResponse(header=self.header(await self.guarded(context).lease_revoke(request.ID)))

    async def keep_alive(
        self, requests: AsyncIterator[pb.LeaseKeepAliveRequest], context: Context
    ) -> AsyncIterator[pb.LeaseKeepAliveResponse]:
        async for request in requests:
            ttl_s = await self.member.lease_keep_alive(request.ID)
            yield pb.LeaseKeepAliveResponse(header=self.header(), ID=request.ID, TTL=ttl_s)

    async def time_to_live(self, request: pb.LeaseTimeToLiveRequest, context: Context) -> pb.LeaseTimeToLiveResponse:
        result = await self.guarded(context).lease_time_to_live(request.ID, keys=request.keys)
        return pb.LeaseTimeToLiveResponse(
            header=self.header(result.revision),
            ID=result.id,
            TTL=result.ttl_s,
            grantedTTL=result.granted_ttl_s,
            keys=result.keys,
        )

    async def leases(self, request: pb.LeaseLeasesRequest, context: Context) -> pb.LeaseLeasesResponse:
        found = await self.member.leases()
        return pb.LeaseLeasesResponse(header=self.header(), leases=[pb.LeaseStatus(ID=id) for id in found])
