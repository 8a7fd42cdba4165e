"""What the expressions of policies and webhooks see: the request, its objects, the namespace, the caller's rights.

Each value is made when an expression first looks at it. Models apiserver pkg/admission/plugin/cel/activation.go.
"""

import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from kube_nb.api.expressions import CONDITION, Composition, compiled
from kube_nb.apiserver.admission.attributes import Attributes
from kube_nb.apiserver.authz import ALLOW, Access, Decision
from kube_nb.apiserver.authz.selectors import Selectors
from kube_nb.machinery import cel, fields, labels
from kube_nb.machinery.cel.libraries.authorizer import REQUEST_RESOURCE, Authorizer, Question, ResourceCheck, Verdict
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj

Variables = dict[str, Any]


def variables(attributes: Attributes, params: Obj | None = None) -> Variables:
    """The variables of one evaluation; `admission.expressions` of the API layer says what types they have."""
    ask = functools.partial(_asked, attributes)
    return {
        "object": attributes.obj,
        "oldObject": attributes.old,
        "request": functools.cache(lambda: request(attributes)),
        "params": params,
        "namespaceObject": functools.cache(lambda: _namespace(attributes)),
        "authorizer": lambda: Authorizer(ask),
        REQUEST_RESOURCE: lambda: ResourceCheck(ask, _own(attributes)),
    }


def request(attributes: Attributes) -> Obj:
    """The AdmissionRequest but for its objects, as expressions and webhooks get it."""
    info, user = attributes.call.info, attributes.call.user
    kind = attributes.gvk
    resource = {"group": info.group, "version": info.version, "resource": info.resource}
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    caller: Obj = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        caller["uid"] = user.uid
    if user.extra:
        caller["extra"] = {key: list(values) for key, values in user.extra.items()}
    found: Obj = {
        "kind": gvk,
        "resource": resource,
        "requestKind": gvk,
        "requestResource": resource,
        "name": attributes.name,
        "operation": attributes.operation,
        "userInfo": caller,
        "dryRun": attributes.call.dry_run,
        "options": _options(attributes),
    }
    if info.subresource:
        found["subResource"] = found["requestSubResource"] = info.subresource
    if info.namespace:
        found["namespace"] = info.namespace
    return found


def _options(attributes: Attributes) -> Obj | None:
    """What the query or the body of a deletion says. None for CONNECT."""
    if attributes.operation == "CONNECT":
        return None
    kind = "PatchOptions" if attributes.call.request.method == "PATCH" else f"{attributes.operation.title()}Options"
    found: Obj = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if attributes.call.dry_run:
        found["dryRun"] = ["All"]
    for field in ("fieldManager", "fieldValidation"):
        if attributes.call.request.param(field):
            found[field] = attributes.call.request.param(field)
    return found


def _namespace(attributes: Attributes) -> Obj | None:
    if not attributes.namespace or attributes.group_resource == "namespaces":
        return None
    entry = attributes.server.cacher("namespaces").get(attributes.namespace)
    return None if entry is None else entry.obj


# -- the caller's rights -----------------------------------------------------------------------------------------------


def _own(attributes: Attributes) -> Question:
    info = attributes.call.info
    return Question(
        group=info.group,
        resource=info.resource,
        subresource=info.subresource,
        namespace=info.namespace,
        name=attributes.name,
    )


def _asked(attributes: Attributes, question: Question) -> Verdict:
    """What the server's authorizers say; in the kernel they answer without waiting."""
    user = attributes.call.user
    if question.account is not None:
        namespace, name = question.account
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        user = User(f"system:serviceaccount:{namespace}:{name}", groups)
    try:
        decision = _at_once(attributes.server.decide(_access(user, question)))
    except ValueError as error:
        return Verdict(False, error=str(error))
    return Verdict(decision.verdict == ALLOW, decision.reason)


def _access(user: User, question: Question) -> Access:
    """ValueError for a selector that is none."""
    if question.path:
        return Access(user, question.verb, path=question.path)
    found = fields.parse(question.field_selector).requirements
    chosen = labels.parse(question.label_selector).requirements
    return Access(
        user,
        question.verb,
        question.group,
        resource=question.resource,
        subresource=question.subresource,
        namespace=question.namespace,
        name=question.name,
        selectors=Selectors(found, chosen),
    )


def _at_once(coroutine: Coroutine[Any, Any, Decision]) -> Decision:
    """The result of a coroutine that does not wait. ValueError if it does."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        found: Decision = finished.value
        return found
    coroutine.close()
    raise ValueError("the authorizer is not in this kernel, and no expression can wait for it")


# -- conditions and variables ------------------------------------------------------------------------------------------


def conditions_hold(environment: cel.Environment, owner: Mapping[str, Any], known: Variables) -> bool:
    """Whether every matchCondition is true; one that is false decides, else CelError for one without a value.

    Models apiserver pkg/admission/plugin/webhook/matchconditions/matcher.go."""
    faults: list[str] = []
    for row in owner.get("matchConditions") or ():
        text = row.get("expression") or ""
        try:
            if not compiled(environment, text, CONDITION).evaluate(known):
                return False
        except cel.CelError as error:
            faults.append(failed(text, error))
    if faults:
        raise cel.CelError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
    return True


def failed(expression: str, error: cel.CelError) -> str:
    if isinstance(error, cel.EvalError):
        return f"expression '{expression}' resulted in error: {error}"
    return str(error)


class Composed(dict[str, Any]):
    """``variables``: each is evaluated when an expression first names it, once."""

    def __init__(self, composition: Composition, known: Variables) -> None:
        super().__init__()
        self._programs = composition.programs
        self._known = {**known, "variables": self}

    def __contains__(self, name: object) -> bool:
        return name in self._programs

    def __getitem__(self, name: str) -> Any:
        try:
            found = super().__getitem__(name)
        except KeyError:
            found = self._evaluated(name)
            self[name] = found
        if isinstance(found, cel.EvalError):
            raise found
        return found

    def _evaluated(self, name: str) -> Any:
        try:
            return self._programs[name].evaluate(self._known)
        except cel.EvalError as error:
            return cel.EvalError(f'composited variable "{name}" fails to evaluate: {error}')


def composed(composition: Composition, known: Variables) -> Variables:
    return {**known, "variables": Composed(composition, known)}


#: Makes a policy's composition once.
Compositions = Callable[[Obj], Composition]
