"""ABAC: policies from a file, one JSON object a line, as --authorization-policy-file has them.

Models pkg/auth/authorizer/abac.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from kube_nb.apiserver.authz.attributes import ALLOW, NO_OPINION, Access, Decision
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj

API_VERSION = "abac.authorization.kubernetes.io/v1beta1"
_READS = ("get", "list", "watch")


class Abac:
    """Allows what any of its policies allows. policies: the ``spec`` of each."""

    def __init__(self, policies: Sequence[Obj]) -> None:
        self.policies = tuple(policies)

    @classmethod
    def of(cls, text: str) -> "Abac":
        """From a policy file's text. ValueError that names the line of a policy that is none."""
        policies = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            try:
                policy: Any = orjson.loads(line)
            except ValueError as error:
                raise ValueError(f"error reading policy file, line {number}: {error}") from None
            if not isinstance(policy, dict) or policy.get("apiVersion") != API_VERSION:
                raise ValueError(f"error reading policy file, line {number}: it is no {API_VERSION} Policy")
            policies.append(policy.get("spec") or {})
        return cls(policies)

    async def authorize(self, access: Access) -> Decision:
        allowed = any(_subject(policy, access.user) and _matches(policy, access) for policy in self.policies)
        return Decision(ALLOW) if allowed else Decision(NO_OPINION, "No policy matched.")


def _subject(policy: Obj, user: User) -> bool:
    """A policy names a user, a group, or both; ``*`` is everybody who is known."""
    name, group = policy.get("user", ""), policy.get("group", "")
    known = "system:authenticated" in user.groups
    if not name and not group:
        return False
    return (not name or name == user.name or (name == "*" and known)) and (
        not group or group in user.groups or (group == "*" and known)
    )


def _matches(policy: Obj, access: Access) -> bool:
    if policy.get("readonly") and access.verb not in _READS:
        return False
    if not access.is_resource:
        path = policy.get("nonResourcePath", "")
        return path in ("*", access.path) or (path.endswith("*") and access.path.startswith(path[:-1]) and path != "")
    wanted = (("namespace", access.namespace), ("resource", access.resource), ("apiGroup", access.group))
    return all(policy.get(field, "") in ("*", value) for field, value in wanted)
