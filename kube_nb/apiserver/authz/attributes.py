"""What an authorizer is asked and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kube_nb.apiserver.authz import selectors
from kube_nb.apiserver.authz.selectors import Selectors
from kube_nb.apiserver.requestinfo import RequestInfo
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, User

#: The group whose members may everything.
MASTERS = "system:masters"
ALLOW, DENY, NO_OPINION = "allow", "deny", "no opinion"


@dataclass(frozen=True, slots=True)
class Access:
    """One question. Models authorizer.Attributes. path: for what is no resource. selectors: which of the
    objects it is limited to; an authorizer may look at them."""

    user: User
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    selectors: Selectors = selectors.NONE

    @classmethod
    def of(cls, info: RequestInfo, user: User, request: Request) -> "Access":
        """A list whose field selector asks for one name is an access to that name, as upstream's RequestInfo says."""
        if not info.is_resource:
            return cls(user, info.verb, path=info.path)
        found = selectors.of_request(request, info.verb)
        return cls(
            user,
            info.verb,
            info.group,
            info.version,
            info.resource,
            info.subresource,
            info.namespace,
            info.name or found.name,
            selectors=found,
        )

    @property
    def is_resource(self) -> bool:
        return not self.path


class Decision(NamedTuple):
    """verdict: ALLOW, DENY or NO_OPINION."""

    verdict: str
    reason: str = ""


class Authorizer(Protocol):
    """One authority."""

    async def authorize(self, access: Access) -> Decision: ...


class _AlwaysAllow:
    """Models --authorization-mode=AlwaysAllow."""

    async def authorize(self, access: Access) -> Decision:
        return Decision(ALLOW)


ALWAYS_ALLOW: Authorizer = _AlwaysAllow()


class Union:
    """Asks one authority after the other. The group system:masters passes without being asked for reasons."""

    def __init__(self, authorizers: Sequence[Authorizer]) -> None:
        self.authorizers = tuple(authorizers)

    async def authorize(self, access: Access) -> Decision:
        if MASTERS in access.user.groups:
            return Decision(ALLOW)
        reasons = []
        for authorizer in self.authorizers:
            decision = await authorizer.authorize(access)
            if decision.verdict != NO_OPINION:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(NO_OPINION, ", ".join(reasons))


def forbidden(access: Access, reason: str) -> errors.ApiError:
    """403 with upstream's sentence. Models responsewriters.ForbiddenStatusError."""
    why = f'User "{access.user.name}" cannot {access.verb} '
    if not access.is_resource:
        text = f'forbidden: {why}path "{access.path}"' + (f": {reason}" if reason else "")
        return errors.ApiError(403, "Forbidden", text, {})
    resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
    why += f'resource "{resource}" in API group "{access.group}"'
    why += f' in the namespace "{access.namespace}"' if access.namespace else " at the cluster scope"
    if reason:
        why += f": {reason}"
    group_resource = f"{access.resource}.{access.group}" if access.group else access.resource
    return errors.forbidden(group_resource, access.name, why)
