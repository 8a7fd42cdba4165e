"""The selectors of an access: those of a list's query, and those that an access review asks about.

An authorizer may look at them; they only ever narrow what is asked for. What cannot be read is left out, which asks for
more, never for less.

Models ResourceAttributesFrom of pkg/registry/authorization/util/helpers.go, the selectors in
pkg/apis/authorization/validation, and apiserver pkg/endpoints/filters/authorization.go.
"""

from typing import NamedTuple

from kube_nb.api.validation.faults import Faults, items
from kube_nb.api.validation.selectors import label_requirement
from kube_nb.machinery import fields, labels, names
from kube_nb.machinery.exchange import Request
from kube_nb.machinery.types import Obj

_VERBS = ("list", "watch", "deletecollection")
_FIELD_OPERATORS = {"In": fields.EQUALS, "NotIn": fields.NOT_EQUALS}
_LABEL_OPERATORS = {
    "In": labels.IN,
    "NotIn": labels.NOT_IN,
    "Exists": labels.EXISTS,
    "DoesNotExist": labels.DOES_NOT_EXIST,
}


class Selectors(NamedTuple):
    """What an access is limited to. ignored: a sentence for each selector that could not be read in whole."""

    by_field: tuple[fields.Requirement, ...] = ()
    by_label: tuple[labels.Requirement, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The one object that is asked for by ``metadata.name=``, or ""."""
        found = self.field("metadata.name")
        return "" if found is None or names.is_path_segment_name(found) else found

    def field(self, path: str) -> str | None:
        """The one value that a field must have, if they say so."""
        return fields.FieldSelector(self.by_field).exact(path) if self.by_field else None


NONE = Selectors()


def of_query(field_selector: str, label_selector: str) -> Selectors:
    """Those of a query's texts; one that is malformed counts as none."""
    found, _ = _raw_fields(field_selector)
    chosen, _ = _raw_labels(label_selector)
    return Selectors(found, chosen)


def of_request(request: Request, verb: str) -> Selectors:
    """Those of a request; only what reads or deletes many objects has any."""
    if verb not in _VERBS:
        return NONE
    return of_query(request.param("fieldSelector"), request.param("labelSelector"))


def of_review(attributes: Obj) -> Selectors:
    """Those of a review's ``resourceAttributes``, which `validate` has passed."""
    by_field, by_label = attributes.get("fieldSelector") or {}, attributes.get("labelSelector") or {}
    found, field_faulty = _raw_fields(by_field.get("rawSelector") or "")
    chosen, label_faulty = _raw_labels(by_label.get("rawSelector") or "")
    if rows := items(by_field, "requirements"):
        read = [_field(row) for row in rows]
        found, field_faulty = tuple(each for each in read if each is not None), None in read
    if rows := items(by_label, "requirements"):
        chosen_rows = [_label(row) for row in rows]
        chosen, label_faulty = tuple(each for each in chosen_rows if each is not None), None in chosen_rows
    ignored = []
    if field_faulty:
        ignored.append(_ignored("fieldSelector", partially=bool(found)))
    if label_faulty:
        ignored.append(_ignored("labelSelector", partially=bool(chosen)))
    return Selectors(found, chosen, tuple(ignored))


def _ignored(name: str, *, partially: bool) -> str:
    return f"spec.resourceAttributes.{name} {'partially ' if partially else ''}ignored due to parse error"


def _raw_fields(text: str) -> tuple[tuple[fields.Requirement, ...], bool]:
    """(requirements, whether the text is malformed)."""
    try:
        return fields.parse(text).requirements, False
    except ValueError:
        return (), True


def _raw_labels(text: str) -> tuple[tuple[labels.Requirement, ...], bool]:
    try:
        return labels.parse(text).requirements, False
    except ValueError:
        return (), True


def _field(row: Obj) -> fields.Requirement | None:
    """None for what field selectors cannot say: several values, or whether a field exists."""
    operator, values = _FIELD_OPERATORS.get(row.get("operator") or ""), row.get("values") or []
    if operator is None or len(values) != 1:
        return None
    return fields.Requirement(row["key"], operator, values[0])


def _label(row: Obj) -> labels.Requirement | None:
    operator = _LABEL_OPERATORS.get(row.get("operator") or "")
    try:
        return None if operator is None else labels.requirement(row["key"], operator, row.get("values") or ())
    except ValueError:
        return None


def validate(attributes: Obj, path: str) -> Faults:
    """What is wrong with the selectors of a review's ``resourceAttributes``. Operators of later versions pass."""
    faults = Faults()
    for name, rule in (("fieldSelector", _field_requirement), ("labelSelector", _label_requirement)):
        selector, here = attributes.get(name), f"{path}.{name}"
        if selector is None:
            continue
        raw, rows = selector.get("rawSelector") or "", items(selector, "requirements")
        if raw and rows:
            faults.invalid(f"{here}.rawSelector", raw, "may not specified at the same time as requirements")
        if not raw and not rows:
            text = f"when {here} is specified, requirements or rawSelector is required"
            faults.required(f"{here}.requirements", text)
        for index, row in enumerate(rows):
            rule(row, f"{here}.requirements[{index}]", faults)
    return faults


def _field_requirement(row: Obj, path: str, faults: Faults) -> None:
    if not row.get("key"):
        faults.required(f"{path}.key", "must be specified")
    operator, values = row.get("operator"), row.get("values")
    if operator in ("In", "NotIn") and not values:
        faults.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    if operator in ("Exists", "DoesNotExist") and values:
        faults.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")


def _label_requirement(row: Obj, path: str, faults: Faults) -> None:
    label_requirement(row, path, faults, any_operator=True)
