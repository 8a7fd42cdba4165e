"""``kubectl get``: tables as the server prints them, or objects in any format; ``-w`` follows the changes.

Models kubectl pkg/cmd/get/get.go.
"""

from collections.abc import Sequence

from kube_nb.kubectl import resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.mapper import Mapping
from kube_nb.kubectl.printers import jsonpath, output, tables
from kube_nb.kubectl.result import KubectlError, Sheet
from kube_nb.machinery import duration, quantity, times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Json, Obj

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

#: The tables of one kind: the mapping, and one table per request that was made for it.
Group = tuple[Mapping, list[Obj]]


async def run(inv: Invocation) -> None:
    if inv["raw"]:
        await _raw(inv)
        return
    _check(inv)
    printer = output.printer(
        inv["output"],
        template=inv["template"],
        managed_fields=inv["show-managed-fields"],
        allow_missing_keys=inv["allow-missing-template-keys"],
        headers=not inv["no-headers"],
        singulars=lambda obj: _singular(inv, obj),
        read=inv.session.read,
    )
    if inv["watch"] or inv["watch-only"]:
        from kube_nb.kubectl.verbs import get_watch

        await get_watch.run(inv, printer)
    elif printer is None:
        _print_tables(inv, await fetch_tables(inv))
    else:
        await _print_objects(inv, printer)


def _check(inv: Invocation) -> None:
    if not inv.args and not inv["filename"]:
        raise KubectlError(
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
            "supported resources.\n\nerror: Required resource not specified.\n"
            'Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain '
            "pods).\nSee 'kubectl get -h' for help and examples"
        )
    if inv["all-namespaces"] and (len(inv.args) > 1 or "/" in "".join(inv.args[:1])):
        raise KubectlError("error: a resource cannot be retrieved by name across all namespaces")


async def _raw(inv: Invocation) -> None:
    path, _, query = inv["raw"].partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    response = await inv.session.client.raw("GET", path, query={key: [value] for key, value in pairs})
    inv.write(response.encode().decode())


def _singular(inv: Invocation, obj: Obj) -> str:
    mapping = inv.session.mapper.lookup_kind(obj)
    return mapping.singular if mapping else ""


# -- objects -----------------------------------------------------------------------------------------------------------


async def _print_objects(inv: Invocation, printer: output.Printer) -> None:
    objects, listing = await fetch_objects(inv)
    if not objects and inv["output"] == "name" and not inv.result.exit_code:
        return
    if inv.result.exit_code and not objects:
        return
    if inv["sort-by"]:
        objects = sorted_by(objects, inv["sort-by"])
    inv.result.objects = list(objects)
    inv.write(printer(objects, listing))


async def fetch_objects(inv: Invocation) -> tuple[list[Obj], bool]:
    """The objects that the arguments name, and whether they are a listing."""
    if inv["filename"]:
        read = [await _one(inv, target) for target in await resources.targets(inv)]
        return [obj for obj in read if obj is not None], False
    selection = await resources.select(inv, inv.args)
    objects: list[Obj] = []
    for mapping in selection.mappings:
        objects += (await resources.list_objects(inv, mapping))["items"]
    for mapping, name in selection.names:
        obj = await _one(inv, resources.Target(mapping, resources.scope(inv, mapping), name))
        objects += [obj] if obj is not None else []
    return objects, bool(selection.mappings)


async def _one(inv: Invocation, target: resources.Target) -> Obj | None:
    try:
        return await inv.session.client.get(
            target.mapping.gvr, target.name, target.namespace, subresource=inv["subresource"] or None
        )
    except ApiError as error:
        if error.code == 404 and inv["ignore-not-found"]:
            return None
        inv.fail(resources.message_of(error))
        return None


def sorted_by(objects: Sequence[Obj], expression: str) -> list[Obj]:
    """Objects in the order of a field; those without it come first. Models kubectl's SortingPrinter."""
    template = jsonpath.compile(jsonpath.relaxed(expression))
    return sorted(objects, key=lambda obj: _sort_key(template.find(obj)))


def _sort_key(found: list[Json]) -> tuple[int, Json]:
    if not found or found[0] is None:
        return (0, 0)
    value = found[0]
    if isinstance(value, str):
        try:
            return (1, float(quantity.parse(value)))
        except ValueError:
            return (2, value)
    return (1, value) if isinstance(value, (int, float)) else (2, str(value))


# -- tables ------------------------------------------------------------------------------------------------------------


async def fetch_tables(inv: Invocation) -> list[Group]:
    """A table per listing and per named object, kind after kind."""
    if inv["filename"]:
        named = [(t.mapping, t.name, t.namespace) for t in await resources.targets(inv)]
        return await _named_tables(inv, named)
    selection = await resources.select(inv, inv.args)
    if selection.names:
        resources.refuse_selector(inv)
        return await _named_tables(inv, [(m, name, resources.scope(inv, m)) for m, name in selection.names])
    return [(mapping, [await _listed_table(inv, mapping)]) for mapping in selection.mappings]


async def _named_tables(inv: Invocation, named: Sequence[tuple[Mapping, str, str | None]]) -> list[Group]:
    groups: list[Group] = []
    for mapping, name, namespace in named:
        path = mapping.gvr.path(namespace, name, inv["subresource"] or None)
        try:
            table = await _table(inv, path, {})
        except ApiError as error:
            if error.code != 404 or not inv["ignore-not-found"]:
                inv.fail(resources.message_of(error))
            continue
        if groups and groups[-1][0] == mapping:
            groups[-1][1].append(table)
        else:
            groups.append((mapping, [table]))
    return groups


