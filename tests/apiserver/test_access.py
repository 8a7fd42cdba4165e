"""Who asks and who may: service accounts' tokens, RBAC, node authorizer, reviews, impersonation."""

import asyncio

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, PODS, Api, config_map, pod, serving

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
BOB = User("bob", ("developers",))


def key() -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


async def token(api: Api, account: str = "robot", **spec: object) -> str:
    answer = await api.create(f"{ACCOUNTS}/{account}/token", {"spec": spec})
    return str(answer["status"]["token"])


async def who(api: Api, bearer: str) -> int:
    """The status of a question that any known caller may ask."""
    api.user = None
    try:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        response = await api.ask("POST", path, {}, headers={"authorization": f"Bearer {bearer}"})
        if response.status == 201:
            assert response.object()["status"]["userInfo"]["username"] == "system:serviceaccount:default:robot"
        return response.status
    finally:
        from tests.apiserver.serving import ADMIN

        api.user = ADMIN


async def test_a_token_speaks_for_its_account_until_it_expires() -> None:
    async with serving(service_account_key=key()) as api:
        await api.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        bearer = await token(api, expirationSeconds=600)
        assert await who(api, bearer) == 201
        assert await who(api, bearer[:-4] + "AAAA") == 401
        await asyncio.sleep(601)
        assert await who(api, bearer) == 401


async def test_a_token_dies_with_what_it_is_bound_to() -> None:
    async with serving(service_account_key=key()) as api:
        await api.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        await api.create(PODS, pod(serviceAccountName="robot"))
        bound = await token(api, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web"})
        free = await token(api)
        await api.ok("DELETE", f"{PODS}/web")
        assert (await who(api, bound), await who(api, free)) == (401, 201)
        await api.ok("DELETE", f"{ACCOUNTS}/robot")
        assert await who(api, free) == 401


async def test_a_token_lives_ten_minutes_at_least() -> None:
    async with serving(service_account_key=key()) as api:
        await api.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        status = await api.refused("POST", f"{ACCOUNTS}/robot/token", {"spec": {"expirationSeconds": 60}})
        assert "may not specify a duration less than 10 minutes" in status["message"]


async def test_a_pod_gets_its_accounts_token_mounted() -> None:
    async with serving(service_account_key=key()) as api:
        await api.create(ACCOUNTS, {"metadata": {"name": "default"}})
        spec = (await api.create(PODS, pod()))["spec"]
        (volume,), (mount,) = spec["volumes"], spec["containers"][0]["volumeMounts"]
        assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
        assert volume["name"].startswith("kube-api-access-")
        assert mount["name"] == volume["name"]
        assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
        bare = (await api.create(PODS, pod("bare", automountServiceAccountToken=False)))["spec"]
        assert "volumes" not in bare


async def test_a_pod_waits_a_second_for_its_default_account() -> None:
    async with serving(service_account_key=key()) as api:
        status = await api.refused("POST", PODS, pod())
        assert status["message"] == (
            'pods "web" is forbidden: error looking up service account default/default: serviceaccount "default" not '
            "found"
        )
        assert asyncio.get_running_loop().time() == pytest.approx(0.9)


def binding(role: str, subject: Obj, kind: str = "ClusterRole") -> Obj:
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": "binding"},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [subject],
    }


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        pytest.param({"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}, BOB, id="a user"),
        pytest.param(
            {"kind": "Group", "name": "developers", "apiGroup": "rbac.authorization.k8s.io"}, BOB, id="a group"
        ),
        pytest.param(
            {"kind": "ServiceAccount", "name": "robot", "namespace": "default"},
            User("system:serviceaccount:default:robot", ("system:serviceaccounts",)),
            id="a service account",
        ),
    ],
)
async def test_a_binding_gives_a_role_in_its_namespace_only(subject: Obj, user: User) -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        assert (await api.refused("GET", PODS, user=user))["reason"] == "Forbidden"
        await api.create(f"{RBAC}/namespaces/default/rolebindings", binding("view", subject))
        await api.ok("GET", PODS, user=user)
        assert (await api.refused("GET", "/api/v1/pods", user=user))["code"] == 403
        assert (await api.refused("GET", "/api/v1/namespaces/kube-system/pods", user=user))["code"] == 403
        assert (await api.refused("POST", PODS, pod(), user=user))["code"] == 403
        await api.ok("DELETE", f"{RBAC}/namespaces/default/rolebindings/binding")
        assert (await api.refused("GET", PODS, user=user))["code"] == 403


