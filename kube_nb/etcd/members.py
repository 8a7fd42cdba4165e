"""Members and the identities that etcd derives from their addresses.

Models server/etcdserver/api/membership/{member,cluster}.go.
"""

import hashlib
from collections.abc import Iterable

from kube_nb.etcd.backend import Member

#: --initial-cluster-token.
CLUSTER_TOKEN = "etcd-cluster"


def new(name: str, peer_urls: Iterable[str], client_urls: Iterable[str] = (), *, token: str = CLUSTER_TOKEN) -> Member:
    """A founding member; its id is a hash of its peer addresses and the cluster's token."""
    peers = tuple(sorted(peer_urls))
    digest = hashlib.sha1(("".join(peers) + token).encode(), usedforsecurity=False).digest()
    return Member(int.from_bytes(digest[:8], "big"), name, peers, tuple(client_urls))


def cluster_id(founders: Iterable[Member]) -> int:
    """A hash of the founding members' ids."""
    ids = sorted(member.id for member in founders)
    digest = hashlib.sha1(b"".join(id.to_bytes(8, "big") for id in ids), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big")
