"""For twelve subjects and every verb on every resource, the answer is what the rules say, read plainly."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, PODS, Api, config_map, pod, serving

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
KNOWN, ACCOUNTS = "system:authenticated", "system:serviceaccounts"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "escalate")
NAMES = ("", "settings")
NAMESPACES = ("", "default", "other")
PATHS = ("/healthz", "/version", "/metrics", "/apis/apps/v1", "/logs", "/openapi/v2", "/", "/readyz/ping")


class Bound(NamedTuple):
    """A subject and what is bound to it: (role, namespace or "" for the whole cluster)."""

    user: User
    subject: Obj
    roles: tuple[tuple[str, str], ...]


def user(name: str, *groups: str) -> User:
    return User(name, (*groups, KNOWN))


def account(name: str, namespace: str = "default") -> User:
    return user(f"system:serviceaccount:{namespace}:{name}", ACCOUNTS, f"{ACCOUNTS}:{namespace}")


def named(kind: str, name: str) -> Obj:
    return {"kind": kind, "name": name, "apiGroup": GROUP}


def service_account(name: str) -> Obj:
    return {"kind": "ServiceAccount", "name": name, "namespace": "default"}


SUBJECTS = {
    "an admin of a namespace": Bound(user("ann"), named("User", "ann"), (("admin", "default"),)),
    "an editor of a namespace": Bound(user("ed"), named("User", "ed"), (("edit", "default"),)),
    "a viewer of the cluster": Bound(user("vi"), named("User", "vi"), (("view", ""),)),
    "a group's member": Bound(user("gus", "team"), named("Group", "team"), (("edit", "other"), ("view", ""))),
    "a cluster admin": Bound(user("root"), named("User", "root"), (("cluster-admin", ""),)),
    "a cluster admin of a namespace": Bound(user("nora"), named("User", "nora"), (("cluster-admin", "other"),)),
    "an account": Bound(account("robot"), service_account("robot"), (("one", "default"),)),
    "an account with rights elsewhere": Bound(account("far"), service_account("far"), (("one", "other"),)),
    "one with rights to subresources": Bound(user("sub"), named("User", "sub"), (("parts", ""),)),
    "the scheduler": Bound(user("system:kube-scheduler"), {}, ()),
    "somebody known": Bound(user("nobody"), {}, ()),
    "somebody unknown": Bound(User("system:anonymous", ("system:unauthenticated",)), {}, ()),
}
ROLES = {
    "one": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["settings"], "verbs": ["get", "patch"]}],
    "parts": [
        {"apiGroups": ["*"], "resources": ["*/scale", "pods/log"], "verbs": ["get", "update"]},
        {"nonResourceURLs": ["/metrics", "/logs*"], "verbs": ["get"]},
    ],
}


async def bind(api: Api) -> None:
    await api.create("/api/v1/namespaces", {"metadata": {"name": "other"}})
    for name, rules in ROLES.items():
        await api.create(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    for number, bound in enumerate(SUBJECTS.values()):
        for role, namespace in bound.roles:
            where = f"namespaces/{namespace}/rolebindings" if namespace else "clusterrolebindings"
            reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": role}
            body = {"metadata": {"name": f"{number}-{role}"}, "roleRef": reference, "subjects": [bound.subject]}
            await api.create(f"{RBAC}/{where}", body)


# -- the plain reading: loops over what GET shows, nothing of the server's own -----------------------------------------


class Rules:
    """Everything that is bound, as lists."""

    def __init__(self, roles: list[Obj], everywhere: list[Obj], local: list[Obj]) -> None:
        self.roles = {role["metadata"]["name"]: role.get("rules") or [] for role in roles}
        self.bindings = [("", binding) for binding in everywhere]
        self.bindings += [(binding["metadata"]["namespace"], binding) for binding in local]

    def of(self, who: User, namespace: str) -> Iterator[Obj]:
        if "system:masters" in who.groups:
            yield {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "nonResourceURLs": ["*"]}
        for where, binding in self.bindings:
            if where not in ("", namespace):
                continue
            for subject in binding.get("subjects") or []:
                if self.is_one(subject, who):
                    yield from self.roles[binding["roleRef"]["name"]]

    def is_one(self, subject: Obj, who: User) -> bool:
        if subject["kind"] == "User":
            return bool(subject["name"] == who.name)
        if subject["kind"] == "Group":
            return subject["name"] in who.groups
        return bool(f"system:serviceaccount:{subject['namespace']}:{subject['name']}" == who.name)

    def allow(
        self, who: User, verb: str, group: str, resource: str, subresource: str, namespace: str, name: str
    ) -> bool:
        whole = resource + ("/" + subresource if subresource else "")
        for rule in self.of(who, namespace):
            resources = rule.get("resources") or []
            if (
                ("*" in rule["verbs"] or verb in rule["verbs"])
                and ("*" in rule.get("apiGroups", []) or group in rule.get("apiGroups", []))
                and ("*" in resources or whole in resources or (subresource and "*/" + subresource in resources))
                and (not rule.get("resourceNames") or name in rule["resourceNames"])
            ):
                return True
        return False

    def allow_path(self, who: User, verb: str, path: str) -> bool:
        for rule in self.of(who, ""):
            if "*" in rule["verbs"] or verb in rule["verbs"]:
                for url in rule.get("nonResourceURLs") or []:
                    if url == path or (url.endswith("*") and path.startswith(url[:-1])):
                        return True
        return False


async def reading(api: Api) -> Rules:
    async def items(path: str) -> list[Obj]:
        return list((await api.get(f"{RBAC}/{path}"))["items"])

    return Rules(await items("clusterroles"), await items("clusterrolebindings"), await items("rolebindings"))


def resources(api: Api) -> list[tuple[str, str, str]]:
    """(group, resource, subresource) of all that is served."""
    found = []
    for resource in api.server.resources():
        kind = resource.kind
        found.append((kind.group, kind.plural, ""))
        found += [(kind.group, kind.plural, part.name) for part in kind.subresources]
    return sorted(set(found))


@pytest.mark.slow
async def test_every_answer_is_what_the_rules_say() -> None:
    from kube_nb.apiserver.authz import ALLOW, Access

    asked = allowed = 0
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        await bind(api)
        rules = await reading(api)
        for bound in SUBJECTS.values():
            for group, resource, part in resources(api):
                for verb in VERBS:
                    for namespace in NAMESPACES:
                        for name in NAMES if resource == "configmaps" else ("",):
                            access = Access(bound.user, verb, group, "v1", resource, part, namespace, name)
                            found = (await api.server.decide(access)).verdict == ALLOW
                            wanted = rules.allow(bound.user, verb, group, resource, part, namespace, name)
                            assert found is wanted, access
                            asked, allowed = asked + 1, allowed + found
            for path in PATHS:
                for verb in ("get", "post"):
                    found = (await api.server.decide(Access(bound.user, verb, path=path))).verdict == ALLOW
                    assert found is rules.allow_path(bound.user, verb, path), (bound.user, verb, path)
    assert asked > 30_000
    assert 0.1 < allowed / asked < 0.9


async def test_a_review_says_what_the_rules_say_and_a_request_gets() -> None:
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        await bind(api)
        rules = await reading(api)
        await api.create(CONFIG_MAPS, config_map())
        await api.create(PODS, pod())
        for bound in SUBJECTS.values():
            for path, verb, resource, name in (
                (CONFIG_MAPS, "list", "configmaps", ""),
                (f"{CONFIG_MAPS}/settings", "get", "configmaps", "settings"),
                (PODS, "list", "pods", ""),
                ("/api/v1/namespaces/default/secrets", "list", "secrets", ""),
            ):
                attributes = {"verb": verb, "resource": resource, "namespace": "default", "name": name}
                spec = {"user": bound.user.name, "groups": list(bound.user.groups), "resourceAttributes": attributes}
                told = (await api.create(REVIEWS, {"spec": spec}))["status"]["allowed"]
                status = (await api.ask("GET", path, user=bound.user)).status
                wanted = rules.allow(bound.user, verb, "", resource, "", "default", name)
                assert (told, status) == (wanted, 200 if wanted else 403), (bound.user.name, path)


async def test_the_list_of_ones_rights_is_what_the_rules_say() -> None:
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        await bind(api)
        rules = await reading(api)
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        for bound in SUBJECTS.values():
            if KNOWN not in bound.user.groups:
                continue
            status = (await api.ok("POST", path, {"spec": {"namespace": "default"}}, user=bound.user))["status"]
            fields = ("apiGroups", "resources", "resourceNames", "verbs")
            wanted = [
                {field: rule[field] for field in fields if rule.get(field)}
                for rule in rules.of(bound.user, "default")
                if rule.get("resources")
            ]
            assert {str(sorted(rule.items())) for rule in status["resourceRules"]} == {
                str(sorted(rule.items())) for rule in wanted
            }
            assert status["incomplete"] is False
