"""DNS messages on the wire: one question, answers of the types that a cluster serves. Models RFC 1035, section 4."""

import ipaddress
import struct
from dataclasses import dataclass, field

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "ANY": 255}
_NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
_RESPONSE, _RECURSION_DESIRED, _AUTHORITATIVE, _RECURSION_AVAILABLE = 0x8000, 0x0100, 0x0400, 0x0080
_HEADER = struct.Struct(">6H")


@dataclass(frozen=True, slots=True)
class Record:
    """value: an address, a name, or ``priority weight port target`` for SRV."""

    name: str
    type: str
    value: str
    ttl_s: int = 30


@dataclass(slots=True)
class Message:
    """A query, or with `response` its answer."""

    id: int
    name: str
    type: str
    response: bool = False
    code: int = NOERROR
    records: list[Record] = field(default_factory=list)

    def encode(self) -> bytes:
        flags = _RECURSION_DESIRED
        if self.response:
            flags |= _RESPONSE | _AUTHORITATIVE | _RECURSION_AVAILABLE | self.code
        data = _HEADER.pack(self.id, flags, 1, len(self.records), 0, 0)
        data += _name(self.name) + struct.pack(">2H", TYPES.get(self.type, 0), 1)
        for record in self.records:
            body = _body(record)
            data += _name(record.name) + struct.pack(">2HIH", TYPES[record.type], 1, record.ttl_s, len(body)) + body
        return data


def _name(name: str) -> bytes:
    labels = [label.encode("idna") if not label.isascii() else label.encode() for label in name.split(".") if label]
    if any(len(label) > 63 for label in labels):
        raise ValueError(f"label too long in {name!r}")
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def _body(record: Record) -> bytes:
    if record.type in ("A", "AAAA"):
        return ipaddress.ip_address(record.value).packed
    if record.type == "SRV":
        priority, weight, port, target = record.value.split()
        return struct.pack(">3H", int(priority), int(weight), int(port)) + _name(target)
    if record.type == "TXT":
        text = record.value.encode()[:255]
        return bytes((len(text),)) + text
    return _name(record.value)


def decode(data: bytes) -> Message:
    """Raises ValueError for what is not a message with one question."""
    try:
        id, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
        if questions != 1:
            raise ValueError("not one question")
        name, place = _read_name(data, _HEADER.size)
        kind, _ = struct.unpack_from(">2H", data, place)
        message = Message(id, name, _NAMES.get(kind, f"TYPE{kind}"), bool(flags & _RESPONSE), flags & 0xF)
        place += 4
        for _ in range(answers):
            place = _read_record(data, place, message)
    except (struct.error, IndexError) as error:
        raise ValueError("truncated message") from error
    return message


def _read_record(data: bytes, place: int, message: Message) -> int:
    name, place = _read_name(data, place)
    kind, _, ttl_s, length = struct.unpack_from(">2HIH", data, place)
    place += 10
    type = _NAMES.get(kind, f"TYPE{kind}")
    body = data[place : place + length]
    if type in ("A", "AAAA"):
        value = str(ipaddress.ip_address(body))
    elif type == "SRV":
        priority, weight, port = struct.unpack_from(">3H", body)
        value = f"{priority} {weight} {port} {_read_name(data, place + 6)[0]}"
    elif type == "TXT":
        value = body[1:].decode()
    else:
        value = _read_name(data, place)[0]
    message.records.append(Record(name, type, value, ttl_s))
    return place + int(length)


def _read_name(data: bytes, place: int) -> tuple[str, int]:
    """(name, the place after it); follows compression pointers, which only point backwards."""
    labels = []
    after = -1
    while length := data[place]:
        if length & 0xC0 == 0xC0:
            target = (length & 0x3F) << 8 | data[place + 1]
            after = place + 2 if after < 0 else after
            if target >= place:
                raise ValueError("bad compression pointer")
            place = target
            continue
        labels.append(data[place + 1 : place + 1 + length].decode("ascii", "replace"))
        place += 1 + length
    return ".".join(labels), place + 1 if after < 0 else after
