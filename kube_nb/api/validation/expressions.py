"""The CEL expressions of admission policies and webhooks, compiled when they are written.

Models pkg/apis/admissionregistration/validation: validateValidation, validateVariable, validateMatchConditions,
validateAuditAnnotation, validateMutation.
"""

from kube_nb.api import expressions, rule_types
from kube_nb.api.validation.faults import Faults, items
from kube_nb.machinery import cel, names
from kube_nb.machinery.cel.types import BOOL, STRING, Type
from kube_nb.machinery.types import Obj

_MOST_CONDITIONS = 64
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")


def expression(environment: cel.Environment, path: str, text: str, wanted: tuple[Type, ...], faults: Faults) -> None:
    """Required if it is empty, Invalid if it does not compile or is of another type."""
    if not text.strip():
        faults.required(path, "expression is not specified")
        return
    try:
        expressions.compiled(environment, text, wanted)
    except cel.CelError as error:
        faults.invalid(path, text, str(error))


def match_conditions(environment: cel.Environment, owner: Obj, path: str, faults: Faults) -> None:
    rows = items(owner, "matchConditions")
    if len(rows) > _MOST_CONDITIONS:
        faults.too_many(f"{path}matchConditions", len(rows), _MOST_CONDITIONS)
    seen: set[str] = set()
    for index, row in enumerate(rows):
        here, name = f"{path}matchConditions[{index}]", row.get("name") or ""
        if not (row.get("expression") or "").strip():
            faults.required(f"{here}.expression")
        else:
            expression(environment, f"{here}.expression", row["expression"], expressions.CONDITION, faults)
        if not name:
            faults.required(f"{here}.name")
        else:
            faults.check(f"{here}.name", name, names.is_qualified_name)
        if name and name in seen:
            faults.duplicate(f"{here}.name", name)
        seen.add(name)


def variables(spec: Obj, composed: expressions.Composition, faults: Faults) -> None:
    seen: set[str] = set()
    for index, row in enumerate(items(spec, "variables")):
        here, name = f"spec.variables[{index}]", row.get("name") or ""
        if not name:
            faults.required(f"{here}.name", "name is not specified")
        elif not name.isidentifier() or not name.isascii():
            faults.invalid(f"{here}.name", name, "name is not a valid CEL identifier")
        elif name in seen:
            faults.duplicate(f"{here}.name", name)
        seen.add(name)
        if not (row.get("expression") or "").strip():
            faults.required(f"{here}.expression", "expression is not specified")
        elif index in composed.faults:
            faults.invalid(f"{here}.expression", row["expression"], f"compilation failed: {composed.faults[index]}")


def validations(spec: Obj, composed: expressions.Composition, faults: Faults) -> None:
    for index, row in enumerate(items(spec, "validations")):
        here = f"spec.validations[{index}]"
        text = row.get("expression") or ""
        expression(composed.environment, f"{here}.expression", text, expressions.CONDITION, faults)
        _message(row, here, composed.environment, faults)
        if row.get("reason") is not None and row["reason"] not in _REASONS:
            faults.unsupported(f"{here}.reason", row["reason"], _REASONS)


def _message(row: Obj, here: str, environment: cel.Environment, faults: Faults) -> None:
    message, computed = row.get("message") or "", row.get("messageExpression") or ""
    if computed and not computed.strip():
        faults.invalid(f"{here}.messageExpression", computed, "must be non-empty if specified")
    elif computed:
        expression(environment, f"{here}.messageExpression", computed, expressions.MESSAGE, faults)
    if message and not message.strip():
        faults.invalid(f"{here}.message", message, "message must be non-empty if specified")
    elif "\n" in message.strip() or "\r" in message.strip():
        faults.invalid(f"{here}.message", message, "message must not contain line breaks")
    elif "\n" in (row.get("expression") or "").strip() and not message:
        faults.required(f"{here}.message", "message must be specified if expression contains line breaks")


def audit_annotations(spec: Obj, composed: expressions.Composition, faults: Faults) -> None:
    seen: set[str] = set()
    for index, row in enumerate(items(spec, "auditAnnotations")):
        here, key = f"spec.auditAnnotations[{index}]", row.get("key") or ""
        if not key:
            faults.required(f"{here}.key")
        else:
            faults.check(f"{here}.key", key, names.is_qualified_name)
        if key and key in seen:
            faults.duplicate(f"{here}.key", key)
        seen.add(key)
        text = row.get("valueExpression") or ""
        if not text.strip():
            faults.required(f"{here}.valueExpression", "valueExpression is not specified")
        else:
            expression(composed.environment, f"{here}.valueExpression", text, expressions.ANNOTATION, faults)


_PATCHES = {
    "ApplyConfiguration": ("applyConfiguration", "jsonPatch", expressions.APPLY_CONFIGURATION),
    "JSONPatch": ("jsonPatch", "applyConfiguration", expressions.JSON_PATCHES),
}


def mutations(spec: Obj, composed: expressions.Composition, faults: Faults) -> None:
    for index, row in enumerate(items(spec, "mutations")):
        here, kind = f"spec.mutations[{index}]", row.get("patchType") or ""
        if not kind:
            faults.required(f"{here}.patchType")
        elif kind not in _PATCHES:
            faults.unsupported(f"{here}.patchType", kind, tuple(_PATCHES))
        else:
            field, other, wanted = _PATCHES[kind]
            if row.get(other) is not None:
                faults.invalid(f"{here}.{other}", row[other], f"must not be specified when patchType is {kind}")
            if row.get(field) is None:
                faults.required(f"{here}.{field}", f"must be specified when patchType is {kind}")
                continue
            text = row[field].get("expression") or ""
            expression(composed.environment, f"{here}.{field}.expression", text, wanted, faults)


def rules(schema: Obj, path: str, faults: Faults, *, root: bool) -> None:
    """``x-kubernetes-validations`` of one node of a custom resource's schema.

    Models apiextensions pkg/apis/apiextensions/validation (ValidateCustomResourceDefinitionOpenAPISchema)."""
    for index, row in enumerate(items(schema, "x-kubernetes-validations")):
        here, text, message = (
            f"{path}.x-kubernetes-validations[{index}]",
            row.get("rule") or "",
            row.get("message") or "",
        )
        environment = rule_types.environment(schema, root=root, optional_old=bool(row.get("optionalOldSelf")))
        if not text.strip():
            faults.required(f"{here}.rule", "rule is not specified")
        else:
            _rule(environment, f"{here}.rule", text, BOOL, faults)
        if message and not message.strip():
            faults.invalid(f"{here}.message", message, "message must be non-empty if specified")
        elif "\n" in message:
            faults.invalid(f"{here}.message", message, "message must not contain line breaks")
        elif "\n" in text.strip() and not message:
            faults.required(f"{here}.message", "message must be specified if rule contains line breaks")
        if row.get("messageExpression"):
            _rule(environment, f"{here}.messageExpression", row["messageExpression"], STRING, faults)


def _rule(environment: cel.Environment, path: str, text: str, wanted: Type, faults: Faults) -> None:
    try:
        expressions.compiled(environment, text, (wanted,))
    except cel.WrongType:
        faults.invalid(path, text, f"cel expression must evaluate to a {wanted}")
    except cel.CelError as error:
        faults.invalid(path, text, str(error))
