"""Objects in Kubernetes' protobuf encoding, decoded to wire-form dicts.

kubectl sends some creates as protobuf whatever the server says it takes, so a server must read it; nothing has to be
written in it, as every client takes JSON as well. The layout of the messages (field numbers, JSON names) is data,
`protobuf.json`, read off upstream's types by `protobuf_layout.go`. Models apimachinery
pkg/runtime/serializer/protobuf. Differs: decoding only.
"""

import base64
import functools
from collections.abc import Callable
from importlib import resources
from typing import Any

import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from kube_nb.machinery import duration, times
from kube_nb.machinery.types import Json, Obj

#: What a body in this encoding begins with; a runtime.Unknown follows.
MAGIC = b"k8s\x00"

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FIELD.TYPE_BYTES,  # decoded here, so that bad UTF-8 is our error
    "int": _FIELD.TYPE_INT64,
    "bool": _FIELD.TYPE_BOOL,
    "double": _FIELD.TYPE_DOUBLE,
    "bytes": _FIELD.TYPE_BYTES,
}
#: Messages whose JSON is not an object: their fields as (number, type).
_SPECIAL: dict[str, list[tuple[int, str]]] = {
    "Quantity": [(1, "string")],
    "Time": [(1, "int"), (2, "int")],
    "MicroTime": [(1, "int"), (2, "int")],
    "Duration": [(1, "int")],
    "IntOrString": [(1, "int"), (2, "int"), (3, "string")],
    "Raw": [(1, "bytes")],
}


class NotProtobuf(ValueError):
    """Bytes that are no object in this encoding; the message says why."""


def decode(data: bytes) -> Obj:
    """The magic and a runtime.Unknown to an object; `NotProtobuf` if it is none of a known kind."""
    if not data.startswith(MAGIC):
        raise NotProtobuf("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    layout = _layout()
    try:
        unknown = layout.new("Unknown")
        unknown.ParseFromString(data[len(MAGIC) :])
        api_version, kind = _text(unknown.f1.f1), _text(unknown.f1.f2)
        root = layout.roots.get(f"{api_version}/{kind}")
        if root is None:
            raise NotProtobuf(f'no kind "{kind}" is registered for version "{api_version}"')
        message = layout.new(root)
        message.ParseFromString(unknown.f2)
        body = layout.to_json(root, message)
    except (DecodeError, UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise NotProtobuf(f"the body is not valid protobuf: {error}") from None
    return {"apiVersion": api_version, "kind": kind, **body}


class _Layout:
    """The messages of `protobuf.json`, as classes that are made when they are first used."""

    def __init__(self, roots: dict[str, str], messages: dict[str, list[list[Any]]]) -> None:
        self.roots = roots
        self._messages = messages
        self._pool = descriptor_pool.DescriptorPool()
        self._pool.Add(self._file())

    def new(self, name: str) -> Any:
        descriptor = self._pool.FindMessageTypeByName(f"k8s.{_identifier(name)}")
        return message_factory.GetMessageClass(descriptor)()

    # -- descriptors -----------------------------------------------------------------------------------------------

    def _file(self) -> descriptor_pb2.FileDescriptorProto:
        file = descriptor_pb2.FileDescriptorProto(name="k8s.proto", package="k8s", syntax="proto2")
        self._made: dict[str, None] = {}
        self._add(file, "TypeMeta", [(1, "string"), (2, "string")])
        self._add(file, "Unknown", [(1, "TypeMeta"), (2, "bytes"), (3, "string"), (4, "string")])
        for name, fields in _SPECIAL.items():
            self._add(file, name, fields)
        for name, rows in self._messages.items():
            self._add(file, name, [(number, type) for number, _, type, _ in rows])
        return file

    def _add(self, file: descriptor_pb2.FileDescriptorProto, name: str, fields: list[tuple[int, str]]) -> None:
        if name in self._made:
            return
        self._made[name] = None
        message = file.message_type.add(name=_identifier(name))
        for number, type in fields:
            field = message.field.add(name=f"f{number}", number=number)
            field.label = _FIELD.LABEL_REPEATED if type[0] in "[<" else _FIELD.LABEL_OPTIONAL
            element = type[1:] if type[0] == "[" else type
            if element in _SCALARS:
                field.type = _SCALARS[element]
                continue
            field.type = _FIELD.TYPE_MESSAGE
            field.type_name = f".k8s.{_identifier(element)}"
            if element[0] == "<":
                self._add(file, element, [(1, "string"), (2, element[1:])])
            elif element[0] == "{":
                self._add(file, element, [(1, "[" + element[1:-1])])

    # -- values ----------------------------------------------------------------------------------------------------

    def to_json(self, name: str, message: Message) -> Obj:
        found: Obj = {}
        for number, json_name, type, flags in self._messages[name]:
            value = self._field(message, f"f{number}", type)
            if value is None or (flags == "z" and not value):
                continue
            if json_name:
                found[json_name] = value
            else:
                found.update(value)
        return found

    def _field(self, message: Any, field: str, type: str) -> Json:
        """The field's JSON value; None if it is not there."""
        if type[0] == "[":
            return [self._value(each, type[1:]) for each in getattr(message, field)]
        if type[0] == "<":
            return {_text(entry.f1): self._value(entry.f2, type[1:]) for entry in getattr(message, field)}
        return self._value(getattr(message, field), type) if message.HasField(field) else None

    def _value(self, value: Any, type: str) -> Json:
        if type in _VALUES:
            return _VALUES[type](value)
        if type[0] == "{":
            return [self._value(each, type[1:-1]) for each in value.f1]
        return self.to_json(type, value)


def _text(data: bytes) -> str:
    return data.decode()


def _time(message: Any) -> str | None:
    """Null for Go's zero time, which is encoded as an empty message."""
    if not message.f1 and not message.f2:
        return None
    return times.format(times.from_unix(message.f1, message.f2))


def _micro_time(message: Any) -> str | None:
    if not message.f1 and not message.f2:
        return None
    return times.format_micro(times.from_unix(message.f1, message.f2))


def _same(value: Json) -> Json:
    return value


_VALUES: dict[str, Callable[[Any], Json]] = {
    "string": _text,
    "int": _same,
    "bool": _same,
    "double": _same,
    "bytes": lambda value: base64.b64encode(value).decode(),
    "Quantity": lambda message: _text(message.f1),
    "Time": _time,
    "MicroTime": _micro_time,
    "Duration": lambda message: duration.format(message.f1 / 1e9),
    "IntOrString": lambda message: _text(message.f3) if message.f1 else message.f2,
    "Raw": lambda message: orjson.loads(message.f1) if message.f1 else None,
}


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else f"_{ord(letter)}_" for letter in name)


@functools.cache
def _layout() -> _Layout:
    data = orjson.loads(resources.files(__package__).joinpath("protobuf.json").read_bytes())
    return _Layout(data["roots"], data["messages"])
