"""Compile `rpc.proto` anew: ``python -m kube_nb.etcd.proto`` (needs grpcio-tools)."""

from pathlib import Path

from grpc_tools import protoc

FOLDER = Path(__file__).parent


def main() -> int:
    descriptors = FOLDER / "rpc.binpb"
    options = [f"-I{FOLDER}", f"--descriptor_set_out={descriptors}", f"--pyi_out={FOLDER}"]
    failed = int(protoc.main(["protoc", *options, str(FOLDER / "rpc.proto")]))
    stub = FOLDER / "rpc_pb2.pyi"
    stub.write_text(stub.read_text().replace(", _Mapping]", ", _Mapping[str, object]]"))  # mypy wants to know of what
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
