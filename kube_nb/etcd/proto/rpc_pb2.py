"""The message classes of `rpc.proto`, made from its compiled descriptors; `rpc_pb2.pyi` lists them."""

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FILES = descriptor_pb2.FileDescriptorSet.FromString((Path(__file__).parent / "rpc.binpb").read_bytes())
_POOL = descriptor_pool.DescriptorPool()
for _file in _FILES.file:
    _POOL.Add(_file)
    for _message in _file.message_type:
        _descriptor = _POOL.FindMessageTypeByName(f"{_file.package}.{_message.name}")
        globals()[_message.name] = message_factory.GetMessageClass(_descriptor)
