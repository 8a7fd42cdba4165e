"""Who may: a chain of authorizers; the first that allows or denies decides, and if none does the answer is no.

Models apiserver pkg/authorization. Read `attributes` first, then `rbac`.
"""

from kube_nb.apiserver.authz.attributes import (
    ALLOW,
    ALWAYS_ALLOW,
    DENY,
    MASTERS,
    NO_OPINION,
    Access,
    Authorizer,
    Decision,
    Union,
    forbidden,
)

__all__ = [
    "ALLOW",
    "ALWAYS_ALLOW",
    "DENY",
    "MASTERS",
    "NO_OPINION",
    "Access",
    "Authorizer",
    "Decision",
    "Union",
    "forbidden",
]
