"""(map to follow)"""

from kube_nb.apiserver.server import ApiServer

__all__ = ["ApiServer"]
