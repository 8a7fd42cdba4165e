import pytest

from kube_nb.api import protobuf


def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


def field(number, value):
    """A field on the wire: bytes as length-delimited, an int as varint."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def envelope(api_version, kind, raw):
    meta = field(1, api_version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, meta) + field(2, raw)


def test_a_config_map_keeps_its_maps_and_drops_what_is_empty():
    metadata = field(1, b"settings") + field(3, b"") + field(11, field(1, b"app") + field(2, b"web"))
    data = field(2, field(1, b"key") + field(2, "välue".encode()))
    binary = field(3, field(1, b"blob") + field(2, b"\x00\xff"))
    assert protobuf.decode(envelope("v1", "ConfigMap", field(1, metadata) + data + binary)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "labels": {"app": "web"}},
        "data": {"key": "välue"},
        "binaryData": {"blob": "AP8="},
    }


def test_a_service_port_carries_an_int_or_string_and_a_pointer_keeps_its_zero():
    target = field(1, 0) + field(2, 8080)
    named = field(1, 1) + field(3, b"http")
    ports = [field(1, field(3, 80) + field(4, target)), field(1, field(3, 81) + field(4, named))]
    spec = b"".join(ports) + field(18, 0)
    obj = protobuf.decode(envelope("v1", "Service", field(2, spec)))
    assert obj["spec"]["ports"] == [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "http"}]


def test_inlined_structs_and_quantities_and_times():
    volume = field(1, b"data") + field(2, field(2, field(2, field(1, b"1Gi"))))
    container = field(1, b"c") + field(8, field(1, field(1, b"cpu") + field(2, field(1, b"100m"))))
    created = field(1, b"p") + field(8, field(1, 1767225600))
    raw = field(1, created) + field(2, field(1, volume) + field(2, container))
    obj = protobuf.decode(envelope("v1", "Pod", raw))
    assert obj["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert obj["spec"]["volumes"] == [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}]
    assert obj["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "100m"}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"kind":"Pod"}', "does not appear to be a protobuf message"),
        (envelope("v1", "Nonsense", b""), 'no kind "Nonsense" is registered for version "v1"'),
        (envelope("v1", "Pod", b"\x0a\xff"), "not valid protobuf"),
        (envelope("v1", "ConfigMap", field(1, field(1, b"\xff"))), "not valid protobuf"),
        (protobuf.MAGIC + b"\xff\xff\xff", "not valid protobuf"),
    ],
    ids=["JSON", "unknown kind", "cut off", "bad UTF-8", "noise"],
)
def test_what_is_no_object_is_refused(data, message):
    with pytest.raises(protobuf.NotProtobuf, match=message):
        protobuf.decode(data)
