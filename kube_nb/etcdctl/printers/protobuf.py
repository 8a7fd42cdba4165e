"""``-w protobuf``: the response's bytes. Models printer_protobuf.go.

The text holds bytes that are no UTF-8 as surrogates: ``text.encode(errors="surrogateescape")`` gives the bytes.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from kube_nb.etcd.backend import (
    DeleteRangeResult,
    LeaseGrantResult,
    PutResult,
    RangeResult,
    StatusResult,
    TxnResult,
    WatchBatch,
)
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.printers.printer import Context, Printer


class ProtobufPrinter(Printer):
    """What programs that have the messages read."""

    name: ClassVar[str] = "protobuf"
    needs_header: ClassVar[bool] = True

    def show(self, response: Any, context: Context) -> str:
        # protobuf is imported when first used: most command lines do without it
        from kube_nb.etcd.proto import rpc_pb2 as pb
        from kube_nb.etcd.wire import codec

        status: StatusResult = context["status"]
        header = pb.ResponseHeader(
            cluster_id=status.cluster_id,
            member_id=status.member_id,
            revision=_revision(response, status),
            raft_term=status.raft_term,
        )
        auth_messages = {
            "": pb.AuthChangeResponse,
            "roles": pb.AuthRoleListResponse,  # a user's roles have the same number
            "users": pb.AuthUserListResponse,
            "perm": pb.AuthRoleGetResponse,
            "enabled": pb.AuthStatusResponse,
        }
        makers: dict[type, Callable[[Any, pb.ResponseHeader], Any]] = {
            RangeResult: codec.range_response,
            PutResult: codec.put_response,
            DeleteRangeResult: codec.delete_response,
            TxnResult: codec.txn_response,
            WatchBatch: lambda batch, header: pb.WatchResponse(
                header=header, events=map(codec.event_message, batch.events)
            ),
            **dict.fromkeys(_BARE, lambda response, header: header),
            printer.AuthText: lambda told, header: auth_messages[next(iter(told.fields), "")](
                header=header, **told.fields
            ),
            printer.Alarms: lambda found, header: pb.AlarmResponse(
                alarms=[pb.AlarmMember(memberID=alarm.member_id, alarm=alarm.type) for alarm in found.alarms]
            ),
            printer.MemberChange: lambda change, header: pb.MemberListResponse(
                header=header, members=map(codec.member_message, change.members)
            ),
            printer.MemberList: lambda found, header: pb.MemberListResponse(
                header=header, members=map(codec.member_message, found.members)
            ),
        }
        maker = makers.get(type(response))
        if maker is None:
            return super().show(response, context)
        return str(maker(response, header).SerializeToString().decode(errors="surrogateescape"))


#: Of these etcdctl writes the header only: its own types for them embed it, and lend its encoding.
_BARE = (LeaseGrantResult, printer.Revoked, printer.KeptAlive, printer.TimeToLive, printer.LeaseIds)


def _revision(response: Any, status: StatusResult) -> int:
    if isinstance(response, printer.AuthText):
        return status.revision
    if isinstance(response, printer.TimeToLive):
        return response.result.revision
    return int(getattr(response, "revision", 0))
