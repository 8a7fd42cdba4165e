"""What the expressions of a ValidatingAdmissionPolicy may read of the kinds that it matches: types from OpenAPI v3.

    OpenAPI v3 document  ->  type_in(document, kind)  ->  warnings(policy, kinds with types), as status has them

Models apiserver pkg/admission/plugin/policy/validating/typechecking.go. Differs: the types of objects have no names of
their own, where a message names one it says ``object``; ``authorizer.requestResource`` is known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kube_nb.api import rule_types
from kube_nb.api.expressions import VARIABLES
from kube_nb.machinery import cel
from kube_nb.machinery.cel.types import DYN, Type
from kube_nb.machinery.gvk import GVK, GVR
from kube_nb.machinery.types import Obj

#: How many kinds a rule's expressions are checked against. Models maxTypesToCheck.
MOST_KINDS = 10
_REFERENCE = "#/components/schemas/"
_GVKS = "x-kubernetes-group-version-kind"

Typed = tuple[GVK, Type]


def resources(policy: Obj) -> list[list[GVR]]:
    """The resources that each rule of ``matchConstraints`` names, in order; none for a rule with wildcards.

    Subresources are left out, as upstream does."""
    rules = ((policy.get("spec") or {}).get("matchConstraints") or {}).get("resourceRules") or ()
    return [list(_named(rule)) for rule in rules]


def _named(rule: Obj) -> Iterator[GVR]:
    groups, versions = sorted(rule.get("apiGroups") or ()), sorted(rule.get("apiVersions") or ())
    if any("*" in each for each in (*groups, *versions)):
        return
    names = sorted(each for each in rule.get("resources") or () if not {"*", "/"} & set(each))
    for group in groups:
        for version in versions:
            yield from (GVR(group, version, name) for name in names)


def type_in(document: Obj, kind: GVK) -> Type | None:
    """The type of a kind's objects, as a group version's OpenAPI document says it; None if it does not."""
    schemas: Mapping[str, Any] = (document.get("components") or {}).get("schemas") or {}
    wanted = kind._asdict()
    for name, schema in schemas.items():
        if wanted in (schema.get(_GVKS) or ()):
            return rule_types.type_of(_Resolver(schemas).named(name))
    return None


class _Resolver:
    """Schemas with their references written out; one that contains itself ends in "anything"."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._known: dict[str, Obj] = {}

    def named(self, name: str) -> Obj:
        if name not in self._known:
            self._known[name] = {}
            self._known[name] = self.written_out(self._schemas.get(name) or {})
        return self._known[name]

    def written_out(self, schema: Obj) -> Obj:
        parts = schema.get("allOf") or []
        reference = schema.get("$ref") or (parts[0].get("$ref") if len(parts) == 1 else None)
        if reference:
            return self.named(reference.removeprefix(_REFERENCE))
        found = dict(schema)
        if properties := schema.get("properties"):
            found["properties"] = {name: self.written_out(part) for name, part in properties.items()}
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                found[key] = self.written_out(schema[key])
        return found


def warnings(policy: Obj, kinds: Sequence[Typed], params: Type | None) -> list[Obj]:
    """``status.typeChecking.expressionWarnings``: one row for each expression that does not fit one of the kinds.

    params: of the policy's ``paramKind``, None if there is none or its schema is not known."""
    environments = [(kind, _environment(policy, found, params)) for kind, found in kinds]
    rows: list[Obj] = []
    for index, row in enumerate((policy.get("spec") or {}).get("validations") or ()):
        for field in ("expression", "messageExpression"):
            if not row.get(field):
                continue
            faults = [_fault(kind, environment, row[field]) for kind, environment in environments]
            if text := "\n".join(filter(None, faults)):
                rows.append({"fieldRef": f"spec.validations[{index}].{field}", "warning": text})
    return rows


def _environment(policy: Obj, found: Type, params: Type | None) -> cel.Environment:
    """The names for objects of one type; a variable whose expression does not compile may be anything."""
    types = {**VARIABLES, "object": found, "oldObject": found}
    base = cel.Environment(types if params is None else {**types, "params": params})
    known: dict[str, Type] = {}
    environment = base.extended({"variables": _variables(known)})
    for row in (policy.get("spec") or {}).get("variables") or ():
        try:
            known[row["name"]] = environment.compile(row.get("expression") or "").type
        except cel.CelError:
            known[row["name"]] = DYN
        environment = base.extended({"variables": _variables(known)})
    return environment


def _variables(known: Mapping[str, Type]) -> Type:
    return Type("kubernetes.variables", (), dict(known))


def _fault(kind: GVK, environment: cel.Environment, expression: str) -> str:
    """``apps/v1, Kind=Deployment: ERROR: <input>:1:7: ...`` and a newline, or ""."""
    try:
        environment.compile(expression)
    except cel.CelError as error:
        return f"{kind.group}/{kind.version}, Kind={kind.kind}: {error}\n"
    return ""
