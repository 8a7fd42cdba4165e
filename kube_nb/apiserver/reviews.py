"""Questions about who one is and what one may: TokenReview, SelfSubjectReview, the access reviews.

Models pkg/registry/authentication and pkg/registry/authorization. None of them is stored.
"""

from kube_nb.apiserver import authn, rendering, typed
from kube_nb.apiserver.authn import tokens
from kube_nb.apiserver.authz import ALLOW, DENY, Access, selectors
from kube_nb.apiserver.authz.rbac import Rbac
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, Response, User
from kube_nb.machinery.types import Obj


async def token_review(call: Call) -> Response:
    """Whose token it is."""
    body = typed.read(call)
    spec = body.get("spec") or {}
    if not spec.get("token"):
        raise errors.bad_request("token is required for TokenReview in authentication")
    token, audiences = str(spec["token"]), tuple(spec.get("audiences") or ())
    user, shared = await _owner(call, token, audiences)
    status: Obj = {"user": {}, "error": "invalid bearer token"}
    if user is not None:
        groups = user.groups if authn.AUTHENTICATED in user.groups else (*user.groups, authn.AUTHENTICATED)
        status = {"authenticated": True, "user": _info(User(user.name, groups, user.uid, user.extra))}
        if shared:
            status["audiences"] = shared
    return _answer(call, body, status)


async def _owner(call: Call, token: str, audiences: tuple[str, ...]) -> tuple[User | None, list[str]]:
    """(whose token it is, for whom of those asked about); a token without audiences is for the API server alone."""
    own = call.server.service_account_tokens
    if own is not None and own.verify(token) is not None:
        wanted = audiences or (tokens.ISSUER,)
        return own.user(token, wanted), [name for name in wanted if name in own.audiences(token)]
    if audiences and tokens.ISSUER not in audiences:
        return None, []
    request = Request("GET", "/", headers={"authorization": f"Bearer {token}"})
    for authenticator in call.server.authenticators:
        user = await authenticator.authenticate(request)
        if user is not None:
            return user, [tokens.ISSUER]
    return None, []


async def self_subject_review(call: Call) -> Response:
    """Who I am."""
    return _answer(call, typed.read(call), {"userInfo": _info(call.user)})


def _info(user: User) -> Obj:
    info: Obj = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


async def self_subject_access_review(call: Call) -> Response:
    """May I?"""
    body = typed.read(call)
    return await _access(call, body, call.user, body.get("spec") or {})


async def subject_access_review(call: Call) -> Response:
    """May somebody? In a LocalSubjectAccessReview the namespace is that of the URL."""
    body = typed.read(call)
    spec = body.get("spec") or {}
    if not spec.get("user") and not spec.get("groups"):
        fault = errors.FieldError(errors.INVALID, "spec.user", "", "at least one of user or group must be specified")
        raise errors.invalid("SubjectAccessReview", "authorization.k8s.io", "", [fault])
    user = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), spec.get("extra") or {})
    if call.info.namespace and (spec.get("resourceAttributes") or {}).get("namespace") != call.info.namespace:
        raise errors.bad_request(f"spec.resourceAttributes.namespace must match namespace: {call.info.namespace}")
    return await _access(call, body, user, spec)


async def _access(call: Call, body: Obj, user: User, spec: Obj) -> Response:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(resource) == bool(path):
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        fault = errors.FieldError(errors.INVALID, "spec.resourceAttributes", resource, text)
        raise errors.invalid(call.resource.kind.kind, "authorization.k8s.io", "", [fault])
    if path:
        access = Access(user, path.get("verb", ""), path=path.get("path") or "/")
    else:
        fields = ("group", "version", "resource", "subresource", "namespace", "name")
        given: Obj = resource or {}
        if faults := selectors.validate(given, "spec.resourceAttributes"):
            raise errors.invalid(call.resource.kind.kind, "authorization.k8s.io", "", faults)
        found = {field: given.get(field, "") for field in fields}
        access = Access(user, given.get("verb", ""), **found, selectors=selectors.of_review(given))
    decision = await call.server.decide(access)
    status: Obj = {"allowed": decision.verdict == ALLOW}
    if decision.verdict == DENY:
        status["denied"] = True
    if decision.reason:
        status["reason"] = decision.reason
    if access.selectors.ignored:
        status["evaluationError"] = "; ".join(access.selectors.ignored)
    return _answer(call, body, status)


async def self_subject_rules_review(call: Call) -> Response:
    """All that I may in a namespace, as far as it can be listed."""
    body = typed.read(call)
    namespace = (body.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    rbac = call.server.rbac
    rules = list(rbac.rules(call.user, namespace)) if isinstance(rbac, Rbac) else []
    if rbac is None or "system:masters" in call.user.groups:
        rules += [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    status = {
        "resourceRules": [_part(rule, _RESOURCE_FIELDS) for rule in rules if rule.get("resources")],
        "nonResourceRules": [_part(rule, _PATH_FIELDS) for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }
    return _answer(call, body, status)


_RESOURCE_FIELDS = ("verbs", "apiGroups", "resources", "resourceNames")
_PATH_FIELDS = ("verbs", "nonResourceURLs")


def _part(rule: Obj, fields: tuple[str, ...]) -> Obj:
    return {field: rule[field] for field in fields if rule.get(field)}


def _answer(call: Call, body: Obj, status: Obj) -> Response:
    kind = call.resource.kind
    metadata = {**(body.get("metadata") or {}), "creationTimestamp": None}
    answer = {**body, "kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata, "status": status}
    return rendering.one(call, answer, 201)
