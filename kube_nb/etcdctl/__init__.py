"""etcdctl's verbs as a library: a command line and a backend in, text out; nothing here prints.

`command.run` gives a `Result` with the text that real etcdctl prints; `command.stream` gives the text piece by piece,
for what goes on until it is cancelled (watch, lease keep-alive). A verb is a module in `verbs`, an output form (``-w``)
one in `printers`. Everything goes through `etcd.backend.Backend`, so it works on the in-kernel store and remote ones.

Flags, texts and exit codes are those of etcdctl 3.4 to 3.6; read `command` first.
Differs: stderr does not carry the client library's retry warnings; ``watch -- COMMAND`` starts no processes.
"""

from kube_nb.etcdctl.command import run, stream, verb
from kube_nb.etcdctl.result import CommandError, Exit, Result

__all__ = ["CommandError", "Exit", "Result", "run", "stream", "verb"]
