"""Groups that other servers serve: `apiservices` knows them and whether they answer, `forwarding` sends requests there.

Models kube-aggregator.
"""

from kube_nb.apiserver.aggregation.forwarding import Program, forward, identity, of, proxy

__all__ = ["Program", "forward", "identity", "of", "proxy"]
