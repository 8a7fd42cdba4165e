"""Secrets of type kubernetes.io/service-account-token: filled in, good as bearer tokens, gone with their account."""

import base64
import contextlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kube_nb.api import resources
from kube_nb.apiserver.authn.tokens import ServiceAccountTokens, SigningKey
from kube_nb.controllers import Options
from kube_nb.machinery import objects
from kube_nb.machinery.exchange import Request
from tests.controllers.simulation import cluster

CONTROLLER = "serviceaccount-token-controller"
CA = "a certificate"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


@contextlib.asynccontextmanager
async def tokens():
    """A cluster with the controller, and whoever verifies its tokens at the server."""
    private = ec.generate_private_key(ec.SECP256R1())
    encoding, format = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = private.private_bytes(encoding, format, serialization.NoEncryption())
    async with cluster(CONTROLLER, options=Options(root_ca=CA, token=SigningKey(key).legacy)) as c:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
        await c.client.create(resources.SERVICE_ACCOUNTS, account, "default")
        yield c, ServiceAccountTokens(c.server, key)


async def make(c, name="held", **annotations):
    metadata = {"name": name, "annotations": {NAME: "robot", **annotations}}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": metadata}
    await c.client.create(resources.SECRETS, secret, "default")
    await c.settle()
    return await c.find(resources.SECRETS, name)


def token_of(secret):
    return base64.b64decode(secret["data"]["token"]).decode()


async def speaker(verifier, bearer):
    headers = {"authorization": f"Bearer {bearer}"}
    user = await verifier.authenticate(Request("GET", "/", {}, headers))
    return None if user is None else user.name


async def test_a_secret_gets_its_accounts_token_and_what_goes_with_it():
    async with tokens() as (c, verifier):
        secret = await make(c)
        account = await c.get(resources.SERVICE_ACCOUNTS, "robot")
        assert objects.annotations(secret) == {NAME: "robot", UID: objects.uid(account)}
        data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        bearer = data.pop("token")
        assert data == {"ca.crt": CA, "namespace": "default"}
        assert verifier.verify(bearer) == {
            "iss": "kubernetes/serviceaccount",
            "kubernetes.io/serviceaccount/namespace": "default",
            "kubernetes.io/serviceaccount/secret.name": "held",
            "kubernetes.io/serviceaccount/service-account.name": "robot",
            "kubernetes.io/serviceaccount/service-account.uid": objects.uid(account),
            "sub": "system:serviceaccount:default:robot",
        }
        await c.until(c.now_s + 7200)
        assert await speaker(verifier, bearer) == "system:serviceaccount:default:robot"


async def test_a_token_dies_with_its_secret():
    async with tokens() as (c, verifier):
        bearer = token_of(await make(c))
        await c.client.delete(resources.SECRETS, "held", "default")
        assert await speaker(verifier, bearer) is None
        await c.settle()
        second = token_of(await make(c, "second"))
        assert await speaker(verifier, second)
        await c.patch(resources.SECRETS, "second", {"data": {"token": base64.b64encode(b"other").decode()}})
        assert await speaker(verifier, second) is None


async def test_a_secret_is_deleted_with_its_account():
    async with tokens() as (c, verifier):
        bearer = token_of(await make(c))
        await c.client.delete(resources.SERVICE_ACCOUNTS, "robot", "default")
        assert await speaker(verifier, bearer) is None
        await c.settle()
        assert await c.find(resources.SECRETS, "held") is None


async def test_a_secret_for_an_account_that_is_not_there_is_deleted():
    async with tokens() as (c, _verifier):
        assert await make(c, **{NAME: "nobody"}) is None
        assert await make(c, **{UID: "another life"}) is None


async def test_a_secret_that_is_gone_is_named_no_more():
    async with tokens() as (c, _verifier):
        await make(c)
        rows = [{"name": "held"}, {"name": "other"}]
        await c.patch(resources.SERVICE_ACCOUNTS, "robot", {"secrets": rows})
        await c.settle()
        await c.client.delete(resources.SECRETS, "held", "default")
        await c.settle()
        assert (await c.get(resources.SERVICE_ACCOUNTS, "robot"))["secrets"] == [{"name": "other"}]


async def test_what_is_missing_comes_back_and_a_token_is_kept():
    async with tokens() as (c, _verifier):
        before = token_of(await make(c))
        await c.patch(resources.SECRETS, "held", {"data": {"ca.crt": "", "namespace": None}})
        await c.settle()
        secret = await c.get(resources.SECRETS, "held")
        assert base64.b64decode(secret["data"]["ca.crt"]).decode() == CA
        assert base64.b64decode(secret["data"]["namespace"]).decode() == "default"
        assert token_of(secret) == before
