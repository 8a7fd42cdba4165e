"""Webhook configurations, admission policies, CustomResourceDefinitions, APIServices.

Models the validation packages of admissionregistration, apiextensions and apiregistration.
"""

from collections.abc import Sequence

from kube_nb.api import expressions
from kube_nb.api.validation import expressions as programs
from kube_nb.api.validation import selectors
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_POLICIES = ("Fail", "Ignore")
_MATCHES = ("Equivalent", "Exact")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("binary", "byte", "date", "date-time", "double", "float", "int32", "int64", "password")


def webhook_configuration(obj: Obj, faults: Faults, old: Obj | None) -> None:
    seen: set[str] = set()
    is_mutating = obj.get("kind") == "MutatingWebhookConfiguration"
    for index, webhook in enumerate(items(obj, "webhooks")):
        here, name = f"webhooks[{index}]", webhook.get("name") or ""
        if not name:
            faults.required(f"{here}.name")
        elif name.count(".") < 2:
            faults.invalid(f"{here}.name", name, "should be a domain with at least three segments separated by dots")
        else:
            faults.check(f"{here}.name", name, names.is_dns1123_subdomain)
        if name in seen:
            faults.duplicate(f"{here}.name", name)
        seen.add(name)
        _webhook(webhook, here, faults)
        if is_mutating and webhook.get("reinvocationPolicy") not in ("IfNeeded", "Never"):
            policy = webhook.get("reinvocationPolicy") or ""
            faults.unsupported(f"{here}.reinvocationPolicy", policy, ("IfNeeded", "Never"))


def _webhook(webhook: Obj, path: str, faults: Faults) -> None:
    versions = webhook.get("admissionReviewVersions") or ()
    if not versions:
        detail = "must specify one of v1, v1beta1"
        faults.required(f"{path}.admissionReviewVersions", detail)
    elif "v1" not in versions and "v1beta1" not in versions:
        faults.invalid(f"{path}.admissionReviewVersions", list(versions), "must include at least one of v1, v1beta1")
    for index, rule in enumerate(items(webhook, "rules")):
        _rule(rule, f"{path}.rules[{index}]", faults)
    for field, supported in (("failurePolicy", _POLICIES), ("matchPolicy", _MATCHES)):
        if webhook.get(field) not in (None, *supported):
            faults.unsupported(f"{path}.{field}", webhook[field], supported)
    effects = webhook.get("sideEffects") or ""
    if not effects:
        faults.required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun")
    elif effects not in ("None", "NoneOnDryRun"):
        faults.unsupported(f"{path}.sideEffects", effects, ("None", "NoneOnDryRun"))
    seconds = webhook.get("timeoutSeconds", 10)
    if not 1 <= seconds <= 30:
        faults.invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds")
    for field in ("namespaceSelector", "objectSelector"):
        selectors.label_selector(webhook.get(field), f"{path}.{field}", faults)
    client(section(webhook, "clientConfig"), f"{path}.clientConfig", faults)
    programs.match_conditions(expressions.environment(), webhook, f"{path}.", faults)