async def _listed_table(inv: Invocation, mapping: Mapping) -> Obj:
    query = {"limit": [str(inv["chunk-size"])]} if inv["chunk-size"] else {}
    for flag, parameter in (("selector", "labelSelector"), ("field-selector", "fieldSelector")):
        if inv[flag]:
            query[parameter] = [inv[flag]]
    if inv["sort-by"]:
        query["includeObject"] = ["Object"]
    path = mapping.gvr.path(resources.scope(inv, mapping))
    try:
        first = await _table(inv, path, query)
    except ApiError as error:
        raise resources.list_error(inv, mapping, error) from None
    rows, token = list(first.get("rows") or []), first["metadata"].get("continue")
    while token:
        part = await _table(inv, path, {**query, "continue": [token]})
        rows += part.get("rows") or []
        token = part["metadata"].get("continue")
    if inv["sort-by"]:
        rows = _sorted_rows(rows, inv["sort-by"])
    return {**first, "rows": rows}


def _sorted_rows(rows: list[Obj], expression: str) -> list[Obj]:
    template = jsonpath.compile(jsonpath.relaxed(expression))
    return sorted(rows, key=lambda row: _sort_key(template.find(row.get("object"))))


async def _table(inv: Invocation, path: str, query: dict[str, list[str]]) -> Obj:
    response = await inv.session.client.raw("GET", path, query=query, headers={"accept": TABLE})
    found = response.object()
    return found if found.get("kind") == "Table" else _bare_table(inv, found)


def _bare_table(inv: Invocation, obj: Obj) -> Obj:
    """For what the server does not print: its name and age."""
    created = obj["metadata"].get("creationTimestamp")
    age = duration.human(times.seconds_since(created, inv.session.clock.now())) if created else "<unknown>"
    columns = [{"name": "Name", "type": "string"}, {"name": "Age", "type": "string"}]
    return {
        "kind": "Table",
        "metadata": {},
        "columnDefinitions": columns,
        "rows": [{"cells": [obj["metadata"]["name"], age], "object": obj}],
    }


def _print_tables(inv: Invocation, groups: list[Group]) -> None:
    inv.result.tables = [table for _, found in groups for table in found]
    shown = [group for group in groups if any(table.get("rows") for table in group[1])]
    if not shown:
        if not inv.result.exit_code and not inv["ignore-not-found"]:
            inv.err(_nothing_found(inv, groups))
        return
    prefixed = len({group[0] for group in groups}) > 1 or inv["show-kind"]
    parts = []
    for mapping, found in shown:
        options = table_options(inv, mapping, prefixed=prefixed)
        text = tables.lines(found[0], options)
        text += "".join(tables.lines(table, tables.without_headers(options)) for table in found[1:])
        parts.append(tables.align(text))
        inv.result.sheets.append(Sheet([line.split("\t") for line in text.splitlines()], not inv["no-headers"]))
    inv.write("\n".join(parts))


def table_options(inv: Invocation, mapping: Mapping, *, prefixed: bool) -> tables.TableOptions:
    group = mapping.gvr.group
    prefix = f"{mapping.singular}.{group}" if group else mapping.singular
    return tables.TableOptions(
        wide=inv["output"] == "wide",
        no_headers=inv["no-headers"],
        with_namespace=inv["all-namespaces"] and mapping.namespaced,
        kind_prefix=prefix if prefixed else "",
        show_labels=inv["show-labels"],
        label_columns=inv["label-columns"],
    )


def _nothing_found(inv: Invocation, groups: list[Group]) -> str:
    namespaced = not inv["all-namespaces"] and all(mapping.namespaced for mapping, _ in groups)
    return f"No resources found in {inv.namespace} namespace." if namespaced else "No resources found"


FLAGS = (
    *resources.FILENAME_FLAGS,
    *resources.SELECTOR_FLAGS,
    *output.OUTPUT_FLAGS,
    resources.ALL_NAMESPACES,
    Flag("watch", "bool", short="w", help="After listing/getting the requested object, watch for changes."),
    Flag("watch-only", "bool", help="Watch for changes to the requested object(s), without listing/getting first."),
    Flag("show-labels", "bool", help="When printing, show all labels as the last column."),
    Flag("label-columns", "strings", short="L", help="Accepts a comma separated list of labels to show as columns."),
    Flag("sort-by", help="If non-empty, sort list types using this field specification (a JSONPath expression)."),
    Flag("no-headers", "bool", help="When using the default or custom-column output format, don't print headers."),
    Flag("show-kind", "bool", help="If present, list the resource type for the requested object(s)."),
    Flag("ignore-not-found", "bool", help="If the requested object does not exist, return exit code 0."),
    Flag(
        "chunk-size",
        "int",
        default=500,
        help="Return large lists in chunks, 0 to disable.",
    ),
    Flag("raw", help="Raw URI to request from the server."),
    Flag("subresource", help="If specified, gets the subresource of the requested object."),
    Flag("server-print", "bool", default=True, help="If true, have the server return the appropriate table output."),
)

COMMAND = Command(
    name="get",
    about="Display one or many resources.",
    usage="kubectl get [(-o|--output=)json|yaml|name|jsonpath|custom-columns|wide] (TYPE[.VERSION][.GROUP] "
    "[NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]",
    examples="""\
  # List all pods in ps output format
  kubectl get pods

  # List all pods in ps output format with more information (such as node name)
  kubectl get pods -o wide

  # List the pods whose label app is web, and follow their changes
  kubectl get pods -l app=web -w

  # Return only the phase value of the specified pod
  kubectl get -o jsonpath='{.status.phase}' pod/web-pod-13je7

  # List all replication controllers and services together
  kubectl get rc,services""",
    run=run,
    flags=FLAGS,
)
