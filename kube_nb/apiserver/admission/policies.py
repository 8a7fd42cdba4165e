"""ValidatingAdmissionPolicy: rules in CEL, bound to what they are to watch over.

Models apiserver pkg/admission/plugin/policy/validating. Differs: audit annotations are left out, type checking of
expressions too; a policy that does not compile fails as its failurePolicy says when it is first asked.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from kube_nb.apiserver.admission import cel, matching
from kube_nb.apiserver.admission.attributes import CREATE, DELETE, UPDATE, Attributes
from kube_nb.apiserver.admission.cel import CelError
from kube_nb.machinery import errors, labels, objects
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

_GROUP = "admissionregistration.k8s.io"
_CODES = {"Unauthorized": 401, "Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}


class ValidatingAdmissionPolicy:
    """See the module's docstring."""

    name: ClassVar[str] = "ValidatingAdmissionPolicy"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",), UPDATE: ("*",), DELETE: ("*",)}

    async def validate(self, attributes: Attributes) -> None:
        bindings = attributes.server.cacher("validatingadmissionpolicybindings", _GROUP)
        if not bindings.entries or attributes.call.info.group == _GROUP:
            return
        policies = attributes.server.cacher("validatingadmissionpolicies", _GROUP)
        for entry in bindings.select():
            policy = policies.get(str((entry.obj.get("spec") or {}).get("policyName")))
            if policy is not None:
                _apply(attributes, policy.obj, entry.obj)


def _apply(attributes: Attributes, policy: Obj, binding: Obj) -> None:
    spec, bound = policy.get("spec") or {}, binding.get("spec") or {}
    if not _matches(spec.get("matchConstraints") or {}, attributes, needs_rules=True):
        return
    if not _matches(bound.get("matchResources") or {}, attributes, needs_rules=False):
        return
    for params in _params(attributes, spec, bound):
        for message, reason in _faults(attributes, spec, params):
            _act(attributes, policy, binding, message, reason)


def _matches(constraints: Obj, attributes: Attributes, *, needs_rules: bool) -> bool:
    rules, excluded = constraints.get("resourceRules") or (), constraints.get("excludeResourceRules") or ()
    if any(matching.covers(rule, attributes) for rule in excluded):
        return False
    if rules or needs_rules:
        return any(matching.covers(rule, attributes) for rule in rules) and matching.selected(constraints, attributes)
    return matching.selected(constraints, attributes)


def _params(attributes: Attributes, spec: Obj, bound: Obj) -> Iterator[Obj | None]:
    """The parameter objects that the binding names; one None for a policy without parameters."""
    kind, reference = spec.get("paramKind"), bound.get("paramRef")
    if not kind or not reference:
        yield None
        return
    group, _, version = kind["apiVersion"].rpartition("/")
    found = attributes.server.registry.by_gvk(GVK(group, version, kind["kind"]))
    if found is None:
        return
    cacher = attributes.server.cacher(found.plural, group, version)
    namespace = reference.get("namespace") or attributes.namespace
    if reference.get("name"):
        entry = cacher.get(f"{namespace}/{reference['name']}" if found.namespaced else reference["name"])
        if entry is not None:
            yield entry.obj
        elif reference.get("parameterNotFoundAction") == "Deny":
            why = "no params found for policy binding with `Deny` parameterNotFoundAction"
            raise errors.forbidden(attributes.group_resource, attributes.name, why)
        return
    selector = labels.from_label_selector(reference.get("selector"))
    yield from (entry.obj for entry in cacher.select(namespace) if selector.matches(objects.labels(entry.obj)))


def _faults(attributes: Attributes, spec: Obj, params: Obj | None) -> Iterator[tuple[str, str]]:
    """(message, reason) of each validation that does not hold."""
    ignores = spec.get("failurePolicy") == "Ignore"
    try:
        variables = variables_of(attributes, params)
        if not all(cel.holds(row["expression"], variables) for row in spec.get("matchConditions") or ()):
            return
        composed: dict[str, Any] = {}
        for row in spec.get("variables") or ():
            variables["variables"] = _mapping(composed)
            composed[row["name"]] = cel.evaluate(row["expression"], variables)
        variables["variables"] = _mapping(composed)
    except CelError as error:
        if not ignores:
            yield f"failed to evaluate: {error}", "Invalid"
        return
    for row in spec.get("validations") or ():
        try:
            if not cel.holds(row["expression"], variables):
                yield _message(row, variables), str(row.get("reason") or "Invalid")
        except CelError as error:
            if not ignores:
                yield f"expression '{row['expression']}' resulted in error: {error}", "Invalid"


def _mapping(composed: dict[str, Any]) -> Any:
    found = cel.value({})
    for name, item in composed.items():
        found[cel.value(name)] = item
    return found


def variables_of(attributes: Attributes, params: Obj | None = None) -> dict[str, Any]:
    """What every expression may look at."""
    info, user = attributes.call.info, attributes.call.user
    request = {
        "operation": attributes.operation,
        "name": attributes.name,
        "namespace": attributes.namespace,
        "subResource": attributes.subresource,
        "dryRun": attributes.call.dry_run,
        "resource": {"group": info.group, "version": info.version, "resource": info.resource},
        "kind": attributes.call.resource.kind.gvk._asdict(),
        "userInfo": {"username": user.name, "groups": list(user.groups), "uid": user.uid},
    }
    namespace = attributes.server.cacher("namespaces").get(attributes.namespace) if attributes.namespace else None
    return {
        "object": cel.value(attributes.obj),
        "oldObject": cel.value(attributes.old),
        "request": cel.value(request),
        "params": cel.value(params),
        "namespaceObject": cel.value(namespace.obj if namespace is not None else None),
    }


def _message(row: Obj, variables: dict[str, Any]) -> str:
    if row.get("messageExpression"):
        try:
            return str(cel.evaluate(row["messageExpression"], variables))
        except CelError:
            pass  # then the plain message, as upstream does
    return str(row.get("message") or f"failed expression: {row['expression'].strip()}")


def _act(attributes: Attributes, policy: Obj, binding: Obj, message: str, reason: str) -> None:
    """Deny, warn, or both, as the binding says."""
    actions = (binding.get("spec") or {}).get("validationActions") or ()
    names = f"'{objects.name(policy)}' with binding '{objects.name(binding)}'"
    if "Warn" in actions:
        attributes.call.warnings.append(f"Validation failed for ValidatingAdmissionPolicy {names}: {message}")
    if "Deny" in actions:
        why = f"ValidatingAdmissionPolicy {names} denied request: {message}"
        error = errors.forbidden(attributes.group_resource, attributes.name, why)
        raise errors.ApiError(_CODES.get(reason, 422), reason, error.message, error.details)
