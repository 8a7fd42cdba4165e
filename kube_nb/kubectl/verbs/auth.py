"""``kubectl auth can-i`` and ``kubectl auth whoami``. Models kubectl pkg/cmd/auth."""

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.describe.access import rule_rows
from kube_nb.kubectl.printers import output, tables
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_ACCESS = GVR("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
_RULES = GVR("authorization.k8s.io", "v1", "selfsubjectrulesreviews")
_REVIEW = GVR("authentication.k8s.io", "v1", "selfsubjectreviews")


async def _can_i(inv: Invocation) -> None:
    if inv["list"]:
        await _list(inv)
        return
    if inv.args and (inv["quiet"] and inv["list"]):
        raise KubectlError("error: list option can't be specified with neither quiet option nor arguments")
    if len(inv.args) not in (2, 3):
        text = "error: you must specify two arguments: verb resource or verb resource/resourceName."
        raise KubectlError(f"{text}\nSee 'kubectl auth can-i -h' for help and examples.")
    spec = await _attributes(inv)
    stored = await inv.session.client.create(_ACCESS, _body(_ACCESS, "SelfSubjectAccessReview", spec))
    status = stored.get("status") or {}
    if not inv["quiet"]:
        reasons = [f" - {status[field]}" for field in ("reason",) if not status.get("allowed") and status.get(field)]
        inv.out(("yes" if status.get("allowed") else "no") + "".join(reasons))
    inv.result.exit_code = 0 if status.get("allowed") else 1


def _body(gvr: GVR, kind: str, spec: Obj) -> Obj:
    return {"apiVersion": gvr.api_version, "kind": kind, "spec": spec}


async def _attributes(inv: Invocation) -> Obj:
    verb, what, *rest = inv.args
    if what.startswith("/"):
        if inv["subresource"]:
            raise KubectlError("error: --subresource can not be used with NonResourceURL")
        return {"nonResourceAttributes": {"path": what, "verb": verb}}
    kind, _, name = what.partition("/")
    name = rest[0] if rest else name
    attributes: Obj = {"verb": verb, "name": name, "subresource": inv["subresource"]}
    namespaced = True
    if kind == "*":
        attributes |= {"resource": "*", "group": "*" if inv.args[1] == "*" else ""}
    else:
        attributes |= await _resource(inv, kind)
        mapping = inv.session.mapper.lookup(kind)
        namespaced = mapping is None or mapping.namespaced
        if mapping is not None and not namespaced and not inv["all-namespaces"]:
            group = f" group '{mapping.gvr.group}'" if mapping.gvr.group else ""
            inv.err(
                f"Warning: resource '{mapping.gvr.resource}' is not namespace scoped{' in' + group if group else ''}\n"
            )
    if namespaced and not inv["all-namespaces"]:
        attributes["namespace"] = inv.namespace
    return {"resourceAttributes": {field: value for field, value in attributes.items() if value}}


async def _resource(inv: Invocation, kind: str) -> Obj:
    try:
        mapping = await inv.session.mapper.resource(kind)
    except KubectlError:
        inv.err(f"Warning: the server doesn't have a resource type '{kind}'\n")
        name, _, group = kind.partition(".")
        return {"resource": name, "group": group}
    return {"resource": mapping.gvr.resource, "group": mapping.gvr.group}


async def _list(inv: Invocation) -> None:
    body = _body(_RULES, "SelfSubjectRulesReview", {"namespace": inv.namespace})
    status = (await inv.session.client.create(_RULES, body)).get("status") or {}
    if status.get("incomplete"):
        inv.err(f"warning: the list may be incomplete: {status.get('evaluationError', '')}")
    rules = [*(status.get("resourceRules") or []), *(status.get("nonResourceRules") or [])]
    titles = [] if inv["no-headers"] else [("Resources", "Non-Resource URLs", "Resource Names", "Verbs")]
    lines = [*titles, *rule_rows(rules)]
    inv.write(tables.align("".join("\t".join(cells) + "\n" for cells in lines)))


async def _whoami(inv: Invocation) -> None:
    body = {"apiVersion": _REVIEW.api_version, "kind": "SelfSubjectReview", "metadata": {}}
    stored = await inv.session.client.create(_REVIEW, body)
    inv.result.objects = [stored]
    if inv["output"]:
        changes.show(inv, [stored])
        return
    user = (stored.get("status") or {}).get("userInfo") or {}
    rows = [["ATTRIBUTE", "VALUE"]]
    rows += [[title, user[field]] for title, field in (("Username", "username"), ("UID", "uid")) if user.get(field)]
    if user.get("groups"):
        rows.append(["Groups", f"[{' '.join(user['groups'])}]"])
    extra = user.get("extra") or {}
    rows += [[f"Extra: {key}", f"[{' '.join(extra[key])}]"] for key in sorted(extra)]
    inv.write(tables.align("".join("\t".join(cells) + "\n" for cells in rows)))


COMMAND = Command(
    name="auth",
    about="Inspect authorization.",
    usage="kubectl auth [flags] [options]",
    subcommands=(
        Command(
            name="can-i",
            about="Check whether an action is allowed.",
            usage="kubectl auth can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]",
            examples="  # Check to see if I can create pods in any namespace\n"
            "  kubectl auth can-i create pods --all-namespaces",
            run=_can_i,
            flags=(
                resources.ALL_NAMESPACES,
                Flag("list", "bool", help="If true, prints all allowed actions."),
                Flag("no-headers", "bool", help="If true, prints allowed actions without headers."),
                Flag("quiet", "bool", short="q", help="If true, suppress output and just return the exit code."),
                Flag("subresource", help="SubResource such as pod/log or deployment/scale."),
            ),
        ),
        Command(
            name="whoami",
            about="Experimental: Check who you are and your attributes (groups, extra).",
            usage="kubectl auth whoami [options]",
            run=_whoami,
            flags=output.OUTPUT_FLAGS,
        ),
    ),
)
