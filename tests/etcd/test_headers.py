"""Remembered header blocks say what hpack alone would say, whatever comes between."""

import hpack
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.etcd.wire.headers import Decoder, Encoder

FIELDS = st.tuples(
    st.sampled_from([b":status", b"content-type", b"grpc-status", b"token", b"grpc-timeout"]),
    st.sampled_from([b"200", b"application/grpc", b"0", b"13", b"x" * 3000]) | st.binary(max_size=3),
)
LISTS = st.lists(st.lists(FIELDS, min_size=1, max_size=5), min_size=1, max_size=5)


@given(st.lists(st.sampled_from(range(5)), max_size=30), LISTS)
def test_blocks_are_read_and_written_as_by_hpack_alone(
    order: list[int], lists: list[list[tuple[bytes, bytes]]]
) -> None:
    plain_encoder, decoder = hpack.Encoder(), Decoder()
    encoder, plain_decoder = Encoder(), hpack.Decoder()
    for number in order:
        headers = lists[number % len(lists)]
        assert [tuple(each) for each in decoder.decode(plain_encoder.encode(headers), raw=True)] == headers
        assert [tuple(each) for each in plain_decoder.decode(encoder.encode(headers), raw=True)] == headers


def test_a_table_that_shrinks_is_told_before_the_next_block() -> None:
    encoder, decoder = Encoder(), hpack.Decoder()
    headers = [(b"grpc-status", b"0")]
    for size in (None, None, 0, 4096, None):
        if size is not None:
            encoder.header_table_size = size
        assert [tuple(each) for each in decoder.decode(encoder.encode(headers), raw=True)] == headers
