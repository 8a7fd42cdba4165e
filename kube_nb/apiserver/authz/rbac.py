"""RBAC: a subject may do what the rules of the roles bound to it say, and nothing else.

Bindings are indexed by subject when something of RBAC has changed since the last question, so a question costs what
the subject's own rules cost. Models plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation.
"""

from collections.abc import Iterator
from typing import NamedTuple

from kube_nb.apiserver.authz.attributes import ALLOW, NO_OPINION, Access, Decision
from kube_nb.apiserver.cacher import Cacher
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj

_SERVICE_ACCOUNT = "system:serviceaccount:"


class Policies(NamedTuple):
    """Where roles and bindings are."""

    roles: Cacher
    role_bindings: Cacher
    cluster_roles: Cacher
    cluster_role_bindings: Cacher


class Grant(NamedTuple):
    """A role's rules in a namespace ("" is everywhere), and the binding that gives them."""

    namespace: str
    rules: tuple[Obj, ...]
    binding: str


class Rbac:
    """See the module's docstring."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._seen: tuple[int, ...] = ()
        self._grants: dict[tuple[str, str], list[Grant]] = {}
        #: Roles that bindings name and that are not there.
        self._missing: dict[str, str] = {}

    async def authorize(self, access: Access) -> Decision:
        for grant in self.grants(access.user):
            if grant.namespace and grant.namespace != access.namespace:
                continue
            if any(allows(rule, access) for rule in grant.rules):
                return Decision(ALLOW, f"RBAC: allowed by {grant.binding}")
        return Decision(NO_OPINION, "")

    def rules(self, user: User, namespace: str) -> Iterator[Obj]:
        """Every rule that holds for a user in a namespace."""
        for grant in self.grants(user):
            if not grant.namespace or grant.namespace == namespace:
                yield from grant.rules

    def grants(self, user: User) -> Iterator[Grant]:
        """What is bound to the user or to one of its groups."""
        self._refresh()
        grants = self._grants
        yield from grants.get(("User", user.name), ())
        for group in user.groups:
            yield from grants.get(("Group", group), ())

    def _refresh(self) -> None:
        seen = tuple(cacher.version for cacher in self._policies)
        if seen == self._seen:
            return
        self._seen = seen
        self._grants = {}
        for entry in self._policies.cluster_role_bindings.select():
            self._bind(entry.obj, "")
        for entry in self._policies.role_bindings.select():
            self._bind(entry.obj, entry.obj["metadata"]["namespace"])

    def _bind(self, binding: Obj, namespace: str) -> None:
        reference = binding.get("roleRef") or {}
        rules = self.role_rules(reference, namespace)
        if rules is None:
            return
        name = binding["metadata"]["name"]
        kind = binding["kind"]
        where = f'{kind} "{name}/{namespace}"' if namespace else f'{kind} "{name}"'
        grant = Grant(namespace, tuple(rules), f'{where} of {reference["kind"]} "{reference["name"]}"')
        for subject in binding.get("subjects") or ():
            self._grants.setdefault(_subject(subject, namespace), []).append(grant)

    def role_rules(self, reference: Obj, namespace: str) -> list[Obj] | None:
        """The rules of the role that a roleRef names; None if it is not there."""
        if reference.get("kind") == "ClusterRole":
            entry = self._policies.cluster_roles.get(str(reference.get("name")))
        else:
            entry = self._policies.roles.get(f"{namespace}/{reference.get('name')}")
        return None if entry is None else list(entry.obj.get("rules") or ())


def _subject(subject: Obj, namespace: str) -> tuple[str, str]:
    kind, name = str(subject.get("kind")), str(subject.get("name"))
    if kind == "ServiceAccount":
        return "User", f"{_SERVICE_ACCOUNT}{subject.get('namespace') or namespace}:{name}"
    return kind, name


def allows(rule: Obj, access: Access) -> bool:
    """Whether one PolicyRule covers a question. Models RuleAllows."""
    verbs = rule.get("verbs") or ()
    if access.verb not in verbs and "*" not in verbs:
        return False
    if not access.is_resource:
        return any(_covers_path(pattern, access.path) for pattern in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if access.group not in groups and "*" not in groups:
        return False
    names = rule.get("resourceNames") or ()
    if names and access.name not in names:
        return False
    return covers_resource(rule.get("resources") or (), access.resource, access.subresource)


def covers_resource(resources: tuple[str, ...] | list[str], resource: str, subresource: str) -> bool:
    """``pods``, ``pods/log``, ``*/log`` (that subresource of anything) or ``*``."""
    wanted = f"{resource}/{subresource}" if subresource else resource
    return "*" in resources or wanted in resources or (bool(subresource) and f"*/{subresource}" in resources)


def _covers_path(pattern: str, path: str) -> bool:
    if pattern == "*" or pattern == path:
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))
