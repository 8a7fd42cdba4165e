"""``kubectl create role|clusterrole|rolebinding|clusterrolebinding``."""

from collections.abc import Sequence

from kube_nb.kubectl import changes
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.create_command import Make, command, store
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

GROUP = "rbac.authorization.k8s.io"
_VERBS = (
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
    "*",
)


async def _role(inv: Invocation) -> None:
    await _create_role(inv, "Role")


async def _cluster_role(inv: Invocation) -> None:
    await _create_role(inv, "ClusterRole")


async def _create_role(inv: Invocation, kind: str) -> None:
    if len(inv.args) != 1:
        usage = f"kubectl create {kind.lower()}"
        raise KubectlError(
            f"error: exactly one NAME is required, got {len(inv.args)}\nSee '{usage} -h' for help and examples"
        )
    obj: Obj = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": inv.args[0]}}
    aggregation = inv.flags.values.get("aggregation-rule")
    if aggregation:
        labels = dict(pair.partition("=")[::2] for pair in aggregation)
        obj |= {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": labels}]}, "rules": []}
    else:
        obj["rules"] = await _rules(inv)
    await store(inv, obj, "")


async def _rules(inv: Invocation) -> list[Obj]:
    verbs = list(dict.fromkeys(inv["verb"]))
    if not verbs:
        raise KubectlError("error: at least one verb must be specified")
    verbs = ["*"] if "*" in verbs else verbs
    urls = inv.flags.values.get("non-resource-url") or []
    if not inv["resource"] and not urls:
        raise KubectlError("error: at least one resource must be specified")
    for verb in verbs:
        if verb not in _VERBS and not urls:
            inv.err(f"Warning: '{verb}' is not a standard resource verb")
    rules = await _resource_rules(inv, verbs)
    return rules + ([{"nonResourceURLs": urls, "verbs": verbs}] if urls else [])


async def _resource_rules(inv: Invocation, verbs: Sequence[str]) -> list[Obj]:
    """A rule per API group, in the order in which the groups were named."""
    groups: dict[str, list[str]] = {}
    for text in inv["resource"]:
        named, slash, subresource = text.partition("/")
        if named == "*":
            groups.setdefault("*", []).append("*")
            continue
        try:
            mapping = await inv.session.mapper.resource(named)
        except KubectlError as error:
            raise KubectlError(error.text.removeprefix("error: ")) from None
        groups.setdefault(mapping.gvr.group, []).append(mapping.gvr.resource + slash + subresource)
    names = {"resourceNames": inv["resource-name"]} if inv["resource-name"] else {}
    return [
        {"apiGroups": [group], **names, "resources": list(dict.fromkeys(groups[group])), "verbs": list(verbs)}
        for group in sorted(groups)
    ]


def _binding(kind: str) -> Make:
    def make(inv: Invocation, name: str) -> Obj:
        cluster_role, role = inv["clusterrole"], inv.flags.values.get("role") or ""
        if kind == "RoleBinding" and bool(cluster_role) == bool(role):
            raise KubectlError("error: exactly one of clusterrole or role must be specified")
        reference = {"apiGroup": GROUP, "kind": "ClusterRole" if cluster_role else "Role", "name": cluster_role or role}
        obj = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, "roleRef": reference}
        subjects = _subjects(inv)
        return {**obj, **({"subjects": subjects} if subjects else {})}

    return make


def _subjects(inv: Invocation) -> list[Obj]:
    found = [{"apiGroup": GROUP, "kind": "User", "name": name} for name in inv["user"]]
    found += [{"apiGroup": GROUP, "kind": "Group", "name": name} for name in inv["group"]]
    for text in inv["serviceaccount"]:
        namespace, colon, name = text.partition(":")
        if not colon or not namespace or not name:
            raise KubectlError("error: serviceaccount must be <namespace>:<name>")
        found.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return found


_RULE_FLAGS = (
    Flag("verb", "strings", help="Verb that applies to the resources contained in the rule."),
    Flag("resource", "strings", help="Resource that the rule applies to."),
    Flag("resource-name", "array", help="Resource in the white list that the rule applies to, repeat this flag."),
    changes.VALIDATE,
    *changes.change_flags("kubectl-create"),
)
_SUBJECT_FLAGS = (
    Flag("clusterrole", help="ClusterRole this binding should reference."),
    Flag("user", "array", help="Usernames to bind to the role."),
    Flag("group", "array", help="Groups to bind to the role."),
    Flag("serviceaccount", "array", help="Service accounts to bind to the role, in the format <namespace>:<name>."),
)
COMMANDS = (
    Command(
        name="role",
        about="Create a role with single rule.",
        usage="kubectl create role NAME --verb=verb --resource=resource.group/subresource [options]",
        run=_role,
        flags=_RULE_FLAGS,
    ),
    Command(
        name="clusterrole",
        about="Create a cluster role.",
        usage="kubectl create clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename] "
        "[options]",
        run=_cluster_role,
        flags=(
            *_RULE_FLAGS,
            Flag("non-resource-url", "strings", help="A partial url that user should have access to."),
            Flag("aggregation-rule", "strings", help="An aggregation label selector for combining ClusterRoles."),
        ),
    ),
    command(
        "rolebinding",
        "Create a role binding for a particular role or cluster role.",
        "rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname]",
        _binding("RoleBinding"),
        Flag("role", help="Role this RoleBinding should reference."),
        *_SUBJECT_FLAGS,
        refusal="failed to create rolebinding:",
    ),
    command(
        "clusterrolebinding",
        "Create a cluster role binding for a particular cluster role.",
        "clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname]",
        _binding("ClusterRoleBinding"),
        *_SUBJECT_FLAGS,
        refusal="failed to create clusterrolebinding:",
        required=("clusterrole",),
    ),
)
