"""Where a pod may run: tolerations, affinities, spread constraints. Models the scheduling parts of ValidatePodSpec."""

from collections.abc import Sequence

from kube_nb.api.validation import selectors
from kube_nb.api.validation.faults import Faults, items
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WEIGHT = "must be in the range 1-100"
_ALL_KEYS = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'


def tolerations(found: Sequence[Obj], path: str, faults: Faults) -> None:
    for index, toleration in enumerate(found):
        here = f"{path}[{index}]"
        key, operator = toleration.get("key"), toleration.get("operator") or ""
        effect, value = toleration.get("effect") or "", toleration.get("value") or ""
        if key:
            faults.label_name(f"{here}.key", key)
        elif operator != "Exists":
            faults.invalid(f"{here}.operator", operator, _ALL_KEYS)
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            faults.invalid(f"{here}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if operator in ("", "Equal"):
            if wrong := names.is_label_value(value):
                faults.invalid(f"{here}.operator", value, ";".join(wrong))
        elif operator == "Exists":
            if value:
                faults.invalid(f"{here}.operator", toleration, "value must be empty when `operator` is 'Exists'")
        else:
            faults.unsupported(f"{here}.operator", operator, ("Equal", "Exists"))
        if effect and effect not in EFFECTS:
            faults.unsupported(f"{here}.effect", effect, EFFECTS)


def affinity(found: Obj | None, path: str, faults: Faults) -> None:
    if found is None:
        return
    node = found.get("nodeAffinity") or {}
    here = f"{path}.nodeAffinity"
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None:
        selectors.node_selector(required, f"{here}.requiredDuringSchedulingIgnoredDuringExecution", faults)
    for index, term in enumerate(items(node, "preferredDuringSchedulingIgnoredDuringExecution")):
        where = f"{here}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(term, where, faults)
        selectors.node_selector_term(term.get("preference") or {}, f"{where}.preference", faults)
    for name in ("podAffinity", "podAntiAffinity"):
        _pod_affinity(found.get(name) or {}, f"{path}.{name}", faults)


def _weight(term: Obj, path: str, faults: Faults) -> None:
    if not 1 <= term.get("weight", 0) <= 100:
        faults.invalid(f"{path}.weight", term.get("weight", 0), _WEIGHT)


def _pod_affinity(found: Obj, path: str, faults: Faults) -> None:
    for index, term in enumerate(items(found, "requiredDuringSchedulingIgnoredDuringExecution")):
        _affinity_term(term, f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]", faults)
    for index, weighted in enumerate(items(found, "preferredDuringSchedulingIgnoredDuringExecution")):
        here = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(weighted, here, faults)
        _affinity_term(weighted.get("podAffinityTerm") or {}, f"{here}.podAffinityTerm", faults)


def _affinity_term(term: Obj, path: str, faults: Faults) -> None:
    selectors.label_selector(term.get("labelSelector"), f"{path}.labelSelector", faults)
    selectors.label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector", faults)
    for namespace in term.get("namespaces") or ():
        faults.check(f"{path}.namespace", namespace, names.is_dns1123_label)
    _topology_key(term.get("topologyKey"), path, faults)


def _topology_key(key: str | None, path: str, faults: Faults) -> None:
    if not key:
        faults.required(f"{path}.topologyKey", "can not be empty")
    faults.label_name(f"{path}.topologyKey", key or "")


def spread(found: Sequence[Obj], path: str, faults: Faults) -> None:
    """topologySpreadConstraints."""
    seen: set[tuple[str, str]] = set()
    for index, row in enumerate(found):
        here = f"{path}[{index}]"
        key, action = row.get("topologyKey") or "", row.get("whenUnsatisfiable") or ""
        if row.get("maxSkew", 0) <= 0:
            faults.invalid(f"{here}.maxSkew", row.get("maxSkew", 0), "must be greater than zero")
        if not key:
            faults.required(f"{here}.topologyKey", "can not be empty")
        else:
            faults.label_name(f"{here}.topologyKey", key)
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            faults.unsupported(f"{here}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        if (key, action) in seen:
            faults.duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        seen.add((key, action))
        _min_domains(row, here, faults)
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if row.get(policy) not in (None, "Ignore", "Honor"):
                faults.unsupported(f"{here}.{policy}", row[policy], ("Honor", "Ignore"))
        selectors.label_selector(row.get("labelSelector"), f"{here}.labelSelector", faults)


def _min_domains(row: Obj, path: str, faults: Faults) -> None:
    least = row.get("minDomains")
    if least is None:
        return
    if least <= 0:
        faults.invalid(f"{path}.minDomains", least, "must be greater than zero")
    if row.get("whenUnsatisfiable") != "DoNotSchedule":
        detail = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"
        faults.invalid(f"{path}.minDomains", least, detail)
