"""Compile `rpc.proto` anew: ``python -m kube_nb.etcd.proto`` (needs grpcio-tools)."""

import re
from pathlib import Path

from grpc_tools import protoc

FOLDER = Path(__file__).parent


def main() -> int:
    descriptors = FOLDER / "rpc.binpb"
    options = [f"-I{FOLDER}", f"--descriptor_set_out={descriptors}", f"--pyi_out={FOLDER}"]
    failed = int(protoc.main(["protoc", *options, str(FOLDER / "rpc.proto")]))
    stub = FOLDER / "rpc_pb2.pyi"
    text = stub.read_text().replace(", _Mapping]", ", _Mapping[str, object]]")  # mypy wants to know of what
    stub.write_text(re.sub(r"_Union\[([\w.]+), str\]", r"_Union[\1, str, int]", text))  # an enum's number will do
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
