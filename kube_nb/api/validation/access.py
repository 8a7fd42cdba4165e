"""Roles, bindings, certificate requests, access reviews. Models pkg/apis/rbac and certificates validation."""

from collections.abc import Sequence

from kube_nb.api.validation import selectors
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

_GROUP = "rbac.authorization.k8s.io"
_USAGES = (
    "signing",
    "digital signature",
    "content commitment",
    "key encipherment",
    "key agreement",
    "data encipherment",
    "cert sign",
    "crl sign",
    "encipher only",
    "decipher only",
    "any",
    "server auth",
    "client auth",
    "code signing",
    "email protection",
    "s/mime",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "timestamping",
    "ocsp signing",
    "microsoft sgc",
    "netscape sgc",
)


def role(obj: Obj, faults: Faults, old: Obj | None) -> None:
    for index, rule in enumerate(items(obj, "rules")):
        _policy_rule(rule, is_namespaced=True, path=f"rules[{index}]", faults=faults)


def cluster_role(obj: Obj, faults: Faults, old: Obj | None) -> None:
    for index, rule in enumerate(items(obj, "rules")):
        _policy_rule(rule, is_namespaced=False, path=f"rules[{index}]", faults=faults)
    aggregation = obj.get("aggregationRule")
    if aggregation is None:
        return
    found = items(aggregation, "clusterRoleSelectors")
    if not found:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        faults.required("aggregationRule.clusterRoleSelectors", detail)
    for index, selector in enumerate(found):
        selectors.label_selector(selector, f"aggregationRule.clusterRoleSelectors[{index}]", faults)


def _policy_rule(rule: Obj, *, is_namespaced: bool, path: str, faults: Faults) -> None:
    if not rule.get("verbs"):
        faults.required(f"{path}.verbs", "verbs must contain at least one value")
    urls, groups, kinds = rule.get("nonResourceURLs"), rule.get("apiGroups"), rule.get("resources")
    if urls:
        if is_namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            faults.invalid(f"{path}.nonResourceURLs", list(urls), detail)
        if groups or kinds or rule.get("resourceNames"):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            faults.invalid(f"{path}.nonResourceURLs", list(urls), detail)
        return
    if not groups:
        faults.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not kinds:
        faults.required(f"{path}.resources", "resource rules must supply at least one resource")


def role_binding(obj: Obj, faults: Faults, old: Obj | None) -> None:
    _role_reference(section(obj, "roleRef"), ("ClusterRole", "Role"), faults)
    _subjects(items(obj, "subjects"), is_namespaced=True, faults=faults)


def cluster_role_binding(obj: Obj, faults: Faults, old: Obj | None) -> None:
    _role_reference(section(obj, "roleRef"), ("ClusterRole",), faults)
    _subjects(items(obj, "subjects"), is_namespaced=False, faults=faults)


def _role_reference(reference: Obj, kinds: tuple[str, ...], faults: Faults) -> None:
    group, kind = reference.get("apiGroup") or "", reference.get("kind") or ""
    if group != _GROUP:
        faults.unsupported("roleRef.apiGroup", group, (_GROUP,))
    if kind not in kinds:
        faults.unsupported("roleRef.kind", kind, kinds)
    faults.name("roleRef.name", reference.get("name"), names.is_path_segment_name)


def _subjects(subjects: Sequence[Obj], *, is_namespaced: bool, faults: Faults) -> None:
    for index, subject in enumerate(subjects):
        here = f"subjects[{index}]"
        kind, group, name = (subject.get(field) or "" for field in ("kind", "apiGroup", "name"))
        if not name:
            faults.required(f"{here}.name")
        if kind == "ServiceAccount":
            if name:
                faults.check(f"{here}.name", name, names.is_dns1123_subdomain)
            if group:
                faults.unsupported(f"{here}.apiGroup", group, ("",))
            if not is_namespaced and not subject.get("namespace"):
                faults.required(f"{here}.namespace")
        elif kind in ("User", "Group"):
            if group != _GROUP:
                faults.unsupported(f"{here}.apiGroup", group, (_GROUP,))
        else:
            faults.unsupported(f"{here}.kind", kind, ("ServiceAccount", "User", "Group"))


def binding_update(new: Obj, old: Obj, faults: Faults) -> None:
    if new.get("roleRef") != old.get("roleRef"):
        faults.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")


def certificate_signing_request(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    if not spec.get("request"):
        faults.invalid("spec.request", "", "PEM block type must be CERTIFICATE REQUEST")
    usages = spec.get("usages") or ()
    if not usages:
        faults.required("spec.usages", "usages must be provided")
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            faults.unsupported(f"spec.usages[{index}]", usage, sorted(_USAGES))
    signer = spec.get("signerName") or ""
    if not signer:
        faults.required("spec.signerName")
    elif "/" not in signer:
        faults.invalid(
            "spec.signerName", signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        )
    elif signer == "kubernetes.io/legacy-unknown":
        faults.invalid("spec.signerName", signer, "kubernetes.io/legacy-unknown is not allowed via this API version")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        faults.invalid(
            "spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"
        )


def token_request(obj: Obj, faults: Faults, old: Obj | None) -> None:
    seconds = section(obj, "spec").get("expirationSeconds", 3600)
    if seconds < 600:
        faults.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    elif seconds > 1 << 32:
        faults.invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