async def test_a_resource_name_limits_a_rule() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["settings"], "verbs": ["get"]}
        await api.create(f"{RBAC}/namespaces/default/roles", {"metadata": {"name": "one"}, "rules": [rule]})
        subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
        await api.create(f"{RBAC}/namespaces/default/rolebindings", binding("one", subject, "Role"))
        await api.create(CONFIG_MAPS, config_map())
        await api.create(CONFIG_MAPS, config_map("other"))
        await api.ok("GET", f"{CONFIG_MAPS}/settings", user=BOB)
        assert (await api.refused("GET", f"{CONFIG_MAPS}/other", user=BOB))["code"] == 403
        assert (await api.refused("GET", CONFIG_MAPS, user=BOB))["code"] == 403


async def test_nobody_gives_away_what_they_do_not_have() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
        await api.create(f"{RBAC}/namespaces/default/rolebindings", binding("admin", subject))
        rule = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["delete"]}
        role = {"metadata": {"name": "more"}, "rules": [rule]}
        status = await api.refused("POST", f"{RBAC}/namespaces/default/roles", role, user=BOB)
        assert 'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""]' in status["message"]
        less = {"metadata": {"name": "less"}, "rules": [{**rule, "resources": ["pods"]}]}
        await api.ok("POST", f"{RBAC}/namespaces/default/roles", less, user=BOB)


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        pytest.param("list", "pods", True, id="what the role has"),
        pytest.param("delete", "pods", False, id="what it has not"),
    ],
)
async def test_a_review_answers_as_a_request_would(verb: str, resource: str, allowed: bool) -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
        await api.create(f"{RBAC}/namespaces/default/rolebindings", binding("view", subject))
        user = User("bob", ("system:authenticated",))
        spec = {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "default"}}
        review = await api.ok("POST", REVIEWS, {"spec": spec}, user=user)
        assert review["status"]["allowed"] is allowed


async def test_a_node_reads_what_its_pods_name() -> None:
    async with serving(authorization_modes=("Node", "RBAC")) as api:
        node = User("system:node:node-1", ("system:nodes",))
        await api.create(CONFIG_MAPS, config_map())
        await api.create(CONFIG_MAPS, config_map("other"))
        volumes = [{"name": "v", "configMap": {"name": "settings"}}]
        await api.create(PODS, pod(nodeName="node-1", volumes=volumes))
        await api.ok("GET", f"{CONFIG_MAPS}/settings", user=node)
        assert (await api.refused("GET", f"{CONFIG_MAPS}/other", user=node))["code"] == 403
        other = User("system:node:node-2", ("system:nodes",))
        assert (await api.refused("GET", f"{CONFIG_MAPS}/settings", user=other))["code"] == 403


async def test_only_who_may_impersonate_does() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        headers = {"impersonate-user": "bob"}
        status = await api.refused("GET", PODS, headers=headers)
        assert 'User "bob" cannot list resource "pods"' in status["message"]
        status = await api.refused("GET", PODS, headers={"impersonate-user": "admin"}, user=BOB)
        assert 'User "bob" cannot impersonate resource "users"' in status["message"]


TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


async def review(api: Api, bearer: str, *audiences: str) -> Obj:
    status: Obj = (await api.create(TOKEN_REVIEWS, {"spec": {"token": bearer, "audiences": list(audiences)}}))["status"]
    return status


