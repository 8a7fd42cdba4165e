"""Roles and bindings: nobody gives away what they do not have.

Models pkg/registry/rbac/{clusterrole,role,clusterrolebinding,rolebinding}/policybased.
"""

from typing import TYPE_CHECKING

from kube_nb.apiserver.authz import ALLOW, Access
from kube_nb.apiserver.authz.rbac import Rbac, covers_resource
from kube_nb.apiserver.strategies.plain import CreateOnUpdate
from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call

_GROUP = "rbac.authorization.k8s.io"


class Roles(CreateOnUpdate):
    """A role may hold the rules that its writer has, or any if the writer has the verb escalate."""

    async def begin_create(self, call: "Call", obj: Obj) -> Obj:
        if not await _may(call, "escalate", self.kind.plural, obj["metadata"]["name"]):
            _covered(call, obj.get("rules") or [], obj)
        return obj

    async def begin_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        return new if new.get("rules") == old.get("rules") else await self.begin_create(call, new)


class Bindings(CreateOnUpdate):
    """A binding may give a role whose rules its writer has, or that the writer may bind."""

    async def begin_create(self, call: "Call", obj: Obj) -> Obj:
        reference = obj.get("roleRef") or {}
        plural = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
        rbac = call.server.rbac
        if rbac is None or await _may(call, "bind", plural, reference.get("name", "")):
            return obj
        rules = rbac.role_rules(reference, call.info.namespace)
        if rules is None:
            raise errors.not_found(f"{plural}.{_GROUP}", reference.get("name", ""))
        _covered(call, rules, obj)
        return obj

    async def begin_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        return new if new.get("subjects") == old.get("subjects") else await self.begin_create(call, new)


async def _may(call: "Call", verb: str, plural: str, name: str) -> bool:
    if call.server.rbac is None or "system:masters" in call.user.groups:
        return True
    access = Access(call.user, verb, _GROUP, "v1", plural, namespace=call.info.namespace, name=name)
    return (await call.server.decide(access)).verdict == ALLOW


def _covered(call: "Call", wanted: list[Obj], obj: Obj) -> None:
    """403 that lists what the writer would give without having it."""
    rbac = call.server.rbac
    assert isinstance(rbac, Rbac)
    owned = list(rbac.rules(call.user, call.info.namespace))
    missing = [rule for rule in wanted if not all(any(_gives(own, part) for own in owned) for part in _parts(rule))]
    if missing:
        lines = "\n".join(_shown(rule) for rule in missing)
        why = (
            f'user "{call.user.name}" (groups={list(call.user.groups)!r}) is attempting to grant RBAC permissions not '
            f"currently held:\n{lines}"
        )
        raise errors.forbidden(call.info.group_resource, obj["metadata"]["name"], why.replace("'", '"'))


def _parts(rule: Obj) -> list[Obj]:
    """A rule as rules of one verb and one resource or path each."""
    paths = [
        {"verbs": [verb], "nonResourceURLs": [path]}
        for verb in rule["verbs"]
        for path in rule.get("nonResourceURLs") or ()
    ]
    return paths + [
        {"verbs": [verb], "apiGroups": [group], "resources": [resource], "resourceNames": names}
        for verb in rule["verbs"]
        for group in rule.get("apiGroups") or ()
        for resource in rule.get("resources") or ()
        for names in ([[name] for name in rule.get("resourceNames") or ()] or [[]])
    ]


def _gives(own: Obj, part: Obj) -> bool:
    verbs = own.get("verbs") or ()
    if "*" not in verbs and part["verbs"][0] not in verbs:
        return False
    if "nonResourceURLs" in part:
        path = part["nonResourceURLs"][0]
        return any(
            url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1]))
            for url in own.get("nonResourceURLs") or ()
        )
    groups, names = own.get("apiGroups") or (), own.get("resourceNames") or ()
    if "*" not in groups and part["apiGroups"][0] not in groups:
        return False
    if names and (not part["resourceNames"] or part["resourceNames"][0] not in names):
        return False
    resource, _, subresource = part["resources"][0].partition("/")
    return covers_resource(own.get("resources") or (), resource, subresource)


def _shown(rule: Obj) -> str:
    """As CompactString: ``{APIGroups:[""], Resources:["pods"], Verbs:["get"]}``."""
    titles = (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    )
    texts = [f"{title}:[{', '.join(map(_quoted, rule[field]))}]" for title, field in titles if rule.get(field)]
    return "{" + ", ".join(texts) + "}"


def _quoted(text: str) -> str:
    return f'"{text}"'
