"""The CEL rules of custom resources: x-kubernetes-validations, evaluated where they stand in the schema.

Models apiextensions-apiserver pkg/apiserver/schema/cel.
Differs: the cost limit is one rule's, not the object's; the parts of a list that is no map have no oldSelf.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from kube_nb.api import rule_types
from kube_nb.api.kinds import Kind
from kube_nb.machinery import cel, errors
from kube_nb.machinery.cel.types import BOOL, STRING
from kube_nb.machinery.cel.values import NONE, Optional
from kube_nb.machinery.types import Json, Obj

_RULES = "x-kubernetes-validations"


def check(kind: Kind, obj: Obj, old: Obj | None) -> list[errors.FieldError]:
    """What the rules of a custom resource find wrong; nothing for a kind without rules."""
    raw = _rules(kind)
    return [] if raw is None else list(_faults(raw, obj, old, ""))


@functools.lru_cache(maxsize=1024)
def _rules(kind: Kind) -> Mapping[str, Any] | None:
    """The schema of a kind, None if there is no rule in it."""
    raw = kind.schema.raw if kind.schema is not None else {}
    return raw if _has_rules(raw) else None


def _has_rules(raw: Mapping[str, Any]) -> bool:
    return bool(raw.get(_RULES)) or any(_has_rules(part) for part in _parts(raw))


def _parts(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (raw.get("properties") or {}).values()
    yield from (part for part in (raw.get("items"), raw.get("additionalProperties")) if isinstance(part, dict))


def _faults(raw: Mapping[str, Any], value: Json, old: Json, path: str) -> Iterator[errors.FieldError]:
    if value is None:
        return
    for rule in raw.get(_RULES) or ():
        fault = _fault(rule, raw, value, old, path)
        if fault is not None:
            yield fault
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            part = (raw.get("properties") or {}).get(name)
            if part is not None:
                yield from _faults(part, item, before.get(name), f"{path}.{name}" if path else name)
            elif isinstance(raw.get("additionalProperties"), dict):
                yield from _faults(raw["additionalProperties"], item, before.get(name), f"{path}[{name}]")
    elif isinstance(value, list) and isinstance(raw.get("items"), dict):
        known = _by_key(raw, old)
        for index, item in enumerate(value):
            yield from _faults(raw["items"], item, known.get(_key(raw, item)), f"{path}[{index}]")


def _by_key(raw: Mapping[str, Any], old: Json) -> dict[tuple[Any, ...], Json]:
    """The old items of a list that is a map, by their keys."""
    if not isinstance(old, list) or raw.get("x-kubernetes-list-type") != "map":
        return {}
    return {_key(raw, item): item for item in old}


def _key(raw: Mapping[str, Any], item: Json) -> tuple[Any, ...]:
    names = raw.get("x-kubernetes-list-map-keys") or ()
    return tuple(str(item.get(name)) for name in names) if isinstance(item, dict) else ()


def _fault(rule: Obj, raw: Mapping[str, Any], value: Json, old: Json, path: str) -> errors.FieldError | None:
    expression, optional = rule["rule"], bool(rule.get("optionalOldSelf"))
    if old is None and not optional and "oldSelf" in expression:
        return None
    where = f"{path}{rule.get('fieldPath') or ''}".lstrip(".")
    before: Any = rule_types.value_of(raw, old)
    if optional:
        before = NONE if old is None else Optional(before)
    variables = {"self": rule_types.value_of(raw, value), "oldSelf": before}
    environment = rule_types.environment(raw, root=not path, optional_old=optional)
    try:
        if environment.compile(expression, (BOOL,)).evaluate(variables):
            return None
        message = _message(rule, environment, variables)
    except cel.CelError as error:
        message = f"{error} evaluating rule: {rule.get('message') or expression}"
    shown = str(raw.get("type", "object"))
    return errors.FieldError(_REASONS.get(str(rule.get("reason")), errors.INVALID), where or "<nil>", shown, message)


_REASONS = {
    "FieldValueForbidden": errors.FORBIDDEN,
    "FieldValueRequired": errors.REQUIRED,
    "FieldValueDuplicate": errors.DUPLICATE,
}


def _message(rule: Obj, environment: cel.Environment, variables: Mapping[str, Any]) -> str:
    if rule.get("messageExpression"):
        try:
            return str(environment.compile(rule["messageExpression"], (STRING,)).evaluate(variables))
        except cel.CelError:
            pass  # then the plain message, as upstream does
    return str(rule.get("message") or f"failed rule: {rule['rule']}")
