"""``kubectl create quota|poddisruptionbudget|priorityclass|ingress|token``."""

import re

from kube_nb.api.resources import SERVICE_ACCOUNTS
from kube_nb.kubectl import changes
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.create_command import command
from kube_nb.kubectl.verbs.set_resources import amounts
from kube_nb.machinery import duration, labels
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


def _quota(inv: Invocation, name: str) -> Obj:
    spec: Obj = {"hard": amounts(inv["hard"])} if inv["hard"] else {}
    if inv["scopes"]:
        spec["scopes"] = inv["scopes"].split(",")
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec, "status": {}}


def _budget(inv: Invocation, name: str) -> Obj:
    least, most = inv["min-available"], inv["max-unavailable"]
    if not inv["selector"]:
        raise KubectlError("error: a selector must be specified")
    if not least and not most:
        raise KubectlError("error: one of min-available or max-unavailable must be specified")
    if least and most:
        raise KubectlError("error: min-available and max-unavailable cannot be both specified")
    field, text = ("minAvailable", least) if least else ("maxUnavailable", most)
    if not re.fullmatch(r"[0-9]+%?", text):
        raise KubectlError(f"error: invalid format specified for {'min-available' if least else 'max-unavailable'}")
    spec = {field: int(text) if text.isdecimal() else text, "selector": _label_selector(inv["selector"])}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


def _label_selector(text: str) -> Obj:
    """A LabelSelector for ``-l``'s text."""
    found: Obj = {}
    operators = {"in": "In", "notin": "NotIn", "!=": "NotIn", "exists": "Exists", "!": "DoesNotExist"}
    for each in labels.parse(text).requirements:
        if each.operator in ("=", "=="):
            found.setdefault("matchLabels", {})[each.key] = each.values[0]
        else:
            row: Obj = {"key": each.key, "operator": operators[each.operator]}
            found.setdefault("matchExpressions", []).append(
                {**row, **({"values": list(each.values)} if each.values else {})}
            )
    return found


def _priority_class(inv: Invocation, name: str) -> Obj:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        **({"description": inv["description"]} if inv["description"] else {}),
        **({"globalDefault": True} if inv["global-default"] else {}),
        "preemptionPolicy": inv["preemption-policy"],
        "value": inv["value"],
    }


# -- ingresses ---------------------------------------------------------------------------------------------------------

_RULE = re.compile(r"(?P<host>[\w*\-.]*)(?P<path>/[^=]*)?=(?P<service>[\w\-]+):(?P<port>[\w\-]+)(?P<tls>,tls(?:=.*)?)?")


_TOO_LITTLE = (
    "error: not enough information provided: every ingress has to either specify a default-backend (which catches all "
    "traffic) or a list of rules (which catch specific paths)"
)


def _ingress(inv: Invocation, name: str) -> Obj:
    if not inv["rule"] and not inv["default-backend"]:
        raise KubectlError(_TOO_LITTLE)
    spec: Obj = {"ingressClassName": inv["class"]} if inv["class"] else {}
    if inv["default-backend"]:
        service, _, port = inv["default-backend"].partition(":")
        spec["defaultBackend"] = _backend(service, port)
    hosts: dict[str, list[Obj]] = {}
    secrets: dict[str, list[str]] = {}
    for text in inv["rule"]:
        found = _RULE.fullmatch(text)
        if found is None:
            raise KubectlError(
                f"error: rule {text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
            )
        path = found["path"] or ""
        kind = "Prefix" if path.endswith("*") else "Exact"
        row = {"backend": _backend(found["service"], found["port"]), "path": path.removesuffix("*"), "pathType": kind}
        hosts.setdefault(found["host"], []).append(row)
        if found["tls"]:
            secrets.setdefault(found["tls"].partition("=")[2], []).append(found["host"])
    if hosts:
        spec["rules"] = [{**({"host": host} if host else {}), "http": {"paths": hosts[host]}} for host in hosts]
    if secrets:
        spec["tls"] = [
            {**({"hosts": [h for h in names if h]} if any(names) else {}), **({"secretName": secret} if secret else {})}
            for secret, names in secrets.items()
        ]
    metadata: Obj = {"name": name}
    if inv["annotation"]:
        metadata["annotations"] = dict(pair.partition("=")[::2] for pair in inv["annotation"])
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }


