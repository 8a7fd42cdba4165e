"""Deployment, ReplicaSet, ReplicationController, DaemonSet, StatefulSet.

Models pkg/apis/apps/validation and the replication controller's rules in core validation.
"""

from kube_nb.api.validation import pods, selectors, storage
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

_MISMATCH = "`selector` does not match template `labels`"
_STATEFUL_SET_UPDATE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', "
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_STATEFUL_SET_LOOSE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def pod_template(template: Obj, path: str, faults: Faults) -> None:
    """A PodTemplateSpec: labels, annotations and the pod's spec."""
    metadata = section(template, "metadata")
    faults.labels(f"{path}.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or ():
        for detail in names.is_qualified_name(key.lower()):
            faults.invalid(f"{path}.annotations", key, detail)
    pods.pod_spec(section(template, "spec"), f"{path}.spec", faults)
    if section(template, "spec").get("ephemeralContainers"):
        faults.forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def _selector(spec: Obj, owner: str, faults: Faults) -> None:
    selector = spec.get("selector")
    if selector is None:
        faults.required("spec.selector")
        return
    selectors.label_selector(selector, "spec.selector", faults)
    if selectors.is_empty(selector):
        faults.invalid("spec.selector", selector, f"empty selector is invalid for {owner}")


def _template(spec: Obj, owner: str, faults: Faults) -> None:
    """The template of something that keeps pods running: it matches the selector and restarts always."""
    template = section(spec, "template")
    labels = section(template, "metadata").get("labels")
    selector = spec.get("selector")
    if selector is not None and not selectors.is_empty(selector) and not selectors.matches(selector, labels):
        faults.invalid("spec.template.metadata.labels", labels or {}, _MISMATCH)
    pod_template(template, "spec.template", faults)
    _always(template, owner, faults)


def _always(template: Obj, owner: str, faults: Faults) -> None:
    spec = section(template, "spec")
    if spec.get("restartPolicy") != "Always":
        faults.unsupported("spec.template.spec.restartPolicy", spec.get("restartPolicy") or "", ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {owner} is not Supported"
        faults.forbidden("spec.template.spec.activeDeadlineSeconds", detail)


def deployment(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    faults.at_least_zero(spec, "spec", "replicas")
    _selector(spec, "deployment", faults)
    _template(spec, "ReplicaSet", faults)
    _deployment_strategy(section(spec, "strategy"), faults)
    faults.at_least_zero(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        faults.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _deployment_strategy(strategy: Obj, faults: Faults) -> None:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            faults.forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        if rolling is None:
            faults.required("spec.strategy.rollingUpdate", "this should be defaulted and never be nil")
        else:
            _rolling(rolling, "spec.strategy.rollingUpdate", faults)
            if _is_zero(rolling.get("maxUnavailable")) and _is_zero(rolling.get("maxSurge")):
                path = "spec.strategy.rollingUpdate.maxUnavailable"
                faults.invalid(path, rolling.get("maxUnavailable", 0), "may not be 0 when `maxSurge` is 0")
    else:
        faults.unsupported("spec.strategy.type", kind, ("Recreate", "RollingUpdate"))


def _rolling(rolling: Obj, path: str, faults: Faults) -> None:
    for field in ("maxUnavailable", "maxSurge"):
        faults.int_or_percent(f"{path}.{field}", rolling.get(field, 0))
    not_more_than_all(f"{path}.maxUnavailable", rolling.get("maxUnavailable", 0), faults)


def not_more_than_all(path: str, value: int | str, faults: Faults) -> None:
    """A percentage of at most 100. Models IsNotMoreThan100Percent."""
    if isinstance(value, str) and not names.is_percent(value) and int(value[:-1]) > 100:
        faults.invalid(path, value, "must not be greater than 100%")


def _is_zero(value: int | str | None) -> bool:
    return value in (None, 0) or (isinstance(value, str) and value.rstrip("%").strip("0") == "")


def replica_set(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    faults.at_least_zero(spec, "spec", "replicas", "minReadySeconds")
    _selector(spec, "deployment", faults)
    if not spec.get("template"):
        faults.required("spec.template")
    else:
        _template(spec, "ReplicaSet", faults)


def selector_update(new: Obj, old: Obj, faults: Faults) -> None:
    faults.immutable("spec.selector", section(new, "spec").get("selector"), section(old, "spec").get("selector"))


def replication_controller(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    faults.at_least_zero(spec, "spec", "minReadySeconds")
    selector = spec.get("selector")
    if not selector:
        faults.required("spec.selector")
    faults.at_least_zero(spec, "spec", "replicas")
    if not spec.get("template"):
        faults.required("spec.template")
        return
    labels = section(spec["template"], "metadata").get("labels") or {}
    if selector and any(labels.get(key) != value for key, value in selector.items()):
        faults.invalid("spec.template.metadata.labels", labels, _MISMATCH)
    pod_template(spec["template"], "spec.template", faults)
    _always(spec["template"], "ReplicationController", faults)


def daemon_set(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    _selector(spec, "daemonset", faults)
    _template(spec, "DaemonSet", faults)
    faults.at_least_zero(spec, "spec", "minReadySeconds")
    _daemon_set_strategy(section(spec, "updateStrategy"), faults)
    faults.at_least_zero(spec, "spec", "revisionHistoryLimit")


def _daemon_set_strategy(strategy: Obj, faults: Faults) -> None:
    kind, path = strategy.get("type") or "", "spec.updateStrategy.rollingUpdate"
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        faults.unsupported("spec.updateStrategy.type", kind, ("RollingUpdate", "OnDelete"))
        return
    rolling = strategy.get("rollingUpdate")
    if rolling is None:
        faults.required(path)
        return
    _rolling(rolling, path, faults)
    not_more_than_all(f"{path}.maxSurge", rolling.get("maxSurge", 0), faults)
    surges, drops = not _is_zero(rolling.get("maxSurge")), not _is_zero(rolling.get("maxUnavailable"))
    if surges and drops:
        faults.invalid(f"{path}.maxSurge", rolling.get("maxSurge"), "may not be set when maxUnavailable is non-zero")
    elif not surges and not drops:
        faults.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def stateful_set(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    policy = spec.get("podManagementPolicy") or ""
    if not policy:
        faults.required("spec.podManagementPolicy")
    elif policy not in ("OrderedReady", "Parallel"):
        faults.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    _stateful_set_strategy(section(spec, "updateStrategy"), faults)
    faults.at_least_zero(spec, "spec", "replicas", "minReadySeconds")
    for index, claim in enumerate(items(spec, "volumeClaimTemplates")):
        path = f"spec.volumeClaimTemplates[{index}]"
        faults.name(f"{path}.metadata.name", section(claim, "metadata").get("name"), names.is_dns1123_subdomain)
        storage.claim_spec(section(claim, "spec"), f"{path}.spec", faults)
    if section(spec, "ordinals").get("start", 0) < 0:
        faults.invalid("spec.ordinals.start", spec["ordinals"]["start"], "must be greater than or equal to 0")
    _selector(spec, "statefulset", faults)
    _template(spec, "StatefulSet", faults)
    _retention(section(spec, "persistentVolumeClaimRetentionPolicy"), faults)


def _stateful_set_strategy(strategy: Obj, faults: Faults) -> None:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    path = "spec.updateStrategy"
    if not kind:
        faults.required(path)
    elif kind == "OnDelete":
        if rolling is not None:
            faults.invalid(f"{path}.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'")
    elif kind != "RollingUpdate":
        faults.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        faults.at_least_zero(rolling, f"{path}.rollingUpdate", "partition")
        if rolling.get("maxUnavailable") is not None:
            faults.int_or_percent(f"{path}.rollingUpdate.maxUnavailable", rolling["maxUnavailable"])
            if _is_zero(rolling["maxUnavailable"]):
                faults.invalid(f"{path}.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], "cannot be 0")


def _retention(policy: Obj, faults: Faults) -> None:
    for field in ("whenDeleted", "whenScaled"):
        if policy.get(field) not in (None, "Retain", "Delete"):
            path = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
            faults.unsupported(path, policy[field], ("Retain", "Delete"))


def stateful_set_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec"), section(old, "spec")
    fields = [*now, *(field for field in then if field not in now)]
    if any(now.get(field) != then.get(field) for field in fields if field not in _STATEFUL_SET_LOOSE):
        faults.forbidden("spec", _STATEFUL_SET_UPDATE)


def controller_revision(obj: Obj, faults: Faults, old: Obj | None) -> None:
    if obj.get("data") is None:
        faults.required("data", "data is mandatory")
    faults.at_least_zero({"revision": obj.get("revision")}, "", "revision")


def controller_revision_update(new: Obj, old: Obj, faults: Faults) -> None:
    faults.immutable("data", new.get("data"), old.get("data"))


def template_object(obj: Obj, faults: Faults, old: Obj | None) -> None:
    """A PodTemplate."""
    pod_template(section(obj, "template"), "template", faults)
