"""The Cluster service: who the members are, and changing that."""

from typing import Any

from kube_nb.etcd.backend import Member
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import codec
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Service, unary


class Cluster(Service):
    """MemberList, MemberAdd, MemberRemove, MemberUpdate, MemberPromote."""

    name = "etcdserverpb.Cluster"

    def methods(self) -> dict[str, Method]:
        return {
            "MemberList": unary(pb.MemberListRequest, self.member_list),
            "MemberAdd": unary(pb.MemberAddRequest, self.member_add),
            "MemberRemove": unary(pb.MemberRemoveRequest, self.member_remove),
            "MemberUpdate": unary(pb.MemberUpdateRequest, self.member_update),
            "MemberPromote": unary(pb.MemberPromoteRequest, self.member_promote),
        }

    def _list(self, found: list[Member]) -> pb.MemberListResponse:
        """The answer of everything but MemberAdd: header and members have the same numbers in all of them."""
        return pb.MemberListResponse(header=self.header(0), members=map(codec.member_message, found))

    async def member_list(self, request: Any, context: Context) -> pb.MemberListResponse:
        return self._list(await self.member.member_list())

    async def member_add(self, request: pb.MemberAddRequest, context: Context) -> pb.MemberAddResponse:
        self.guarded(context).check_root()
        added = await self.member.member_add("", tuple(request.peerURLs), learner=request.isLearner)
        found = await self.member.member_list()
        return pb.MemberAddResponse(
            header=self.header(0), member=codec.member_message(added), members=map(codec.member_message, found)
        )

    async def member_remove(self, request: pb.MemberRemoveRequest, context: Context) -> pb.MemberListResponse:
        self.guarded(context).check_root()
        return self._list(await self.member.member_remove(request.ID))

    async def member_update(self, request: pb.MemberUpdateRequest, context: Context) -> pb.MemberListResponse:
        self.guarded(context).check_root()
        return self._list(await self.member.member_update(request.ID, tuple(request.peerURLs)))

    async def member_promote(self, request: pb.MemberPromoteRequest, context: Context) -> pb.MemberListResponse:
        self.guarded(context).check_root()
        return self._list(await self.member.member_promote(request.ID))