async def test_a_review_tells_whom_a_token_is_for() -> None:
    async with serving(service_account_key=key()) as api:
        await api.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        bearer = await token(api, audiences=["vault", "other"])
        assert await who(api, bearer) == 401
        assert (await review(api, bearer))["error"] == "invalid bearer token"
        assert "authenticated" not in await review(api, bearer, "nobody")
        found = await review(api, bearer, "vault", "nobody")
        assert (found["authenticated"], found["audiences"]) == (True, ["vault"])
        assert found["user"]["username"] == "system:serviceaccount:default:robot"


async def test_a_pods_token_knows_its_node_and_outlives_its_deletion_by_a_minute() -> None:
    async with serving(service_account_key=key()) as api:
        await api.create("/api/v1/nodes", {"metadata": {"name": "node-1"}})
        await api.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        await api.create(PODS, pod(serviceAccountName="robot", nodeName="node-1"))
        bearer = await token(api, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web"})
        extra = (await review(api, bearer))["user"]["extra"]
        assert extra["authentication.kubernetes.io/node-name"] == ["node-1"]
        assert extra["authentication.kubernetes.io/pod-name"] == ["web"]
        await api.ok("DELETE", f"{PODS}/web", gracePeriodSeconds="30")
        await asyncio.sleep(85)
        assert await who(api, bearer) == 201
        await asyncio.sleep(10)
        assert await who(api, bearer) == 401


async def test_a_pods_token_reads_nothing_that_it_was_not_given() -> None:
    async with serving(service_account_key=key(), authorization_modes=("Node", "RBAC")) as api:
        await api.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        await api.create(PODS, pod(serviceAccountName="robot"))
        bearer = await token(api, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web"})
        headers = {"authorization": f"Bearer {bearer}"}
        api.user = None
        for resource in api.server.resources():
            kind = resource.kind
            for namespace in {"default", None} if kind.namespaced else {None}:
                for verb in ("list", "get"):
                    path = kind.gvr.path(namespace, "web" if verb == "get" else None)
                    if verb in kind.verbs and (verb == "list" or namespace or not kind.namespaced):
                        assert (await api.ask("GET", path, headers=headers)).status == 403, path
        assert (await api.ask("GET", "/api/v1", headers=headers)).status == 200


def bootstrap_secret(**data: str) -> Obj:
    import base64

    fields = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:workers",
        **{name.replace("_", "-"): value for name, value in data.items()},
    }
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in fields.items()}
    return {"metadata": {"name": "bootstrap-token-abcdef"}, "type": "bootstrap.kubernetes.io/token", "data": encoded}


@pytest.mark.parametrize(
    ("data", "known"),
    [
        pytest.param({}, True, id="as it must be"),
        pytest.param({"usage_bootstrap_authentication": "false"}, False, id="not for authentication"),
        pytest.param({"token_secret": "fedcba9876543210"}, False, id="another secret"),
        pytest.param({"expiration": "2000-01-01T00:00:00Z"}, False, id="expired"),
        pytest.param({"expiration": "2100-01-01T00:00:00Z"}, True, id="not yet expired"),
        pytest.param({"expiration": "soon"}, False, id="a time that is none"),
        pytest.param({"auth_extra_groups": "system:masters"}, False, id="a group that is no bootstrapper's"),
    ],
)
async def test_a_bootstrap_token_lets_a_node_in(data: dict[str, str], known: bool) -> None:
    async with serving() as api:
        await api.create("/api/v1/namespaces/kube-system/secrets", bootstrap_secret(**data))
        found = await review(api, "abcdef.0123456789abcdef")
        assert ("authenticated" in found) is known
        if known:
            groups = ["system:bootstrappers", "system:bootstrappers:workers", "system:authenticated"]
            assert (found["user"]["username"], found["user"]["groups"]) == ("system:bootstrap:abcdef", groups)
