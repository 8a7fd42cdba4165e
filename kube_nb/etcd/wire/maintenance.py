"""The Maintenance service."""

from collections.abc import AsyncIterator

from kube_nb.etcd import VERSION
from kube_nb.etcd.backend import Alarm, AlarmType
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Service, response_stream, unary

_GET, _ACTIVATE, _DEACTIVATE = range(3)


class Maintenance(Service):
    """Status, Alarm, Defragment, Hash, HashKV, Snapshot, MoveLeader."""

    name = "etcdserverpb.Maintenance"

    def methods(self) -> dict[str, Method]:
        return {
            "Status": unary(pb.StatusRequest, self.status),
            "Alarm": unary(pb.AlarmRequest, self.alarm),
            "Defragment": unary(pb.DefragmentRequest, self.defragment),
            "Hash": unary(pb.HashRequest, self.hash),
            "HashKV": unary(pb.HashKVRequest, self.hash_kv),
            "Snapshot": response_stream(pb.SnapshotRequest, self.snapshot),
            "MoveLeader": unary(pb.MoveLeaderRequest, self.move_leader),
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

    async def alarm(self, request: pb.AlarmRequest, context: Context) -> pb.AlarmResponse:
        """Activating an alarm from outside is for members among themselves; it changes nothing here."""
        self.guarded(context).check_root()
        if request.action == _DEACTIVATE:
            found = await self.member.alarm_disarm(AlarmType(request.alarm))
        else:
            found = await self.member.alarms()
        return pb.AlarmResponse(alarms=map(_alarm_message, found))

    async def defragment(self, request: pb.DefragmentRequest, context: Context) -> pb.DefragmentResponse:
        self.guarded(context).check_root()
        await self.member.defragment()
        return pb.DefragmentResponse()

    async def hash(self, request: pb.HashRequest, context: Context) -> pb.HashResponse:
        self.guarded(context).check_root()
        result = await self.member.hash_kv()
        return pb.HashResponse(header=self.header(result.revision), hash=result.hash)

    async def hash_kv(self, request: pb.HashKVRequest, context: Context) -> pb.HashKVResponse:
        result = await self.member.hash_kv(request.revision)
        return pb.HashKVResponse(
            header=self.header(result.revision),
            hash=result.hash,
            compact_revision=result.compact_revision,
            hash_revision=request.revision or result.revision,
        )

    async def snapshot(self, request: pb.SnapshotRequest, context: Context) -> AsyncIterator[pb.SnapshotResponse]:
        """The pieces, each with what is left; the length is known once all are made."""
        self.guarded(context).check_root()
        pieces = [piece async for piece in self.member.snapshot()]
        left = sum(map(len, pieces[:-1]))
        for piece in pieces:
            left = max(left - len(piece), 0)
            yield pb.SnapshotResponse(header=self.header(), remaining_bytes=left, blob=piece, version=VERSION)

    async def move_leader(self, request: pb.MoveLeaderRequest, context: Context) -> pb.MoveLeaderResponse:
        self.guarded(context).check_root()
        await self.member.move_leader(request.targetID)
        return pb.MoveLeaderResponse()


def _alarm_message(alarm: Alarm) -> pb.AlarmMember:
    return pb.AlarmMember(memberID=alarm.member_id, alarm=int(alarm.type))
