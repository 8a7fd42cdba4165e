"""Service accounts' tokens: signed on request, good as long as what they are bound to.

Models pkg/serviceaccount (claims.go, jwt.go) and pkg/registry/core/serviceaccount/storage/token.go. Times are the
cluster's. Differs: expiry is not stretched to a year for tokens that admission mounted; a secret is not labelled with
the day on which its token was last used.
"""

import base64
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from kube_nb.apiserver import authn, rendering, typed
from kube_nb.apiserver.admission import CREATE, Attributes
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors, names, objects, times
from kube_nb.machinery.exchange import Request, Response, User
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

ISSUER = "https://kubernetes.default.svc.cluster.local"
#: Of the tokens in secrets. Models pkg/serviceaccount/legacy.go.
LEGACY_ISSUER = "kubernetes/serviceaccount"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
_LEGACY_CLAIMS = "kubernetes.io/serviceaccount"
_LEGACY_PARTS = ("namespace", "secret.name", "service-account.name", "service-account.uid")
DEFAULT_S, LEAST_S, MOST_S = 3600, 600, 1 << 32
#: How long after its end a deleted object's tokens still hold, so that what it runs can clean up.
CLEANUP_LEEWAY = timedelta(seconds=60)
_PRIVATE = "kubernetes.io"
_BINDABLE = {"Pod": ("pods", ""), "Secret": ("secrets", ""), "Node": ("nodes", "")}


class SigningKey:
    """Signs and verifies, whoever may use the token. key: the PEM of an RSA or P-256 private key."""

    def __init__(self, key: bytes) -> None:
        private = serialization.load_pem_private_key(key, None)
        if not isinstance(private, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            raise ValueError("a service account key must be RSA or ECDSA")
        self._private = private
        self._public = private.public_key()
        self._algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"
        self.jwk = self._published()
        self._verified: dict[str, dict[str, Any]] = {}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._private, self._algorithm, headers={"kid": self.jwk["kid"]})

    def legacy(self, account: Obj, secret: Obj) -> str:
        """The token that a secret of type kubernetes.io/service-account-token holds; it does not expire."""
        prefix, namespace = _LEGACY_CLAIMS, objects.namespace(account)
        return self.sign(
            {
                "iss": LEGACY_ISSUER,
                f"{prefix}/namespace": namespace,
                f"{prefix}/secret.name": objects.name(secret),
                f"{prefix}/service-account.name": objects.name(account),
                f"{prefix}/service-account.uid": objects.uid(account),
                "sub": f"system:serviceaccount:{namespace}:{objects.name(account)}",
            }
        )

    def verify(self, token: str) -> dict[str, Any] | None:
        """The claims of a token with our signature, whatever their time; None for every other one."""
        claims = self._verified.get(token)
        if claims is None:
            ignored = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
            try:
                claims = jwt.decode(token, self._public, [self._algorithm], options=ignored)  # type: ignore[arg-type]  # a dict
            except jwt.PyJWTError:
                return None
            if len(self._verified) > 4096:
                self._verified.clear()
            self._verified[token] = claims
        return claims

    def _published(self) -> Obj:
        algorithm = jwt.get_algorithm_by_name(self._algorithm)
        found: Obj = algorithm.to_jwk(self._public, as_dict=True)
        spki = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        identity = base64.urlsafe_b64encode(hashlib.sha256(spki).digest()).rstrip(b"=").decode()
        return {**found, "use": "sig", "alg": self._algorithm, "kid": identity}


