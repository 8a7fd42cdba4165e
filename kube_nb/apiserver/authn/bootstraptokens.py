"""Bootstrap tokens: secrets of kube-system that let a new node in until they expire.

``abcdef.0123456789abcdef`` is the user ``system:bootstrap:abcdef`` if the secret ``bootstrap-token-abcdef`` says so.
Models plugin/pkg/auth/authenticator/token/bootstrap and cluster-bootstrap/token/util.
"""

import base64
import binascii
import hmac
import re
from typing import TYPE_CHECKING

from kube_nb.apiserver import authn
from kube_nb.machinery import objects, times
from kube_nb.machinery.exchange import Request, User
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
TYPE = "bootstrap.kubernetes.io/token"
GROUP = "system:bootstrappers"


class BootstrapTokens:
    """See the module's docstring."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    async def authenticate(self, request: Request) -> User | None:
        found = _TOKEN.fullmatch(authn.bearer_token(request))
        if found is None:
            return None
        identity, secret = found.groups()
        entry = self._server.cacher("secrets").get(f"kube-system/bootstrap-token-{identity}")
        if entry is None or entry.obj.get("type") != TYPE or objects.is_deleting(entry.obj):
            return None
        data = _decoded(entry.obj)
        if data.get("token-id") != identity or not hmac.compare_digest(data.get("token-secret", ""), secret):
            return None
        if data.get("usage-bootstrap-authentication") != "true" or self._has_expired(data):
            return None
        groups = _groups(data)
        return None if groups is None else User(f"system:bootstrap:{identity}", (GROUP, *groups))

    def _has_expired(self, data: dict[str, str]) -> bool:
        """Whether the time is over; one that cannot be read is."""
        text = data.get("expiration")
        if not text:
            return False
        try:
            return times.parse(text) < self._server.clock.now()
        except ValueError:
            return True


def _groups(data: dict[str, str]) -> list[str] | None:
    """The extra groups; None if one of them is not a bootstrapper's."""
    groups = [group for group in data.get("auth-extra-groups", "").split(",") if group]
    return groups if all(_GROUP.fullmatch(group) for group in groups) else None


def _decoded(secret: Obj) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (secret.get("data") or {}).items():
        try:
            found[name] = base64.b64decode(value).decode("ascii")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue  # no token is written so
    return found
