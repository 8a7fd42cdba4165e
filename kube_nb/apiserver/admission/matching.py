"""Rules and selectors by which webhooks and policies choose requests.

Models apiserver pkg/admission/plugin/webhook/predicates.
"""

from typing import Any

from kube_nb.apiserver.admission.attributes import Attributes
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj


def covers(rule: Obj, attributes: Attributes) -> bool:
    """Whether a rule of operations, groups, versions, resources and scope covers the request."""
    info = attributes.call.info
    scope = rule.get("scope") or "*"
    resources = rule.get("resources") or ()
    any_resource = f"*/{info.subresource}" if info.subresource else "*"
    wanted = (info.resource_with_subresource, "*/*", f"{info.resource}/*", any_resource)
    names = rule.get("resourceNames") or ()
    return (
        _in(attributes.operation, rule.get("operations"))
        and _in(info.group, rule.get("apiGroups"))
        and _in(info.version, rule.get("apiVersions"))
        and any(name in resources for name in wanted)
        and scope in ("*", "Namespaced" if attributes.namespace else "Cluster")
        and (not names or attributes.name in names)
    )


def _in(value: str, allowed: Any) -> bool:
    return bool(allowed) and (value in allowed or "*" in allowed)


def selected(selectors: Obj, attributes: Attributes) -> bool:
    """Whether namespaceSelector and objectSelector, if there are any, choose the request."""
    by_namespace, by_object = selectors.get("namespaceSelector"), selectors.get("objectSelector")
    if by_namespace and attributes.namespace:
        entry = attributes.server.cacher("namespaces").get(attributes.namespace)
        if entry is None or not labels.from_label_selector(by_namespace).matches(objects.labels(entry.obj)):
            return False
    if by_object:
        selector = labels.from_label_selector(by_object)
        seen = [obj for obj in (attributes.obj, attributes.old) if obj is not None]
        return any(selector.matches(objects.labels(obj)) for obj in seen)
    return True
