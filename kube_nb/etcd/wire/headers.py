"""Header blocks that were met before: a gRPC client sends the same few with every call, and gets the same few back.

A block of nothing but indexes means the same, and leaves the tables as they are, until a block with something new comes
by. So what such a block says is remembered until then. The package hpack does the rest.
"""

from collections.abc import Iterable
from typing import Any

import hpack

#: How many blocks are remembered.
_MOST = 200


def _only_indexes(block: bytes) -> bool:
    """Whether a block consists of indexes of one byte each (RFC 7541, 6.1)."""
    return bool(block) and min(block) >= 0x80 and 0xFF not in block


class Decoder(hpack.Decoder):
    """A decoder that remembers."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._known: dict[bytes, Any] = {}

    def decode(self, data: bytes, raw: bool = False) -> Any:
        known = self._known.get(data)
        if known is not None:
            return known
        found = super().decode(data, raw)
        if not _only_indexes(data):
            self._known.clear()
        elif len(self._known) < _MOST:
            self._known[bytes(data)] = found
        return found


class Encoder(hpack.Encoder):
    """An encoder that remembers; `headers` are lists of pairs of bytes, as the server writes them."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[Any, ...], bytes] = {}

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:
        key = tuple(headers)
        known = self._known.get(key)
        if known is not None and not self.table_size_changes:
            return known
        block: bytes = super().encode(key, huffman)
        if not _only_indexes(block):
            self._known.clear()
        elif len(self._known) < _MOST:
            self._known[key] = block
        return block
