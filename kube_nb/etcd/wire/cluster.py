"""The Cluster and Maintenance services."""

import grpc

from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import codec
from kube_nb.etcd.wire.service import Context, Service, unary


class Cluster(Service):
    """MemberList."""

    name = "etcdserverpb.Cluster"

    def methods(self) -> "dict[str, grpc.RpcMethodHandler]":
        return {"MemberList": unary(pb.MemberListRequest, self.member_list)}

    async def member_list(self, request: pb.MemberListRequest, context: Context) -> pb.MemberListResponse:
        found = await self.member.member_list()
        return pb.MemberListResponse(header=self.header(0), members=map(codec.member_message, found))


class Maintenance(Service):
    """Status and HashKV."""

    name = "etcdserverpb.Maintenance"

    def methods(self) -> "dict[str, grpc.RpcMethodHandler]":
        return {
            "Status": unary(pb.StatusRequest, self.status),
            "HashKV": unary(pb.HashKVRequest, self.hash_kv),
        }

    async def status(self, request: pb.StatusRequest, context: Context) -> pb.StatusResponse:
        status = await self.member.status()
        return pb.StatusResponse(
            header=self.header(status.revision),
            version=status.version,
            dbSize=status.db_size_bytes,
            dbSizeInUse=status.db_size_in_use_bytes,
            leader=status.leader,
            raftIndex=status.raft_index,
            raftTerm=status.raft_term,
            raftAppliedIndex=status.raft_applied_index,
            errors=status.errors,
            isLearner=status.is_learner,
        )

    async def hash_kv(self, request: pb.HashKVRequest, context: Context) -> pb.HashKVResponse:
        result = await self.member.hash_kv(request.revision)
        return pb.HashKVResponse(
            header=self.header(result.revision),
            hash=result.hash,
            compact_revision=result.compact_revision,
            hash_revision=request.revision or result.revision,
        )
