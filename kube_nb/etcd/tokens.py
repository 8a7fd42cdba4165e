"""Tokens that say who calls, for a while after a login. Models server/auth/simple_token.go."""

import string
from dataclasses import dataclass

from kube_nb.etcd import auth
from kube_nb.machinery.clock import Clock

#: --auth-token-ttl; each use starts it anew.
TTL_S = 300.0
_LETTERS = string.ascii_letters


@dataclass(slots=True)
class _Token:
    name: str
    expires_s: float


class Tokens:
    """The tokens of one member; another one's are not known here, as with etcd's simple tokens."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stream = clock.stream("etcd/auth")
        self._tokens: dict[str, _Token] = {}

    def issue(self, name: str) -> str:
        now_s = self._clock.time()
        self._tokens = {text: token for text, token in self._tokens.items() if token.expires_s > now_s}
        text = "".join(self._stream.choice(_LETTERS) for _ in range(16))
        self._tokens[text] = _Token(name, now_s + TTL_S)
        return text

    def name(self, text: str) -> str:
        """Whose token it is; InvalidAuthToken if nobody's, or no longer."""
        token = self._tokens.get(text)
        if token is None or token.expires_s <= self._clock.time():
            raise auth.InvalidAuthToken
        token.expires_s = self._clock.time() + TTL_S
        return token.name

    def hashed(self, password: str) -> str:
        return auth.hashed(password, self._stream.randbytes(16))
