"""Who asks: certificates, tokens of three sorts, or nobody; and who may speak for somebody else.

Read `authenticator` first: `authenticate` asks one authenticator after the other. Models apiserver pkg/authentication.
"""

from kube_nb.apiserver.authn.authenticator import (
    ANONYMOUS,
    AUTHENTICATED,
    UNAUTHENTICATED,
    Authenticator,
    StaticTokens,
    authenticate,
    bearer_token,
)

__all__ = [
    "ANONYMOUS",
    "AUTHENTICATED",
    "UNAUTHENTICATED",
    "Authenticator",
    "StaticTokens",
    "authenticate",
    "bearer_token",
]
