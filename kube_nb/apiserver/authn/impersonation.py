"""Impersonation: who may says who the request is from (kubectl --as, --as-group).

Models apiserver pkg/endpoints/filters/impersonation.
"""

from typing import TYPE_CHECKING

from kube_nb.apiserver import authn
from kube_nb.apiserver.authz import ALLOW, Access, forbidden
from kube_nb.machinery.exchange import Request, User

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

_SERVICE_ACCOUNT = "system:serviceaccount:"
_EXTRA = "impersonate-extra-"


async def impersonated(server: "ApiServer", request: Request, user: User) -> User:
    """The user that the headers name; 403 unless `user` may impersonate it and each of its groups."""
    name = request.headers["impersonate-user"]
    groups = [group.strip() for group in request.headers.get("impersonate-group", "").split(",") if group.strip()]
    await _check(server, _question(user, name))
    for group in groups:
        await _check(server, Access(user, "impersonate", resource="groups", name=group))
    uid = request.headers.get("impersonate-uid", "")
    if uid:
        await _check(server, Access(user, "impersonate", "authentication.k8s.io", resource="uids", name=uid))
    return User(name, (*groups, *_implied(name, groups)), uid, _extra(request))


def _question(user: User, name: str) -> Access:
    if name.startswith(_SERVICE_ACCOUNT):
        namespace, _, account = name.removeprefix(_SERVICE_ACCOUNT).partition(":")
        return Access(user, "impersonate", resource="serviceaccounts", namespace=namespace, name=account)
    return Access(user, "impersonate", resource="users", name=name)


async def _check(server: "ApiServer", access: Access) -> None:
    decision = await server.decide(access)
    if decision.verdict != ALLOW:
        raise forbidden(access, decision.reason)


def _implied(name: str, groups: list[str]) -> list[str]:
    """Groups that come with being somebody at all."""
    implied = []
    if name.startswith(_SERVICE_ACCOUNT) and not groups:
        namespace = name.removeprefix(_SERVICE_ACCOUNT).partition(":")[0]
        implied = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    if name == authn.ANONYMOUS.name:
        return [*implied, authn.UNAUTHENTICATED]
    return [*implied, *([] if authn.AUTHENTICATED in groups else [authn.AUTHENTICATED])]


def _extra(request: Request) -> dict[str, list[str]]:
    return {key.removeprefix(_EXTRA): [value] for key, value in request.headers.items() if key.startswith(_EXTRA)}
