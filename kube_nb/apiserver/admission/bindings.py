"""Which policies concern a request, through which bindings, with which parameters.

Models apiserver pkg/admission/plugin/policy/generic. Differs: matchPolicy Equivalent does not look at other versions of
the resource.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kube_nb.api.expressions import Composition
from kube_nb.apiserver.admission import matching
from kube_nb.apiserver.admission.attributes import CONNECT, CREATE, DELETE, UPDATE, Attributes
from kube_nb.machinery import labels, objects
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

GROUP = "admissionregistration.k8s.io"
EVERYTHING: Mapping[str, tuple[str, ...]] = {CREATE: ("*",), UPDATE: ("*",), DELETE: ("*",), CONNECT: ("*",)}
#: Kinds that no policy judges, so that nobody locks themselves out, and questions that are not stored.
_EXEMPT = (
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
)
_REVIEWS = ("tokenreviews", "localsubjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectreviews")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One policy under one binding. problem: why the binding cannot be used; else params may be looked at."""

    policy: Obj
    binding: Obj
    params: Obj | None = None
    problem: str = ""

    @property
    def spec(self) -> Obj:
        found: Obj = self.policy.get("spec") or {}
        return found

    @property
    def ignores_failure(self) -> bool:
        return self.spec.get("failurePolicy") == "Ignore"

    @property
    def key(self) -> tuple[str, str, str]:
        params = f"{objects.namespace(self.params)}/{objects.name(self.params)}" if self.params else ""
        return objects.name(self.policy), objects.name(self.binding), params


class Policies:
    """The policies of one kind with their bindings. kind: ``validating`` or ``mutating``."""

    def __init__(self, kind: str) -> None:
        self._policies, self._bindings = f"{kind}admissionpolicies", f"{kind}admissionpolicybindings"
        self._is_mutating = kind == "mutating"
        self._compositions: dict[tuple[str, int], Composition] = {}

    def of(self, attributes: Attributes) -> Iterator[Invocation]:
        """What is to be evaluated, by the names of policies, then of bindings."""
        if not attributes.server.has_objects(self._bindings, GROUP) or is_exempt(attributes):
            return
        by_policy: dict[str, list[Obj]] = {}
        for entry in attributes.server.cacher(self._bindings, GROUP).select():
            by_policy.setdefault(str((entry.obj.get("spec") or {}).get("policyName")), []).append(entry.obj)
        for entry in attributes.server.cacher(self._policies, GROUP).select():
            bound = by_policy.get(entry.key)
            if bound and _matches(entry.obj["spec"].get("matchConstraints") or {}, attributes, needs_rules=True):
                yield from self._invocations(attributes, entry.obj, bound)

    def _invocations(self, attributes: Attributes, policy: Obj, bound: list[Obj]) -> Iterator[Invocation]:
        for binding in bound:
            if not _matches(binding["spec"].get("matchResources") or {}, attributes, needs_rules=False):
                continue
            try:
                for params in _params(attributes, policy["spec"], binding["spec"]):
                    yield Invocation(policy, binding, params)
            except ValueError as error:
                yield Invocation(policy, binding, problem=f"failed to configure binding: {error}")

    def composition(self, policy: Obj) -> Composition:
        """The compiled variables of a policy, made once for each of its generations."""
        key = (objects.uid(policy), int(policy["metadata"].get("generation") or 0))
        found = self._compositions.get(key)
        if found is None:
            if len(self._compositions) > 256:
                self._compositions.clear()
            found = self._compositions[key] = Composition(policy["spec"], mutating=self._is_mutating)
        return found


def is_exempt(attributes: Attributes) -> bool:
    info = attributes.call.info
    if info.group == GROUP:
        return info.resource in _EXEMPT
    return info.group in ("authentication.k8s.io", "authorization.k8s.io") and info.resource in _REVIEWS


def _matches(constraints: Obj, attributes: Attributes, *, needs_rules: bool) -> bool:
    rules, excluded = constraints.get("resourceRules") or (), constraints.get("excludeResourceRules") or ()
    if any(matching.covers(rule, attributes) for rule in excluded):
        return False
    if (rules or needs_rules) and not any(matching.covers(rule, attributes) for rule in rules):
        return False
    return matching.selected(constraints, attributes)


def _params(attributes: Attributes, spec: Obj, bound: Obj) -> list[Obj | None]:
    """The parameter objects that the binding names; one None without parameters. ValueError if they
    cannot be had."""
    kind, reference = spec.get("paramKind"), bound.get("paramRef")
    if not kind or not reference:
        return [None]
    group, _, version = kind["apiVersion"].rpartition("/")
    found = attributes.server.registry.by_gvk(GVK(group, version, kind["kind"]))
    if found is None:
        text = f"{kind['apiVersion']}, Kind={kind['kind']}"
        raise ValueError(f"failed to find resource referenced by paramKind: '{text}'")
    namespace = ""
    if found.namespaced:
        namespace = reference.get("namespace") or attributes.namespace
        if not namespace:
            raise ValueError("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    elif reference.get("namespace"):
        raise ValueError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    cacher: Any = attributes.server.cacher(found.plural, group, version)
    params: list[Obj | None]
    if reference.get("name"):
        entry = cacher.get(f"{namespace}/{reference['name']}" if found.namespaced else reference["name"])
        params = [] if entry is None else [entry.obj]
    else:
        selector = labels.from_label_selector(reference.get("selector"))
        entries = cacher.select(namespace) if found.namespaced else cacher.select()
        params = [entry.obj for entry in entries if selector.matches(objects.labels(entry.obj))]
    if not params and reference.get("parameterNotFoundAction") != "Allow":
        raise ValueError("no params found for policy binding with `Deny` parameterNotFoundAction")
    return params