def _backend(service: str, port: str) -> Obj:
    number: Obj = {"number": int(port)} if port.isdecimal() else {"name": port}
    return {"service": {"name": service, "port": number}}


# -- tokens ------------------------------------------------------------------------------------------------------------


async def _token(inv: Invocation) -> None:
    if len(inv.args) != 1:
        raise usage_error("kubectl create token", f"exactly one NAME is required, got {len(inv.args)}")
    spec: Obj = {"audiences": inv["audience"]}
    seconds = duration.parse(inv["duration"])
    if seconds:
        spec["expirationSeconds"] = int(seconds)
    body: Obj = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": spec}
    client = inv.session.client
    try:
        stored = await client.create(SERVICE_ACCOUNTS, body, inv.namespace, name=inv.args[0], subresource="token")
    except ApiError as error:
        raise KubectlError(f"error: failed to create token: {error.message}") from None
    inv.result.objects.append(stored)
    if inv["output"]:
        changes.show(inv, [stored])
    else:
        inv.out(stored["status"]["token"])


COMMANDS = (
    command(
        "quota",
        "Create a resource quota with the specified name, hard limits, and optional scopes.",
        "quota NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2]",
        _quota,
        Flag("hard", help="A comma-delimited set of resource=quantity pairs that define a hard limit."),
        Flag("scopes", help="A comma-delimited set of quota scopes that must all match each object."),
        aliases=("resourcequota",),
        refusal="failed to create quota:",
    ),
    command(
        "poddisruptionbudget",
        "Create a pod disruption budget with the specified name, selector, and desired minimum available pods.",
        "poddisruptionbudget NAME --selector=SELECTOR --min-available=N",
        _budget,
        Flag("selector", help="A label selector to use for this budget."),
        Flag("min-available", help="The minimum number or percentage of available pods this budget requires."),
        Flag("max-unavailable", help="The maximum number or percentage of unavailable pods this budget requires."),
        aliases=("pdb",),
        refusal="failed to create poddisruptionbudgets:",
    ),
    command(
        "priorityclass",
        "Create a priority class with the specified name, value, globalDefault and description.",
        "priorityclass NAME --value=VALUE --global-default=BOOL",
        _priority_class,
        Flag("value", "int", help="the value of this priority class."),
        Flag("global-default", "bool", help="Whether this PriorityClass should be considered as the default priority."),
        Flag("description", help="An arbitrary string on when this priority class should be used."),
        Flag("preemption-policy", default="PreemptLowerPriority", help="The policy for preempting lower priorities."),
        aliases=("pc",),
        refusal="failed to create priorityclass:",
        required=("value",),
    ),
    command(
        "ingress",
        "Create an ingress with the specified name.",
        "ingress NAME --rule=host/path=service:port[,tls[=secret]]",
        _ingress,
        Flag("class", help="Ingress Class to be used."),
        Flag("rule", "array", help="Rule in format host/path=service:port[,tls=secretname]."),
        Flag("annotation", "array", help="Annotation to insert in the ingress object, in the format annotation=value."),
        Flag("default-backend", help="Default service for backend, in format of svcname:port."),
        aliases=("ing",),
        refusal="failed to create ingress:",
    ),
    Command(
        name="token",
        about="Request a service account token.",
        usage="kubectl create token SERVICE_ACCOUNT_NAME [options]",
        run=_token,
        flags=(
            Flag("audience", "array", help="Audience of the requested token. May be repeated."),
            Flag("duration", "duration", default="0s", help="Requested lifetime of the issued token."),
            *changes.change_flags("kubectl-create"),
        ),
    ),
)
