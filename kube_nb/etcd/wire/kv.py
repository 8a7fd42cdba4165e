"""The KV service."""

from collections.abc import AsyncIterator, Iterator

from kube_nb.etcd import ranges
from kube_nb.etcd.backend import KeyValue, RangeResult
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import codec
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Service, response_stream, unary

#: About how large a chunk of a RangeStream gets.
CHUNK_BYTES = 1 << 20


class KV(Service):
    """Range, Put, DeleteRange, Txn, Compact, RangeStream."""

    name = "etcdserverpb.KV"

    def methods(self) -> dict[str, Method]:
        return {
            "Range": unary(pb.RangeRequest, self.range),
            "RangeStream": response_stream(pb.RangeRequest, self.range_stream),
            "Put": unary(pb.PutRequest, self.put),
            "DeleteRange": unary(pb.DeleteRangeRequest, self.delete_range),
            "Txn": unary(pb.TxnRequest, self.txn),
            "Compact": unary(pb.CompactionRequest, self.compact),
        }

    async def range(self, request: pb.RangeRequest, context: Context) -> pb.RangeResponse:
        result = await self.guarded(context).range(**codec.range_op(request)._asdict())
        return codec.range_response(result, self.header(result.revision))

    async def range_stream(self, request: pb.RangeRequest, context: Context) -> AsyncIterator[pb.RangeStreamResponse]:
        """Chunks of one revision; merged they equal `range`'s answer. The last one carries count and more."""
        op = codec.range_op(request)
        ranges.check(op)
        result = await self.guarded(context).range(**op._asdict())
        header = self.header(result.revision)
        left = iter(result.kvs)
        chunk = _chunk(left)
        while True:
            following = _chunk(left)
            if not following:
                break
            yield pb.RangeStreamResponse(
                range_response=codec.range_response(RangeResult(result.revision, chunk, 0), header)
            )
            header, chunk = pb.ResponseHeader(), following
        last = RangeResult(result.revision, chunk, result.count, result.more)
        yield pb.RangeStreamResponse(range_response=codec.range_response(last, header))

    async def put(self, request: pb.PutRequest, context: Context) -> pb.PutResponse:
        result = await self.guarded(context).put(**codec.put_op(request)._asdict())
        return codec.put_response(result, self.header(result.revision))

    async def delete_range(self, request: pb.DeleteRangeRequest, context: Context) -> pb.DeleteRangeResponse:
        result = await self.guarded(context).delete_range(**codec.delete_op(request)._asdict())
        return codec.delete_response(result, self.header(result.revision))

    async def txn(self, request: pb.TxnRequest, context: Context) -> pb.TxnResponse:
        result = await self.guarded(context).txn(*codec.txn_op(request))
        return codec.txn_response(result, self.header(result.revision))

    async def compact(self, request: pb.CompactionRequest, context: Context) -> pb.CompactionResponse:
        revision = await self.member.compact(request.revision, physical=request.physical)
        return pb.CompactionResponse(header=self.header(revision))


def _chunk(kvs: Iterator[KeyValue]) -> list[KeyValue]:
    """The next pairs, about a megabyte of them."""
    found: list[KeyValue] = []
    size_bytes = 0
    for kv in kvs:
        found.append(kv)
        size_bytes += len(kv.key) + len(kv.value)
        if size_bytes >= CHUNK_BYTES:
            break
    return found
