"""Who asks: a chain of authenticators, the first that knows the caller wins.

Models apiserver pkg/authentication. Client certificates are read by `http`, which alone sees the socket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, User

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


class Authenticator(Protocol):
    """One way to know a caller."""

    async def authenticate(self, request: Request) -> User | None:
        """The caller; None if the request brings nothing that this authenticator knows."""


def bearer_token(request: Request) -> str:
    """The token of the Authorization header, "" if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class StaticTokens:
    """Tokens from a table. Models plugin/pkg/auth/authenticator/token/tokenfile."""

    def __init__(self, tokens: Mapping[str, User]) -> None:
        self.tokens = dict(tokens)

    async def authenticate(self, request: Request) -> User | None:
        return self.tokens.get(bearer_token(request))


async def authenticate(request: Request, authenticators: Sequence[Authenticator], *, anonymous: bool = True) -> User:
    """The caller, a member of system:authenticated if known; 401 for credentials that nobody knows."""
    user = request.user
    if user is None:
        for authenticator in authenticators:
            user = await authenticator.authenticate(request)
            if user is not None:
                break
    if user is None:
        if bearer_token(request) or not anonymous:
            raise errors.unauthorized()
        return ANONYMOUS
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))