class ServiceAccountTokens(SigningKey):
    """The server's own tokens: issued for what is there, good while it is."""

    def __init__(self, server: "ApiServer", key: bytes) -> None:
        super().__init__(key)
        self._server = server

    def document(self, path: str) -> Obj:
        """What others verify our tokens with. Models pkg/serviceaccount/openidmetadata.go."""
        if path.endswith("jwks"):
            return {"keys": [self.jwk]}
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.jwk["alg"]],
        }

    async def authenticate(self, request: Request) -> User | None:
        token = authn.bearer_token(request)
        return self.user(token) if token.count(".") == 2 else None

    def user(self, token: str, audiences: tuple[str, ...] = (ISSUER,)) -> User | None:
        """The account of a token that holds now; None if it does not."""
        claims = self.verify(token)
        if claims is None or not set(audiences) & set(self.audiences(token)):
            return None
        if claims.get("iss") == LEGACY_ISSUER:
            return self._of_secret(token, claims)
        if claims.get("iss") != ISSUER:
            return None
        now = self._server.clock.now().timestamp()
        if not claims["nbf"] - 1 <= now < claims["exp"]:
            return None
        private = claims.get(_PRIVATE) or {}
        namespace, account = private.get("namespace", ""), private.get("serviceaccount") or {}
        if not self._is_there("serviceaccounts", namespace, account):
            return None
        if not self._bound_objects_live(namespace, private):
            return None
        return _user(namespace, account, private, claims["jti"])

    def audiences(self, token: str) -> list[str]:
        """Whom a token of ours is for."""
        claims = self.verify(token)
        if claims is None:
            return []
        return [ISSUER] if claims.get("iss") == LEGACY_ISSUER else list(claims.get("aud", ()))

    def _of_secret(self, token: str, claims: Obj) -> User | None:
        """The account of a secret's token, which holds while the secret has it and the account is there."""
        found = {part: str(claims.get(f"{_LEGACY_CLAIMS}/{part}", "")) for part in _LEGACY_PARTS}
        namespace, name = found["namespace"], found["service-account.name"]
        if claims.get("sub") != f"system:serviceaccount:{namespace}:{name}":
            return None
        secret = self._server.cacher("secrets").get(f"{namespace}/{found['secret.name']}")
        if secret is None or objects.is_deleting(secret.obj) or INVALID_SINCE in objects.labels(secret.obj):
            return None
        if (secret.obj.get("data") or {}).get("token") != base64.b64encode(token.encode()).decode():
            return None
        account = self._server.cacher("serviceaccounts").get(f"{namespace}/{name}")
        if account is None or objects.is_deleting(account.obj):
            return None
        if objects.uid(account.obj) != found["service-account.uid"]:
            return None
        return User(f"system:serviceaccount:{namespace}:{name}", _groups(namespace), objects.uid(account.obj))

    def _bound_objects_live(self, namespace: str, private: Obj) -> bool:
        """Whether what the token is bound to is there; the node of a pod's token is only told, not asked for."""
        if "pod" in private:
            return self._is_there("pods", namespace, private["pod"])
        if "secret" in private:
            return self._is_there("secrets", namespace, private["secret"])
        return "node" not in private or self._is_there("nodes", "", private["node"])

    def _is_there(self, plural: str, namespace: str, reference: Obj) -> bool:
        name = str(reference.get("name"))
        entry = self._server.cacher(plural).get(f"{namespace}/{name}" if namespace else name)
        if entry is None or objects.uid(entry.obj) != reference.get("uid"):
            return False
        since = entry.obj["metadata"].get("deletionTimestamp")
        return not since or times.parse(since) + CLEANUP_LEEWAY > self._server.clock.now()

    def issue(self, account: Obj, spec: Obj, bound: tuple[str, Obj] | None) -> tuple[str, str]:
        """(token, when it expires) for an account. spec: TokenRequestSpec; bound: a kind and an object."""
        server = self._server
        now = server.clock.now()
        lifetime_s = int(spec.get("expirationSeconds") or DEFAULT_S)
        expires = now + timedelta(seconds=lifetime_s)
        named = {"name": objects.name(account), "uid": objects.uid(account)}
        private: Obj = {"namespace": objects.namespace(account), "serviceaccount": named}
        if bound is not None:
            kind, obj = bound
            private[kind.lower()] = {"name": objects.name(obj), "uid": objects.uid(obj)}
            node = server.cacher("nodes").get((obj.get("spec") or {}).get("nodeName", "")) if kind == "Pod" else None
            if node is not None:
                private["node"] = {"name": node.key, "uid": objects.uid(node.obj)}
        claims = {
            "aud": spec.get("audiences") or [ISSUER],
            "exp": int(expires.timestamp()),
            "iat": int(now.timestamp()),
            "iss": ISSUER,
            "jti": names.uid(server.stream("tokens")),
            _PRIVATE: private,
            "nbf": int(now.timestamp()),
            "sub": f"system:serviceaccount:{objects.namespace(account)}:{objects.name(account)}",
        }
        return self.sign(claims), times.format(expires)


