"""MutatingAdmissionPolicy: changes in CEL, as an apply configuration or as a JSON patch.

Models apiserver pkg/admission/plugin/policy/mutating.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from kube_nb.api import defaults
from kube_nb.api.expressions import APPLY_CONFIGURATION, JSON_PATCHES, Composition, compiled
from kube_nb.apiserver.admission import bindings, expressions
from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.apiserver.admission.bindings import Invocation
from kube_nb.machinery import cel, errors, managed, objects, patch
from kube_nb.machinery.cel.values import Message, json_of
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Json, Obj


class MutatingAdmissionPolicy:
    """Every policy that matches, one after the other; those that ask for it again when something changed afterwards."""

    name: ClassVar[str] = "MutatingAdmissionPolicy"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",), UPDATE: ("*",)}
    needs: ClassVar[tuple[str, str] | None] = ("mutatingadmissionpolicybindings", bindings.GROUP)

    def __init__(self) -> None:
        self._policies = bindings.Policies("mutating")

    async def admit(self, attributes: Attributes) -> Obj:
        turns = attributes.reinvocation.of(self.name, attributes.new)
        problems: list[tuple[Invocation, str]] = []
        for invocation in self._policies.of(attributes):
            try:
                changed = self._mutated(attributes, invocation, turns.skips)
            except (cel.CelError, patch.PatchError) as error:
                problems.append((invocation, str(error)))
                continue
            if changed is None:
                continue
            if changed is not attributes.obj:
                turns.changed()
                attributes = attributes.with_object(changed)
            if invocation.spec.get("reinvocationPolicy") == "IfNeeded":
                turns.may_run_again(invocation.key)
        turns.ended(attributes.new)
        _refuse(attributes, problems)
        return attributes.new

    def _mutated(self, attributes: Attributes, invocation: Invocation, skips: Any) -> Obj | None:
        """The object after all mutations of a policy; None if it has no turn. Raises CelError, PatchError."""
        if invocation.problem:
            raise cel.CelError(invocation.problem)
        composition = self._policies.composition(invocation.policy)
        known = expressions.variables(attributes, invocation.params)
        if not expressions.conditions_hold(composition.base, invocation.spec, known) or skips(invocation.key):
            return None
        obj = attributes.new
        for mutation in invocation.spec.get("mutations") or ():
            known = expressions.variables(attributes.with_object(obj), invocation.params)
            new = _patched(attributes, composition, mutation, expressions.composed(composition, known), obj)
            if new != obj:
                obj = defaults.apply(attributes.call.resource.kind, new)
        return obj


def _refuse(attributes: Attributes, problems: list[tuple[Invocation, str]]) -> None:
    """403 for what failed under a policy that does not ignore failure; a cause for each."""
    texts = [
        f"policy '{objects.name(invocation.policy)}' with binding '{objects.name(invocation.binding)}' "
        f"denied request: {problem}"
        for invocation, problem in problems
        if not invocation.ignores_failure
    ]
    if texts:
        error = errors.forbidden(attributes.group_resource, attributes.name, "")
        details = {**(error.details or {}), "causes": [{"message": text} for text in texts]}
        raise errors.ApiError(403, "Invalid", texts[0], details)


def _patched(
    attributes: Attributes, composition: Composition, mutation: Obj, known: expressions.Variables, obj: Obj
) -> Obj:
    if mutation.get("patchType") == "JSONPatch":
        text = (mutation.get("jsonPatch") or {}).get("expression") or ""
        operations = _evaluated(composition, text, JSON_PATCHES, known)
        return _as_object(patch.json_patch.apply(obj, [_operation(row) for row in operations]))
    text = (mutation.get("applyConfiguration") or {}).get("expression") or ""
    found = _evaluated(composition, text, APPLY_CONFIGURATION, known)
    _check_names(found, "Object")
    return _applied(obj, json_of(found), attributes.call.resource.schema)


def _evaluated(composition: Composition, text: str, wanted: Any, known: expressions.Variables) -> Any:
    program = compiled(composition.environment, text, wanted)
    try:
        return program.evaluate(known)
    except cel.EvalError as error:
        raise cel.CelError(expressions.failed(text, error)) from None


def _operation(row: Mapping[str, Any]) -> Json:
    return {field: json_of(value) for field, value in row.items()}


def _as_object(found: Json) -> Obj:
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise patch.PatchError("the patched value is no object")
    return found


# -- apply configurations ----------------------------------------------------------------------------------------------


def _check_names(found: Any, path: str) -> None:
    """A struct is called after the field that it is in. Models ObjectVal.CheckTypeNamesMatchFieldPathNames."""
    if isinstance(found, Message):
        if found.name != path:
            why = f'unexpected type name "{found.name}", expected "{path}", which matches field name path'
            raise cel.CelError(f"type mismatch: {why} from root Object type")
        for field, value in found.items():
            _check_names(value, f"{path}.{field}")
    elif isinstance(found, list):
        for item in found:
            _check_names(item, path)


def _applied(obj: Obj, applied: Obj, schema: TypeSchema | None) -> Obj:
    """The object merged with the configuration. Models ApplyStructuredMergeDiff."""
    faults = list(managed.faults(applied, schema))
    if faults:
        raise cel.CelError(f"error applying patch: failed to convert patch object to typed object: {'; '.join(faults)}")
    atomic = list(_atomics(applied, schema, ""))
    if atomic:
        why = f"may not mutate atomic arrays, maps or structs: {', '.join(atomic)}"
        raise cel.CelError(f"error applying patch: invalid ApplyConfiguration: {why}")
    return _as_object(managed.merge(obj, applied, schema))


def _atomics(value: Json, schema: TypeSchema | None, path: str) -> Iterator[str]:
    """The paths of what can only be replaced as a whole."""
    if schema is None or value is None:
        return
    if isinstance(value, dict) and schema.kind in ("object", "map"):
        if schema.map_type == "atomic":
            yield path
        for field, item in value.items():
            inner = schema.field(field) if schema.kind == "object" else None
            yield from _atomics(item, inner, f"{path}.{field}")
    elif isinstance(value, list) and schema.kind == "list":
        if schema.list_type not in ("map", "set"):
            yield path
        for index, item in enumerate(value):
            yield from _atomics(item, schema.element(), f"{path}[{index}]")
