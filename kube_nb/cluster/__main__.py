"""``python -m kube_nb.cluster`` is ``kube-nb``."""

from kube_nb.cluster.cli import main

main()
