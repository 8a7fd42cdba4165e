"""Messages to values and back."""

from collections.abc import Iterable

from kube_nb.etcd.backend import (
    DELETE,
    PUT,
    Compare,
    CompareTarget,
    DeleteRange,
    DeleteRangeResult,
    Event,
    KeyValue,
    Member,
    Op,
    OpResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
)
from kube_nb.etcd.proto import rpc_pb2 as pb

# -- values -> messages ----------------------------------------------------------------------------------------------


def kv_message(kv: KeyValue) -> pb.KeyValue:
    return pb.KeyValue(
        key=kv.key,
        value=kv.value,
        create_revision=kv.create_revision,
        mod_revision=kv.mod_revision,
        version=kv.version,
        lease=kv.lease,
    )


def event_message(event: Event) -> pb.Event:
    previous = None if event.prev_kv is None else kv_message(event.prev_kv)
    return pb.Event(type=int(event.type), kv=kv_message(event.kv), prev_kv=previous)


def member_message(member: Member) -> pb.Member:
    return pb.Member(
        ID=member.id,
        name=member.name,
        peerURLs=member.peer_urls,
        clientURLs=member.client_urls,
        isLearner=member.is_learner,
    )


def range_request(op: Range) -> pb.RangeRequest:
    return pb.RangeRequest(**op._asdict())


def put_request(op: Put) -> pb.PutRequest:
    return pb.PutRequest(**op._asdict())


def delete_request(op: DeleteRange) -> pb.DeleteRangeRequest:
    return pb.DeleteRangeRequest(**op._asdict())


def txn_request(op: Txn) -> pb.TxnRequest:
    return pb.TxnRequest(
        compare=map(_compare_message, op.compare),
        success=map(_op_message, op.success),
        failure=map(_op_message, op.failure),
    )


def _compare_message(compare: Compare) -> pb.Compare:
    message = pb.Compare(key=compare.key, range_end=compare.range_end, result=compare.result, target=compare.target)
    setattr(message, _UNION[compare.target], compare.value)
    return message


_UNION: dict[int, str] = {
    CompareTarget.VERSION: "version",
    CompareTarget.CREATE: "create_revision",
    CompareTarget.MOD: "mod_revision",
    CompareTarget.VALUE: "value",
    CompareTarget.LEASE: "lease",
}


def _op_message(op: Op) -> pb.RequestOp:
    match op:
        case Range():
            return pb.RequestOp(request_range=range_request(op))
        case Put():
            return pb.RequestOp(request_put=put_request(op))
        case DeleteRange():
            return pb.RequestOp(request_delete_range=delete_request(op))
        case Txn():
            return pb.RequestOp(request_txn=txn_request(op))


def range_response(result: RangeResult, header: pb.ResponseHeader) -> pb.RangeResponse:
    return pb.RangeResponse(header=header, kvs=map(kv_message, result.kvs), more=result.more, count=result.count)


def put_response(result: PutResult, header: pb.ResponseHeader) -> pb.PutResponse:
    previous = None if result.prev_kv is None else kv_message(result.prev_kv)
    return pb.PutResponse(header=header, prev_kv=previous)


def delete_response(result: DeleteRangeResult, header: pb.ResponseHeader) -> pb.DeleteRangeResponse:
    return pb.DeleteRangeResponse(header=header, deleted=result.deleted, prev_kvs=map(kv_message, result.prev_kvs))


def txn_response(result: TxnResult, header: pb.ResponseHeader) -> pb.TxnResponse:
    return pb.TxnResponse(header=header, succeeded=result.succeeded, responses=map(_op_response, result.responses))


def _op_response(result: OpResult) -> pb.ResponseOp:
    header = pb.ResponseHeader(revision=result.revision)
    match result:
        case RangeResult():
            return pb.ResponseOp(response_range=range_response(result, header))
        case PutResult():
            return pb.ResponseOp(response_put=put_response(result, header))
        case DeleteRangeResult():
            return pb.ResponseOp(response_delete_range=delete_response(result, header))
        case TxnResult():
            return pb.ResponseOp(response_txn=txn_response(result, header))


# -- messages -> values ----------------------------------------------------------------------------------------------


def kv_value(message: pb.KeyValue) -> KeyValue:
    return KeyValue(
        message.key,
        message.value,
        message.create_revision,
        message.mod_revision,
        message.version,
        message.lease,
    )


def event_value(message: pb.Event) -> Event:
    previous = kv_value(message.prev_kv) if message.HasField("prev_kv") else None
    return Event(DELETE if message.type else PUT, kv_value(message.kv), previous)


def member_value(message: pb.Member) -> Member:
    return Member(message.ID, message.name, tuple(message.peerURLs), tuple(message.clientURLs), message.isLearner)


def range_op(message: pb.RangeRequest) -> Range:
    return Range(
        message.key,
        message.range_end,
        message.limit,
        message.revision,
        message.sort_order,
        message.sort_target,
        message.serializable,
        message.keys_only,
        message.count_only,
        message.min_mod_revision,
        message.max_mod_revision,
        message.min_create_revision,
        message.max_create_revision,
    )


def put_op(message: pb.PutRequest) -> Put:
    return Put(
        message.key,
        message.value,
        message.lease,
        message.prev_kv,
        message.ignore_value,
        message.ignore_lease,
    )


def delete_op(message: pb.DeleteRangeRequest) -> DeleteRange:
    return DeleteRange(message.key, message.range_end, message.prev_kv)


def txn_op(message: pb.TxnRequest) -> Txn:
    return Txn(
        [_compare_value(compare) for compare in message.compare],
        _ops(message.success),
        _ops(message.failure),
    )


def _compare_value(message: pb.Compare) -> Compare:
    """A compare whose union holds another field than its target compares against that field's zero."""
    name = _UNION.get(message.target)
    value = getattr(message, name) if name is not None else 0
    return Compare(message.key, message.target, message.result, value, message.range_end)


def _ops(messages: Iterable[pb.RequestOp]) -> list[Op]:
    """The operations; an empty union is nothing to do, as in etcd."""
    found: list[Op] = []
    for message in messages:
        match message.WhichOneof("request"):
            case "request_range":
                found.append(range_op(message.request_range))
            case "request_put":
                found.append(put_op(message.request_put))
            case "request_delete_range":
                found.append(delete_op(message.request_delete_range))
            case "request_txn":
                found.append(txn_op(message.request_txn))
    return found


def range_result(message: pb.RangeResponse) -> RangeResult:
    return RangeResult(message.header.revision, [kv_value(kv) for kv in message.kvs], message.count, message.more)


def put_result(message: pb.PutResponse) -> PutResult:
    return PutResult(message.header.revision, kv_value(message.prev_kv) if message.HasField("prev_kv") else None)


def delete_result(message: pb.DeleteRangeResponse) -> DeleteRangeResult:
    return DeleteRangeResult(message.header.revision, message.deleted, [kv_value(kv) for kv in message.prev_kvs])


def txn_result(message: pb.TxnResponse) -> TxnResult:
    return TxnResult(message.header.revision, message.succeeded, [_op_result(sub) for sub in message.responses])


def _op_result(message: pb.ResponseOp) -> OpResult:
    match message.WhichOneof("response"):
        case "response_range":
            return range_result(message.response_range)
        case "response_put":
            return put_result(message.response_put)
        case "response_delete_range":
            return delete_result(message.response_delete_range)
    return txn_result(message.response_txn)
