"""kubectl as a library: a command line in, a `Result` out; nothing is printed and nothing is read from the terminal.

Guarantees: text and error texts are kubectl's own, column for column; a refused command leaves what it was refused
unchanged; `run` never raises for what a command refuses. Everything goes through `kube_nb.client`, so the same verbs
work on any cluster.

A line's way: `run` finds the `command.Command` in `verbs.registry` and reads its flags; the verb turns arguments and
files into `resources.Target`s (with the `mapper`, which knows what is served), asks the client, and prints through
`printers`. Verbs that change something share `changes`. Read `run`, then `verbs/scale.py`, the smallest whole verb.
"""

from kube_nb.kubectl.command import Session
from kube_nb.kubectl.mapper import Mapper
from kube_nb.kubectl.result import KubectlError, Result
from kube_nb.kubectl.run import run

__all__ = ["KubectlError", "Mapper", "Result", "Session", "run"]
