"""Models test/e2e/auth/service_accounts.go."""

import jwt
import pytest
import urllib3

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused

_OWN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@conformance(
    "[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer [Conformance]"
)
def test_a_pod_can_verify_its_token_by_what_the_issuer_publishes(kube: Kube) -> None:
    own, token = _tokens_of_a_pod(kube)
    configuration = kube.client.configuration
    with urllib3.PoolManager(ca_certs=configuration.ssl_ca_cert) as pool:  # as the pod asks: by its own token alone

        def fetch(path: str) -> dict:
            headers = {"authorization": f"Bearer {own}"}
            answer = pool.request("GET", configuration.host + path, headers=headers, timeout=10)
            assert answer.status == 200, answer.data
            return answer.json()

        document, keys = fetch("/.well-known/openid-configuration"), fetch("/openid/v1/jwks")["keys"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert document["issuer"] == claims["iss"]
    assert document["response_types_supported"] == ["id_token"]
    assert document["subject_types_supported"] == ["public"]
    assert document["jwks_uri"].endswith("/openid/v1/jwks")
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == kid))
    algorithms = document["id_token_signing_alg_values_supported"]
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}  # cluster time is not this machine's
    verified = jwt.decode(
        token, key, algorithms=algorithms, audience="oidc-discovery-test", issuer=document["issuer"], options=options
    )
    assert verified["sub"] == f"system:serviceaccount:{kube.namespace}:default"
    assert verified["kubernetes.io"]["pod"]["name"] == "oidc-discovery-validator"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(_tampered(token), key, algorithms=algorithms, audience="oidc-discovery-test", options=options)


def _tokens_of_a_pod(kube: Kube) -> tuple[str, str]:
    """What a pod finds: its own token for the API, and one for the audience of its projected volume."""
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600, "audience": "oidc-discovery-test"}}
    volume = {"name": "sa-token", "projected": {"sources": [source]}}
    mount = {"name": "sa-token", "mountPath": "/var/run/secrets/tokens", "readOnly": True}
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", f"cat {_OWN}; echo; cat /var/run/secrets/tokens/token"],
    }
    spec = {"restartPolicy": "Never", "volumes": [volume], "containers": [{**container, "volumeMounts": [mount]}]}
    pod = {"metadata": {"name": "oidc-discovery-validator"}, "spec": spec}
    kube.core.create_namespaced_pod(kube.namespace, pod)
    kube.until(kube.core.list_namespaced_pod, lambda event: event.object.status.phase == "Succeeded", kube.namespace)
    own, token = kube.core.read_namespaced_pod_log("oidc-discovery-validator", kube.namespace).split()
    return own, token


def _tampered(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"


@conformance("[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]")
def test_account_and_pod_decide_whether_a_token_is_mounted(kube: Kube) -> None:
    accounts = Operations(kube.core, "service_account", kube.namespace)
    for name, mounts in (("default-mount", None), ("mount", True), ("no-mount", False)):
        body = {"metadata": {"name": name}}
        accounts.create(body if mounts is None else {**body, "automountServiceAccountToken": mounts})
    wanted = {
        ("default-mount", None): True,
        ("default-mount", True): True,
        ("default-mount", False): False,
        ("mount", None): True,
        ("mount", True): True,
        ("mount", False): False,
        ("no-mount", None): False,
        ("no-mount", True): True,
        ("no-mount", False): False,
    }
    assert {case: _mounts(kube, *case) for case in wanted} == wanted


def _mounts(kube: Kube, account: str, of_pod: bool | None) -> bool:
    spec = {"serviceAccountName": account, "containers": [{"name": "main", "image": "nginx"}]}
    if of_pod is not None:
        spec["automountServiceAccountToken"] = of_pod
    pod = kube.core.create_namespaced_pod(kube.namespace, {"metadata": {"generateName": "pod-"}, "spec": spec})
    mounts = [mount.mount_path for mount in pod.spec.containers[0].volume_mounts or ()]
    return _OWN.removesuffix("/token") in mounts


@conformance(
    "[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]"
)
def test_a_requested_token_is_reviewed_as_its_account(kube: Kube) -> None:
    account = kube.core.create_namespaced_service_account(kube.namespace, {"metadata": {"name": "e2e-sa"}})
    request = {"spec": {"audiences": [], "expirationSeconds": 3600}}
    made = kube.core.create_namespaced_service_account_token("e2e-sa", kube.namespace, request)
    assert made.status.token
    assert made.status.expiration_timestamp is not None
    review = kube.authentication.create_token_review({"spec": {"token": made.status.token}})
    assert review.status.error in (None, "")
    assert review.status.authenticated is True
    assert review.status.user.username == f"system:serviceaccount:{kube.namespace}:e2e-sa"
    assert review.status.user.uid == account.metadata.uid
    assert {"system:serviceaccounts", f"system:serviceaccounts:{kube.namespace}"} <= set(review.status.user.groups)
    review = kube.authentication.create_token_review({"spec": {"token": _tampered(made.status.token)}})
    assert not review.status.authenticated


@conformance("[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]")
def test_every_namespace_has_the_root_certificate(kube: Kube) -> None:
    maps = Operations(kube.core, "config_map", kube.namespace)
    kube.settle()
    original = maps.read("kube-root-ca.crt").data
    assert original["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    maps.delete("kube-root-ca.crt")
    kube.settle()
    found = maps.read("kube-root-ca.crt")
    assert found.data == original
    found.data = {"ca.crt": ""}
    maps.replace("kube-root-ca.crt", found)
    kube.settle()
    assert maps.read("kube-root-ca.crt").data == original


@conformance("[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]")
def test_an_account_lives_and_its_watch_tells(kube: Kube) -> None:
    accounts = Operations(kube.core, "service_account", kube.namespace)
    select = {"label_selector": "test-serviceaccount-static=true"}
    labels = {"test-serviceaccount-static": "true"}
    with kube.watch(kube.core.list_namespaced_service_account, kube.namespace, **select) as events:
        accounts.create({"metadata": {"name": "testserviceaccount", "labels": labels}})
        assert str(events.next()) == "ADDED testserviceaccount"
        assert accounts.read("testserviceaccount").metadata.labels == labels
        accounts.patch("testserviceaccount", {"automountServiceAccountToken": False})
        event = events.next()
        assert (event.type, event.object.automount_service_account_token) == ("MODIFIED", False)
        everywhere = kube.core.list_service_account_for_all_namespaces(**select).items
        assert [(item.metadata.name, item.automount_service_account_token) for item in everywhere] == [
            ("testserviceaccount", False)
        ]
        accounts.delete_collection(**select)
        assert str(events.next()) == "DELETED testserviceaccount"
    with refused(404):
        accounts.read("testserviceaccount")


@conformance("[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]")
def test_an_accounts_update_sticks(kube: Kube) -> None:
    accounts = Operations(kube.core, "service_account", kube.namespace)
    made = accounts.create({"metadata": {"name": "e2e-sa"}, "automountServiceAccountToken": False})
    assert made.automount_service_account_token is False
    made.automount_service_account_token = True
    accounts.replace("e2e-sa", made)
    assert accounts.read("e2e-sa").automount_service_account_token is True
