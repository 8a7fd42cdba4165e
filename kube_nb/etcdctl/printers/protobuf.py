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
            revision=getattr(response, "revision", 0),
            raft_term=status.raft_term,
        )
        makers: dict[type, Callable[[Any, pb.ResponseHeader], Any]] = {
            RangeResult: codec.range_response,
            PutResult: codec.put_response,
            DeleteRangeResult: codec.delete_response,
            TxnResult: codec.txn_response,
            WatchBatch: lambda batch, header: pb.WatchResponse(
                header=header, events=map(codec.event_message, batch.events)
            ),
            LeaseGrantResult: lambda granted, header: pb.LeaseGrantResponse(
                header=header, ID=granted.id, TTL=granted.ttl_s
            ),
            printer.MemberList: lambda found, header: pb.MemberListResponse(
                header=header, members=map(codec.member_message, found.members)
            ),
        }
        maker = makers.get(type(response))
        if maker is None:
            return super().show(response, context)
        return str(maker(response, header).SerializeToString().decode(errors="surrogateescape"))
