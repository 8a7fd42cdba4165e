"""ValidatingAdmissionPolicy: rules in CEL, bound to what they are to watch over.

Every binding is evaluated before the first denial counts, so that all warnings and audit annotations are told. Models
apiserver pkg/admission/plugin/policy/validating.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from kube_nb.api.expressions import ANNOTATION, CONDITION, MESSAGE, Composition, compiled
from kube_nb.apiserver.admission import bindings, expressions
from kube_nb.apiserver.admission.attributes import Attributes
from kube_nb.apiserver.admission.bindings import Invocation
from kube_nb.apiserver.admission.expressions import Variables
from kube_nb.machinery import cel, errors, objects
from kube_nb.machinery.types import Obj

_CODES = {"Unauthorized": 401, "Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}
_FAILURES = "validation.policy.admission.k8s.io/validation_failure"
_MOST_MESSAGE_BYTES = 5 * 1024
_MOST_VALUE_BYTES = 10 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """A validation that does not hold. index: of the validation; enforced: whether it denies whatever the
    binding says."""

    invocation: Invocation
    message: str
    reason: str = "Invalid"
    index: int = 0
    enforced: bool = False

    @property
    def denies(self) -> bool:
        return self.enforced or "Deny" in (self.invocation.binding["spec"].get("validationActions") or ())


class ValidatingAdmissionPolicy:
    """See the module's docstring."""

    name: ClassVar[str] = "ValidatingAdmissionPolicy"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = bindings.EVERYTHING
    needs: ClassVar[tuple[str, str] | None] = ("validatingadmissionpolicybindings", bindings.GROUP)

    def __init__(self) -> None:
        self._policies = bindings.Policies("validating")

    async def validate(self, attributes: Attributes) -> None:
        faults: list[Fault] = []
        for invocation in self._policies.of(attributes):
            faults += self._faults(attributes, invocation)
        for fault in faults:
            _tell(attributes, fault)
        denial = next((fault for fault in faults if fault.denies), None)
        if denial is not None:
            raise _denied(attributes, denial)

    def _faults(self, attributes: Attributes, invocation: Invocation) -> Iterator[Fault]:
        if invocation.problem:
            if not invocation.ignores_failure:
                yield Fault(invocation, invocation.problem, enforced=True)
            return
        composition = self._policies.composition(invocation.policy)
        known = expressions.variables(attributes, invocation.params)
        try:
            if not expressions.conditions_hold(composition.base, invocation.spec, known):
                return
        except cel.CelError as error:
            if not invocation.ignores_failure:
                yield Fault(invocation, str(error))
            return
        known = expressions.composed(composition, known)
        yield from _broken(invocation, composition, known)
        yield from _annotate(attributes, invocation, composition, known)


def _broken(invocation: Invocation, composition: Composition, known: Variables) -> Iterator[Fault]:
    for index, row in enumerate(invocation.spec.get("validations") or ()):
        text = row["expression"]
        try:
            if not compiled(composition.environment, text, CONDITION).evaluate(known):
                message = _message(row, composition, known)
                yield Fault(invocation, message, str(row.get("reason") or "Invalid"), index)
        except cel.CelError as error:
            if not invocation.ignores_failure:
                yield Fault(invocation, expressions.failed(text, error), index=index)


def _message(row: Obj, composition: Composition, known: Variables) -> str:
    """The computed message if it is one line of some length, else the plain one, else the expression."""
    if row.get("messageExpression"):
        try:
            found = str(compiled(composition.environment, row["messageExpression"], MESSAGE).evaluate(known)).strip()
            if found and "\n" not in found and len(found.encode()) <= _MOST_MESSAGE_BYTES:
                return found
        except cel.CelError:
            pass  # then the plain message, as upstream does
    return str(row.get("message") or f"failed expression: {row['expression'].strip()}")


def _annotate(
    attributes: Attributes, invocation: Invocation, composition: Composition, known: Variables
) -> Iterator[Fault]:
    """The policy's audit annotations; several bindings' values of one key are joined."""
    for row in invocation.spec.get("auditAnnotations") or ():
        key = f"{objects.name(invocation.policy)}/{row['key']}"
        try:
            value = compiled(composition.environment, row["valueExpression"], ANNOTATION).evaluate(known)
        except cel.CelError as error:
            if not invocation.ignores_failure:
                yield Fault(invocation, expressions.failed(row["valueExpression"], error), enforced=True)
            continue
        text = str(value or "").strip()[:_MOST_VALUE_BYTES]
        if text:
            known_values = attributes.call.annotations.get(key, "")
            if text not in known_values.split(", "):
                attributes.call.annotations[key] = f"{known_values}, {text}" if known_values else text


# -- what follows ------------------------------------------------------------------------------------------------------


def _tell(attributes: Attributes, fault: Fault) -> None:
    """Warn and write to the audit log as the binding says."""
    actions = fault.invocation.binding["spec"].get("validationActions") or ()
    policy, binding = objects.name(fault.invocation.policy), objects.name(fault.invocation.binding)
    if "Warn" in actions:
        names = f"'{policy}' with binding '{binding}'"
        attributes.call.warnings.append(f"Validation failed for ValidatingAdmissionPolicy {names}: {fault.message}")
    if "Audit" in actions:
        row: dict[str, Any] = {
            "message": fault.message,
            "policy": policy,
            "binding": binding,
            "expressionIndex": fault.index,
            "validationActions": list(actions),
        }
        attributes.call.annotations[_FAILURES] = orjson.dumps([row]).decode()


def _denied(attributes: Attributes, fault: Fault) -> errors.ApiError:
    policy, binding = objects.name(fault.invocation.policy), objects.name(fault.invocation.binding)
    text = f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {fault.message}"
    error = errors.forbidden(attributes.group_resource, attributes.name, text)
    details = {**(error.details or {}), "causes": [{"message": text}]}
    return errors.ApiError(_CODES.get(fault.reason, 422), fault.reason, error.message, details)