def _user(namespace: str, account: Obj, private: Obj, jti: str) -> User:
    extra = {"authentication.kubernetes.io/credential-id": [f"JTI={jti}"]}
    if "pod" in private:
        extra["authentication.kubernetes.io/pod-name"] = [private["pod"]["name"]]
        extra["authentication.kubernetes.io/pod-uid"] = [private["pod"]["uid"]]
    if "node" in private:
        extra["authentication.kubernetes.io/node-name"] = [private["node"]["name"]]
        extra["authentication.kubernetes.io/node-uid"] = [private["node"]["uid"]]
    return User(
        f"system:serviceaccount:{namespace}:{account['name']}",
        _groups(namespace),
        account["uid"],
        extra,
    )


def _groups(namespace: str) -> tuple[str, ...]:
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", authn.AUTHENTICATED)


async def request_token(call: Call) -> Response:
    """POST serviceaccounts/NAME/token: a TokenRequest comes back with a token in its status."""
    tokens = call.server.service_account_tokens
    if tokens is None:
        raise errors.page_not_found()
    body = typed.read(call)
    entry = await call.server.storage.get(call.resource.cacher, call.key)
    if entry is None:
        raise call.not_found()
    body = await call.server.admission.admitted(Attributes(CREATE, call, body, None))
    spec = body.get("spec") or {}
    _check(spec, call.info.name)
    bound = await _bound(call, spec.get("boundObjectRef"))
    token, expires = tokens.issue(entry.obj, spec, bound)
    answer = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": call.info.name,
            "namespace": call.info.namespace,
            "creationTimestamp": call.server.clock.timestamp(),
        },
        "spec": {"audiences": [ISSUER], "expirationSeconds": DEFAULT_S, "boundObjectRef": None, **spec},
        "status": {"token": token, "expirationTimestamp": expires},
    }
    return rendering.finished(call, Response(201, obj=answer))


def _check(spec: Obj, name: str) -> None:
    lifetime_s = spec.get("expirationSeconds", DEFAULT_S)
    if not isinstance(lifetime_s, int):
        raise errors.bad_request("TokenRequest.spec.expirationSeconds must be a number")
    why = ""
    if lifetime_s < LEAST_S:
        why = "may not specify a duration less than 10 minutes"
    elif lifetime_s > MOST_S:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        fault = errors.FieldError(errors.INVALID, "spec.expirationSeconds", lifetime_s, why)
        raise errors.invalid("TokenRequest", "authentication.k8s.io", name, [fault])


async def _bound(call: Call, reference: Obj | None) -> tuple[str, Obj] | None:
    """(kind, object) that the token is bound to; 404, 409 or 400 if it cannot be."""
    if not reference:
        return None
    kind, name = reference.get("kind", ""), reference.get("name", "")
    if kind not in _BINDABLE:
        raise errors.bad_request(f"cannot bind token for serviceaccount {call.info.name} to object of kind {kind}")
    plural = _BINDABLE[kind][0]
    cacher = call.server.cacher(plural)
    entry = await call.server.storage.get(cacher, f"{call.info.namespace}/{name}" if cacher.namespaced else name)
    if entry is None:
        raise errors.not_found(plural, name)
    if reference.get("uid") and reference["uid"] != objects.uid(entry.obj):
        why = f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
        raise errors.conflict(plural, name, why + "The object might have been deleted and then recreated")
    account = (entry.obj.get("spec") or {}).get("serviceAccountName")
    if kind == "Pod" and account != call.info.name:
        why = (
            f"cannot bind token for serviceaccount {call.info.name} to pod running with different serviceaccount name."
        )
        raise errors.bad_request(why)
    return kind, entry.obj
