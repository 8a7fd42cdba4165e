"""etcd's messages on the wire: `rpc.proto` is the source, `rpc.binpb` its compiled form, `rpc_pb2` loads that.

The classes are made when first imported, by whatever protobuf runtime is installed; protoc's own Python output would
tie the package to one major version of it. `rpc_pb2.pyi` is protoc's, for type checkers.
"""
