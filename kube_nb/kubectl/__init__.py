"""kubectl as a library: a command line in, a `Result` out; nothing is printed and nothing is read from the terminal.

Guarantees: text and error texts are kubectl 1.32's own, column for column (``tests/kubectl/test_real_kubectl.py`` holds
some five hundred lines to the machine's kubectl); a refused command leaves what it was refused unchanged; `run` never
raises for what a command refuses. Everything goes through `kube_nb.client`, so the same verbs work on any cluster.

A line's way: `run` finds the `command.Command` in `verbs.registry` and reads its flags; the verb turns arguments and
files into `resources.Target`s (with the `mapper`, which knows what is served), asks the client, and prints through
`printers`, or in the words of `describe` and `explain`. Verbs that change something share `changes`. `completion`
offers what may come next on a line. Read `run`, then `verbs/scale.py`, the smallest whole verb.

Differs: ``--help`` is condensed. Objects that kubectl made itself print their JSON fields sorted, not in the order of
Go's structs. What needs a terminal, a local port or a build (port-forward, proxy, cp, debug, kustomize) says that it is
not there; so does apply's --prune, as an unknown flag.
"""

from kube_nb.kubectl.command import Session
from kube_nb.kubectl.completion import complete
from kube_nb.kubectl.mapper import Mapper
from kube_nb.kubectl.result import KubectlError, Result
from kube_nb.kubectl.run import run

__all__ = ["KubectlError", "Mapper", "Result", "Session", "complete", "run"]
