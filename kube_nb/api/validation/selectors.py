"""Label, node and field selectors. Models ValidateLabelSelector and the node selector rules of core validation."""

from kube_nb.api.validation.faults import Faults, items
from kube_nb.machinery import labels, names
from kube_nb.machinery.types import Obj


def label_selector(selector: Obj | None, path: str, faults: Faults) -> None:
    """A metav1.LabelSelector; None is nothing to complain about."""
    if selector is None:
        return
    faults.labels(f"{path}.matchLabels", selector.get("matchLabels"))
    for index, row in enumerate(items(selector, "matchExpressions")):
        label_requirement(row, f"{path}.matchExpressions[{index}]", faults)


def label_requirement(row: Obj, path: str, faults: Faults, *, any_operator: bool = False) -> None:
    """One condition on one label. any_operator: one that is not known passes, as what only narrows a question may."""
    operator, values = row.get("operator") or "", row.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            faults.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            faults.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif not any_operator:
        faults.invalid(f"{path}.operator", operator, "not a valid selector operator")
    faults.label_name(f"{path}.key", row.get("key") or "")
    for index, value in enumerate(values):
        faults.check(f"{path}.values[{index}]", value, names.is_label_value)


def is_empty(selector: Obj | None) -> bool:
    return not (selector or {}).get("matchLabels") and not (selector or {}).get("matchExpressions")


def matches(selector: Obj | None, found: dict[str, str] | None) -> bool:
    """Whether labels match; a malformed selector, reported elsewhere, counts as matching."""
    try:
        return labels.from_label_selector(selector).matches(found)
    except ValueError:
        return True


def node_selector(selector: Obj, path: str, faults: Faults) -> None:
    """``requiredDuringSchedulingIgnoredDuringExecution`` of a node affinity, or a volume's."""
    terms = items(selector, "nodeSelectorTerms")
    if not terms:
        faults.required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        node_selector_term(term, f"{path}.nodeSelectorTerms[{index}]", faults)


def node_selector_term(term: Obj, path: str, faults: Faults) -> None:
    for index, row in enumerate(items(term, "matchExpressions")):
        here = f"{path}.matchExpressions[{index}]"
        _node_requirement(row, here, faults)
        faults.label_name(f"{here}.key", row.get("key") or "")
    for index, row in enumerate(items(term, "matchFields")):
        _node_field(row, f"{path}.matchFields[{index}]", faults)


def _node_requirement(row: Obj, path: str, faults: Faults) -> None:
    operator, values = row.get("operator") or "", row.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            faults.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            faults.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            faults.required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        faults.invalid(f"{path}.operator", operator, "not a valid selector operator")


def _node_field(row: Obj, path: str, faults: Faults) -> None:
    operator, values = row.get("operator") or "", row.get("values") or ()
    if operator not in ("In", "NotIn"):
        faults.invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        faults.required(
            f"{path}.values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        )
    if row.get("key") != "metadata.name":
        faults.invalid(f"{path}.key", row.get("key") or "", "not a valid field selector key")
    for index, value in enumerate(values):
        faults.check(f"{path}.values[{index}]", value, names.is_dns1123_subdomain)