def client(config: Obj, path: str, faults: Faults) -> None:
    """A WebhookClientConfig: a URL or a service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        faults.required(path, "exactly one of url or service is required")
    if url is not None and not url.startswith("https://"):
        scheme = url.partition("://")[0] if "://" in url else ""
        detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        faults.invalid(f"{path}.url", scheme, detail)
    if service is not None:
        for field in ("name", "namespace"):
            if not service.get(field):
                faults.required(f"{path}.service.{field}", f"service {field} is required")
        faults.port_number(f"{path}.service.port", service.get("port", 443))


def _rule(rule: Obj, path: str, faults: Faults) -> None:
    operations = rule.get("operations") or ()
    if not operations:
        faults.required(f"{path}.operations")
    if len(operations) > 1 and "*" in operations:
        faults.invalid(f"{path}.operations", list(operations), "if '*' is present, must not specify other operations")
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            faults.unsupported(f"{path}.operations[{index}]", operation, _OPERATIONS)
    for field in ("apiGroups", "apiVersions", "resources"):
        values = rule.get(field) or ()
        if not values:
            faults.required(f"{path}.{field}")
        if field != "resources" and len(values) > 1 and "*" in values:
            what = {"apiGroups": "API groups", "apiVersions": "API versions"}[field]
            faults.invalid(f"{path}.{field}", list(values), f"if '*' is present, must not specify other {what}")
    scope, supported = rule.get("scope"), ("*", "Cluster", "Namespaced")
    if scope is not None and scope not in supported:
        faults.unsupported(f"{path}.scope", scope, supported)


def admission_policy(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    is_mutating = obj.get("kind") == "MutatingAdmissionPolicy"
    if spec.get("failurePolicy") not in (None, *_POLICIES):
        faults.unsupported("spec.failurePolicy", spec["failurePolicy"], _POLICIES)
    constraints = spec.get("matchConstraints")
    if constraints is None:
        faults.required("spec.matchConstraints")
    else:
        _match_resources(constraints, "spec.matchConstraints", faults)
        if not constraints.get("resourceRules"):
            faults.required("spec.matchConstraints.resourceRules")
    if is_mutating:
        if not spec.get("mutations"):
            faults.required("spec.mutations", "mutations must contain at least one item")
    elif not spec.get("validations") and not spec.get("auditAnnotations"):
        detail = "validations or auditAnnotations must be set"
        faults.required("spec.validations", detail)
    _param_kind(spec, faults)
    composed = expressions.Composition(spec, mutating=is_mutating)
    programs.variables(spec, composed, faults)
    programs.match_conditions(composed.base, spec, "spec.", faults)
    programs.validations(spec, composed, faults)
    programs.audit_annotations(spec, composed, faults)
    programs.mutations(spec, composed, faults)


def _param_kind(spec: Obj, faults: Faults) -> None:
    kind = spec.get("paramKind")
    if kind is None:
        return
    api_version = kind.get("apiVersion") or ""
    if not api_version:
        faults.required("spec.paramKind.apiVersion")
    elif api_version.count("/") > 1:
        faults.invalid("spec.paramKind.apiVersion", api_version, f"unexpected GroupVersion string: {api_version}")
    if not kind.get("kind"):
        faults.required("spec.paramKind.kind")


def _match_resources(found: Obj, path: str, faults: Faults) -> None:
    for field in ("namespaceSelector", "objectSelector"):
        if found.get(field) is None:
            faults.required(f"{path}.{field}")
        selectors.label_selector(found.get(field), f"{path}.{field}", faults)
    for field in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(items(found, field)):
            _rule(rule, f"{path}.{field}[{index}]", faults)


def admission_policy_binding(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    faults.name("spec.policyName", spec.get("policyName"), names.is_dns1123_subdomain)
    if spec.get("paramRef") is not None:
        _param_ref(spec["paramRef"], faults)
    if obj.get("kind") == "ValidatingAdmissionPolicyBinding":
        actions = spec.get("validationActions") or ()
        if not actions:
            faults.required("spec.validationActions")
        for index, action in enumerate(actions):
            if action not in ("Audit", "Deny", "Warn"):
                faults.unsupported(f"spec.validationActions[{index}]", action, ("Audit", "Deny", "Warn"))
        if "Deny" in actions and "Warn" in actions:
            faults.invalid(
                "spec.validationActions",
                list(actions),
                "must not contain both Deny and Warn (repeating the same validation failure "
                "information in the API response and headers serves no purpose)",
            )


def _param_ref(reference: Obj, faults: Faults) -> None:
    here, name, selector = "spec.paramRef", reference.get("name") or "", reference.get("selector")
    if name and selector is not None:
        faults.invalid(f"{here}.name", name, "name and selector are mutually exclusive")
        faults.invalid(f"{here}.selector", selector, "name and selector are mutually exclusive")
    elif name:
        faults.check(f"{here}.name", name, names.is_path_segment_name)
    elif selector is None:
        faults.required(here, "one of name or selector must be specified")
    selectors.label_selector(selector, f"{here}.selector", faults)
    action = reference.get("parameterNotFoundAction")
    if not action:
        faults.required(f"{here}.parameterNotFoundAction")
    elif action not in ("Allow", "Deny"):
        faults.unsupported(f"{here}.parameterNotFoundAction", action, ("Deny", "Allow"))


# -- CustomResourceDefinition --------------------------------------------------------------------------------------


def custom_resource_definition(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    found, group = section(spec, "names"), spec.get("group") or ""
    expected = f"{found.get('plural', '')}.{group}"
    name = section(obj, "metadata").get("name") or ""
    if name != expected:
        faults.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    if not group:
        faults.required("spec.group")
    else:
        faults.check("spec.group", group, names.is_dns1123_subdomain)
        if "." not in group:
            faults.invalid("spec.group", group, "should be a domain with at least one dot")
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        faults.one_of("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    _versions(items(spec, "versions"), faults)
    _names(found, faults)
    _conversion(section(spec, "conversion"), faults)


def _versions(versions: Sequence[Obj], faults: Faults) -> None:
    seen: set[str] = set()
    for index, version in enumerate(versions):
        here, name = f"spec.versions[{index}]", version.get("name") or ""
        if name in seen:
            faults.invalid(
                "spec.versions", [each.get("name") for each in versions], "must contain unique version names"
            )
        seen.add(name)
        for detail in names.is_dns1035_label(name):
            faults.invalid(f"{here}.name", name, detail)
        schema = section(version, "schema").get("openAPIV3Schema")
        if schema is None:
            faults.required(f"{here}.schema.openAPIV3Schema", "schemas are required")
        else:
            _structural(schema, f"{here}.schema.openAPIV3Schema", faults)
        for position, column in enumerate(items(version, "additionalPrinterColumns")):
            _column(column, f"{here}.additionalPrinterColumns[{position}]", faults)
        scale = section(version, "subresources").get("scale")
        if scale is not None:
            _scale(scale, f"{here}.subresources.scale", faults)
    stored = [version for version in versions if version.get("storage")]
    if len(stored) != 1:
        faults.invalid(
            "spec.versions",
            [each.get("name") for each in versions],
            "must have exactly one version marked as storage version",
        )


def _structural(schema: Obj, path: str, faults: Faults) -> None:
    if schema.get("type") != "object":
        value = schema.get("type") or ""
        if value:
            faults.invalid(f"{path}.type", value, "must be object")
        else:
            faults.required(f"{path}.type", "must not be empty at the root")
    _structural_node(schema, path, faults, is_root=True)


def _structural_node(schema: Obj, path: str, faults: Faults, *, is_root: bool = False) -> None:
    """Every node has a type, or says why it has none; the rules of a structural schema that matter for pruning."""
    programs.rules(schema, path, faults, root=is_root)
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not schema.get("type") and not free and not is_root:
        faults.required(f"{path}.type", "must not be empty for specified object fields")
    if schema.get("properties") and isinstance(schema.get("additionalProperties"), dict):
        faults.forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    if schema.get("type") == "array" and schema.get("items") is None:
        faults.required(f"{path}.items", "must be specified")
    for name, child in section(schema, "properties").items():
        _structural_node(child, f"{path}.properties[{name}]", faults)
    if isinstance(schema.get("items"), dict):
        _structural_item(schema["items"], f"{path}.items", faults)
    if isinstance(schema.get("additionalProperties"), dict):
        _structural_node(schema["additionalProperties"], f"{path}.additionalProperties", faults)
    if schema.get("x-kubernetes-list-type") == "map" and not schema.get("x-kubernetes-list-map-keys"):
        faults.required(f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")


def _structural_item(schema: Obj, path: str, faults: Faults) -> None:
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not schema.get("type") and not free:
        faults.required(f"{path}.type", "must not be empty for specified array items")
        return
    _structural_node(schema, path, faults)


def _column(column: Obj, path: str, faults: Faults) -> None:
    if not column.get("name"):
        faults.required(f"{path}.name")
    kind = column.get("type") or ""
    if not kind:
        faults.required(f"{path}.type", f"must be one of {','.join(_COLUMN_TYPES)}")
    elif kind not in _COLUMN_TYPES:
        faults.invalid(f"{path}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}")
    if column.get("format") and column["format"] not in _COLUMN_FORMATS:
        faults.invalid(f"{path}.format", column["format"], f"must be one of {','.join(_COLUMN_FORMATS)}")
    where = column.get("jsonPath") or ""
    if not where:
        faults.required(f"{path}.jsonPath")
    elif not where.startswith("."):
        faults.invalid(f"{path}.jsonPath", where, "must be a simple json path starting with .")


def _scale(scale: Obj, path: str, faults: Faults) -> None:
    for field, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        value = scale.get(field) or ""
        if not value:
            faults.required(f"{path}.{field}")
        elif not value.startswith(root + "."):
            faults.invalid(f"{path}.{field}", value, f"should be a json path under {root}")


def _names(found: Obj, faults: Faults) -> None:
    for field in ("plural", "singular", "kind", "listKind"):
        value = found.get(field) or ""
        if not value:
            faults.required(f"spec.names.{field}")
        elif field in ("plural", "singular"):
            faults.check(f"spec.names.{field}", value, names.is_dns1035_label)
        else:
            for detail in names.is_dns1035_label(value.lower()):
                faults.invalid(
                    f"spec.names.{field}", value, "may have mixed case, but should otherwise match: " + detail
                )
    for field in ("shortNames", "categories"):
        for index, name in enumerate(found.get(field) or ()):
            faults.check(f"spec.names.{field}[{index}]", name, names.is_dns1035_label)
    if found.get("kind") and found.get("kind") == found.get("listKind"):
        faults.invalid("spec.names.listKind", found["listKind"], "kind and listKind may not be the same")


def _conversion(conversion: Obj, faults: Faults) -> None:
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook")
    if strategy not in ("None", "Webhook"):
        faults.one_of("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy == "Webhook":
        if section(webhook, "clientConfig"):
            client(webhook["clientConfig"], "spec.conversion.webhookClientConfig", faults)  # type: ignore[index]  # it has the section
        else:
            faults.required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook")
    elif webhook is not None:
        faults.forbidden("spec.conversion.webhook", "should not be set when strategy is not set to Webhook")


def custom_resource_definition_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec"), section(old, "spec")
    faults.immutable("spec.group", now.get("group"), then.get("group"))
    faults.immutable("spec.names.plural", section(now, "names").get("plural"), section(then, "names").get("plural"))
    if any(
        found.get("type") == "Established" and found.get("status") == "True"
        for found in items(section(old, "status"), "conditions")
    ):
        faults.immutable("spec.scope", now.get("scope"), then.get("scope"))
        faults.immutable("spec.names.kind", section(now, "names").get("kind"), section(then, "names").get("kind"))
    served = [version.get("name") for version in items(now, "versions")]
    for index, version in enumerate(section(new, "status").get("storedVersions") or ()):
        if version not in served:
            faults.invalid(f"status.storedVersions[{index}]", version, "must appear in spec.versions")


def api_service(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    expected = f"{spec.get('version', '')}.{spec.get('group', '')}"
    name = section(obj, "metadata").get("name") or ""
    if name != expected:
        faults.invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{expected}"')
    if spec.get("group"):
        faults.check("spec.group", spec["group"], names.is_dns1123_subdomain)
    faults.check("spec.version", spec.get("version") or "", names.is_dns1035_label)
    for field, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < spec.get(field, 0) <= most:
            faults.invalid(f"spec.{field}", spec.get(field, 0), f"must be positive and less than {most}")
    service = spec.get("service")
    if service is None:
        if spec.get("caBundle"):
            faults.invalid(
                "spec.caBundle", f"{len(spec['caBundle'])} bytes", "local APIServices may not have a caBundle"
            )
        return
    for field in ("namespace", "name"):
        if not service.get(field):
            faults.required(f"spec.service.{field}")
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        faults.invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")
