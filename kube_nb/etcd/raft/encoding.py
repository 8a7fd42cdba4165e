"""What an entry carries as bytes and back: requests and membership changes, as JSON with their types' names.

A named tuple is ``{"Put": [key, value, ...]}``, bytes are ``{"": text}`` with a character a byte, an enum that must
stay one ``{"AlarmType": "NOSPACE"}``. What has other names is refused, so reading a file runs nothing.
"""

from enum import Enum
from typing import Any

import orjson

from kube_nb.etcd.auth import Access, Permission
from kube_nb.etcd.backend import AlarmType, Compare, DeleteRange, Member, Put, Range, Txn
from kube_nb.etcd.raft.member import Request
from kube_nb.etcd.raft.messages import ConfChange, ConfKind

_TUPLES: dict[str, Any] = {
    kind.__name__: kind for kind in (Compare, ConfChange, DeleteRange, Member, Permission, Put, Range, Request, Txn)
}
_ENUMS: dict[str, Any] = {kind.__name__: kind for kind in (Access, AlarmType, ConfKind)}


def encode(value: Any) -> bytes:
    return orjson.dumps(_plain(value))


def decode(raw: bytes) -> Any:
    """ValueError for what `encode` has not written."""
    return _rich(orjson.loads(raw))


def _plain(value: Any) -> Any:
    kind = type(value).__name__
    if kind in _TUPLES:
        return {kind: [_plain(each) for each in value]}
    if kind in _ENUMS:
        return {kind: value.name}
    if isinstance(value, bytes):
        return {"": value.decode("latin-1")}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_rich, value))
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "":
        return content.encode("latin-1")
    if kind in _TUPLES:
        return _TUPLES[kind](*map(_rich, content))
    if kind in _ENUMS:
        return _ENUMS[kind][content]
    raise ValueError(f"an entry of an unknown kind, {kind!r}")
