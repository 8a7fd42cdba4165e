"""``kubectl config``: looks at, and changes, the session's kubeconfig. Models kubectl pkg/cmd/config.

Differs: the kubeconfig is the session's; what is changed here holds for the session and is not written to a file.
"""

from kube_nb.kubectl import changes
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.printers import objects, tables
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Json, Obj

_REDACTED = ("client-key-data", "client-certificate-data", "certificate-authority-data", "token", "password")
_EMPTY: Obj = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": None,
    "contexts": None,
    "users": None,
    "preferences": {},
    "current-context": "",
}


async def _view(inv: Invocation) -> None:
    config = {**_EMPTY, **inv.session.config}
    if inv["minify"]:
        config = _minified(config)
    shown = config if inv["raw"] else _redacted(config)
    if inv["output"] in ("", "yaml"):
        inv.write(objects.to_yaml(shown))
    elif inv["output"] == "json":
        inv.write(objects.to_json(shown))
    else:
        changes.show(inv, [shown])


def _minified(config: Obj) -> Obj:
    """Only what the current context uses."""
    name = config.get("current-context")
    context = _entry(config, "contexts", str(name))
    if context is None:
        raise KubectlError("error: current-context must exist in order to minify")
    keep = {"clusters": context["context"].get("cluster"), "users": context["context"].get("user"), "contexts": name}
    lists = {field: [each for each in config.get(field) or [] if each["name"] == keep[field]] for field in keep}
    return {**config, **lists}


def _redacted(value: Json, key: str = "") -> Json:
    if isinstance(value, dict):
        return {name: _redacted(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    if key in _REDACTED and value:
        return "DATA+OMITTED" if key == "certificate-authority-data" else _omitted(key)
    return value


def _omitted(key: str) -> str:
    return "DATA+OMITTED" if key.endswith("-data") else "REDACTED"


def _entry(config: Obj, field: str, name: str) -> Obj | None:
    return next((each for each in config.get(field) or [] if each["name"] == name), None)


async def _current(inv: Invocation) -> None:
    name = inv.session.config.get("current-context")
    if not name:
        raise KubectlError("error: current-context is not set")
    inv.out(name)


async def _contexts(inv: Invocation) -> None:
    config = inv.session.config
    found = config.get("contexts") or []
    if inv.args:
        for name in inv.args:
            if _entry(config, "contexts", name) is None:
                inv.fail(f"error: context {name} not found")
        found = [each for each in found if each["name"] in inv.args]
    if inv["output"] == "name":
        inv.write("".join(f"{each['name']}\n" for each in found))
        return
    rows = [] if inv["no-headers"] else [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]]
    for each in sorted(found, key=lambda each: str(each["name"])):
        context = each["context"]
        mark = "*" if each["name"] == config.get("current-context") else ""
        cells = [context.get("cluster", ""), context.get("user", ""), context.get("namespace", "")]
        rows.append([mark, each["name"], *cells])
    inv.write(tables.align("".join("\t".join(cells) + "\n" for cells in rows)))


def _names(field: str, title: str):  # type: ignore[no-untyped-def]  # a coroutine function
    async def run(inv: Invocation) -> None:
        inv.out(title)
        for each in inv.session.config.get(field) or []:
            inv.out(each["name"])

    return run


async def _use(inv: Invocation) -> None:
    if len(inv.args) != 1:
        raise usage_error("kubectl config use-context", "Unexpected args: [" + " ".join(inv.args) + "]")
    name = inv.args[0]
    context = _entry(inv.session.config, "contexts", name)
    if context is None:
        raise KubectlError(f'error: no context exists with the name: "{name}"')
    if name != inv.session.config.get("current-context"):
        raise KubectlError(f'error: context "{name}" is of another cluster; a session keeps to the one it was made for')
    inv.out(f'Switched to context "{name}".')


async def _set_context(inv: Invocation) -> None:
    if not inv["current"] and len(inv.args) != 1:
        raise usage_error("kubectl config set-context", "Unexpected args: [" + " ".join(inv.args) + "]")
    config = inv.session.config
    name = str(config.get("current-context") or "") if inv["current"] else inv.args[0]
    if inv["current"] and not name:
        raise KubectlError("error: no current context is set")
    old = _entry(config, "contexts", name)
    given = {flag: inv[flag] for flag in ("cluster", "user", "namespace") if inv.given(flag)}
    context = {**((old or {}).get("context") or {}), **given}
    entry = {"name": name, "context": context}
    others = [entry if each["name"] == name else each for each in config.get("contexts") or []]
    config["contexts"] = others if old else [*others, entry]
    inv.out(f'Context "{name}" {"modified" if old else "created"}.')


def _read(name: str, about: str, run, *flags: Flag) -> Command:  # type: ignore[no-untyped-def]  # a coroutine function
    return Command(name=name, about=about, usage=f"kubectl config {name} [options]", run=run, flags=flags)


COMMAND = Command(
    name="config",
    about='Modify kubeconfig files using subcommands like "kubectl config set-context --current --namespace=team".',
    usage="kubectl config SUBCOMMAND [options]",
    subcommands=(
        _read("current-context", "Display the current-context.", _current),
        _read("get-clusters", "Display clusters defined in the kubeconfig.", _names("clusters", "NAME")),
        _read(
            "get-contexts",
            "Describe one or many contexts.",
            _contexts,
            Flag("no-headers", "bool", help="When using the default output format, don't print headers."),
            Flag("output", short="o", help="Output format. One of: (name)."),
        ),
        _read("get-users", "Display users defined in the kubeconfig.", _names("users", "NAME")),
        _read(
            "set-context",
            "Set a context entry in kubeconfig.",
            _set_context,
            Flag("current", "bool", help="Modify the current context."),
            Flag("cluster", help="cluster for the context entry in kubeconfig."),
            Flag("user", help="user for the context entry in kubeconfig."),
            Flag("namespace", short="n", help="namespace for the context entry in kubeconfig."),
        ),
        _read("use-context", "Set the current-context in a kubeconfig file.", _use),
        _read(
            "view",
            "Display merged kubeconfig settings or a specified kubeconfig file.",
            _view,
            Flag("flatten", "bool", help="Flatten the resulting kubeconfig file into self-contained output."),
            Flag("minify", "bool", help="Remove all information not used by current-context from the output."),
            Flag("raw", "bool", help="Display raw byte data and sensitive data."),
            Flag("merge", "bool", default=True, help="Merge the full hierarchy of kubeconfig files."),
            Flag("output", default="yaml", short="o", help="Output format."),
            *changes.change_flags("")[3:],
        ),
    ),
)
