"""The machine's kubectl as a function: a command line in, what it printed out; an unexpected exit code is an error."""

import contextlib
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: No command of a scenario may take longer, in wall seconds.
LIMIT_S = 30


#: A Deployment of two pods and its service.
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: "nginx:1.27", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""


@dataclass(frozen=True, slots=True)
class Printed:
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with a kubeconfig, in a namespace; without one, the flag is not given."""

    kubeconfig: Path
    namespace: str = ""

    def __call__(self, line: str, *, stdin: str = "", code: int = 0, **environment: str) -> Printed:
        done = subprocess.run(
            self.argv(line),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), **environment},
        )
        assert done.returncode == code, (
            f"kubectl {line}: exit code {done.returncode}\n{done.stdout}--- stderr\n{done.stderr}"
        )
        return Printed(done.stdout, done.stderr)

    def out(self, line: str, *, stdin: str = "", **environment: str) -> str:
        return self(line, stdin=stdin, **environment).out

    def refused(self, line: str, *, stdin: str = "", code: int = 1, **environment: str) -> str:
        """The error text of a command that has to fail."""
        return self(line, stdin=stdin, code=code, **environment).err

    @contextlib.contextmanager
    def start(self, line: str) -> "Iterator[subprocess.Popen[str]]":
        """A command that goes on, ended with the block; one that is silent for too long is ended, too."""
        with subprocess.Popen(
            self.argv(line),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        ) as process:
            limit = threading.Timer(LIMIT_S, process.kill)
            limit.start()
            try:
                yield process
            finally:
                limit.cancel()
                process.kill()

    def argv(self, line: str) -> list[str]:
        place = ["--namespace", self.namespace] if self.namespace else []
        return ["kubectl", *place, *shlex.split(line)]
