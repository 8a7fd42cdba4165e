"""``kubectl set env``: adds, removes and lists environment variables."""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from kube_nb.kubectl import pod_specs, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import set_change
from kube_nb.machinery import objects
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_WORD = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*=.*|[A-Za-z_.-][A-Za-z0-9_.-]*-", re.DOTALL)


async def run(inv: Invocation) -> None:
    words, changes = _split(inv.args)
    _check(inv, words)
    new, removed = _parse(inv, [*inv["env"], *changes])
    if inv["from"]:
        new += await _imported(inv)
    new = [{**variable, "name": f"{inv['prefix']}{variable['name']}"} for variable in new]
    found = await set_change.targets(inv, words)

    def make(obj: Obj) -> Obj:
        return pod_specs.changed(obj, lambda spec: _with(inv, obj, spec, new, removed))

    if inv["list"]:
        for target in found:
            obj = target.obj if inv["local"] and target.obj else await resources.read(inv, target)
            pod_specs.changed(make(obj), partial(_listed, inv, obj))
        return

    told = set_change.Words("env updated", "failed to patch env update to pod template:")
    await set_change.change(inv, found, make, told, [])


def _split(args: Sequence[str]) -> tuple[list[str], list[str]]:
    words: list[str] = []
    changes: list[str] = []
    for arg in args:
        if _WORD.fullmatch(arg):
            changes.append(arg)
        elif changes:
            everything = " ".join(args)
            raise KubectlError(f"error: all resources must be specified before environment changes: {everything}")
        else:
            words.append(arg)
    return words, changes


def _check(inv: Invocation, words: Sequence[str]) -> None:
    if inv["all"] and inv["selector"]:
        raise KubectlError("error: cannot set --all and --selector at the same time")
    if not inv["filename"] and not words:
        raise KubectlError("error: one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if inv["list"] and inv["output"]:
        raise KubectlError("error: --list and --output may not be specified together")
    if inv["keys"] and not inv["from"]:
        raise KubectlError("error: when specifying --keys, a configmap or secret must be provided with --from")


def _parse(inv: Invocation, texts: Sequence[str]) -> tuple[list[Obj], list[str]]:
    """Variables to set, and names to remove; ``-`` reads the input."""
    new: dict[str, str] = {}
    removed: list[str] = []
    for text in texts:
        if text == "-":
            lines = [line for line in inv.session.stdin.splitlines() if "=" in line and not line.startswith("#")]
            new |= {name: value for name, _, value in (line.partition("=") for line in lines)}
        elif "=" in text:
            name, _, value = text.partition("=")
            new[name] = value
        elif text.endswith("-"):
            removed.append(text[:-1])
        else:
            raise KubectlError(f"error: unknown environment: {text}")
    for name in removed:
        if name in new:
            raise KubectlError("error: can not both modify and remove an environment variable in the same command")
    return [{"name": name, "value": value} for name, value in new.items()], removed


async def _imported(inv: Invocation) -> list[Obj]:
    """Variables that point to the keys of --from's ConfigMap or Secret."""
    found: list[Obj] = []
    for target in await resources.targets(inv, [inv["from"]]):
        obj = await resources.read(inv, target)
        kinds: Mapping[str, str] = {"Secret": "secretKeyRef", "ConfigMap": "configMapKeyRef"}
        field = kinds.get(obj["kind"])
        if field is None:
            raise KubectlError("error: unsupported resource specified in --from")
        for key in sorted(obj.get("data") or {}):
            if not inv["keys"] or key in inv["keys"]:
                name = re.sub("[^a-zA-Z0-9_]", "_", key).upper()
                if name != key:
                    inv.err(f"Warning: key {key} transferred to {name}")
                found.append({"name": name, "valueFrom": {field: {"key": key, "name": objects.name(obj)}}})
    return found


def _with(inv: Invocation, obj: Obj, spec: Obj, new: Sequence[Obj], removed: Sequence[str]) -> Obj:
    def changed(container: Obj) -> Obj:
        before = container.get("env") or []
        if not inv["overwrite"]:
            _refuse_overwriting(before, new)
        names = {variable["name"]: variable for variable in new}
        env = [names.pop(each["name"], each) for each in before if each["name"] not in removed]
        return {**{k: v for k, v in container.items() if k != "env"}, "env": env + list(names.values())}

    spec, found = pod_specs.with_containers(spec, inv["containers"], changed)
    if not found:
        what = f"{obj['kind']}/{objects.name(obj)}"
        inv.err(f'Warning: {what} does not have any containers matching "{inv["containers"]}"')
    return spec


def _refuse_overwriting(before: Sequence[Obj], new: Sequence[Obj]) -> None:
    values = {each["name"]: each.get("value", "") for each in before}
    for each in new:
        if each["name"] in values and values[each["name"]] != each.get("value", ""):
            raise KubectlError(
                f"'{each['name']}' already has a value ({values[each['name']]}), and --overwrite is false"
            )


def _listed(inv: Invocation, obj: Obj, spec: Obj) -> Obj:
    """Print every chosen container's variables; the spec comes back as it is."""

    def show(container: Obj) -> Obj:
        inv.out(f"# {obj['kind']} {objects.name(obj)}, container {container['name']}")
        for variable in container.get("env") or []:
            source = variable.get("valueFrom")
            name = variable["name"]
            inv.out(f"# {name} from {_reference(source)}" if source else f"{name}={variable.get('value', '')}")
        return container

    return pod_specs.with_containers(spec, inv["containers"], show)[0]


def _reference(source: Obj) -> str:
    if "configMapKeyRef" in source:
        return f"configmap {source['configMapKeyRef'].get('name', '')}, key {source['configMapKeyRef']['key']}"
    if "secretKeyRef" in source:
        return f"secret {source['secretKeyRef'].get('name', '')}, key {source['secretKeyRef']['key']}"
    if "fieldRef" in source:
        return f"field path {source['fieldRef']['fieldPath']}"
    if "resourceFieldRef" in source:
        container = source["resourceFieldRef"].get("containerName")
        prefix = f"{container}/" if container else ""
        return f"resource field {prefix}{source['resourceFieldRef']['resource']}"
    return "invalid valueFrom"


COMMAND = Command(
    name="env",
    about="Update environment variables on a pod template. List environment variable definitions in one or more pods, "
    "pod templates. Add, update, or remove container environment variable definitions.",
    usage="kubectl set env RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N [options]",
    examples="""\
  # Update deployment 'registry' with a new environment variable
  kubectl set env deployment/registry STORAGE_DIR=/local

  # List the environment variables defined on a deployments 'sample-build'
  kubectl set env deployment/sample-build --list

  # Import environment from a secret
  kubectl set env --from=secret/mysecret deployment/myapp""",
    run=run,
    flags=(
        *set_change.FLAGS,
        Flag("containers", default="*", short="c", help="The names of containers to change; may use wildcards."),
        Flag("env", "array", short="e", help="Specify a key-value pair for an environment variable to set."),
        Flag("from", help="The name of a resource from which to inject environment variables."),
        Flag("keys", "strings", help="Comma-separated list of keys to import from specified resource."),
        Flag("list", "bool", help="If true, display the environment and any changes in the standard format."),
        Flag("overwrite", "bool", default=True, help="If true, allow environment to be overwritten."),
        Flag("prefix", help="Prefix to append to variable names."),
    ),
)
