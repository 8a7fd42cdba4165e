"""A real etcd for comparison: started on loopback in a temporary directory, gone afterwards."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

#: A place whose fsync costs nothing, where there is one.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


def require(*binaries: str) -> None:
    """Skip the test by name where a binary is missing; with KUBE_NB_NO_SKIP=1 that is an error."""
    missing = [binary for binary in binaries if shutil.which(binary) is None]
    if missing:
        reason = f"needs {', '.join(missing)} (Debian: etcd-server, etcd-client)"
        if os.environ.get("KUBE_NB_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    return port if port >= 10000 else free_port()


@contextlib.contextmanager
def etcd(peer_url: str | None = None, *flags: str, data_dir: "os.PathLike[str] | None" = None) -> Iterator[str]:
    """Run etcd; gives its client address. data_dir: where a disk is wanted whose fsync counts."""
    require("etcd", "etcdctl")
    client = f"http://127.0.0.1:{free_port()}"
    advertised = peer_url or f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="kube-nb-etcd-", dir=MEMORY) as folder:
        command = [
            "etcd",
            "--data-dir",
            os.fspath(data_dir or folder),
            "--listen-client-urls",
            client,
            "--advertise-client-urls",
            client,
        ]
        command += ["--listen-peer-urls", f"http://127.0.0.1:{free_port()}"]
        command += ["--initial-advertise-peer-urls", advertised, "--initial-cluster", f"default={advertised}"]
        command += ["--logger", "zap", "--log-level", "error", *flags]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_healthy(client, process)
            yield client
        finally:
            process.kill()
            process.wait()


def _wait_until_healthy(client: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(100):
        assert process.poll() is None, "etcd has ended"
        probe = ["etcdctl", "--endpoints", client, "endpoint", "health"]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        if subprocess.run(probe, capture_output=True, env=environment, check=False).returncode == 0:
            return
        time.sleep(0.05)  # noqa: TID251  # a real process starts in real time
    raise AssertionError("etcd does not get healthy")
