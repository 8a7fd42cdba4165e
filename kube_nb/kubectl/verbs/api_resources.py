"""``kubectl api-resources`` and ``kubectl api-versions``. Models kubectl pkg/cmd/apiresources."""

from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.mapper import Mapping
from kube_nb.kubectl.printers import tables
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.pflag import Flag


async def _resources(inv: Invocation) -> None:
    if inv.args:
        raise usage_error("kubectl api-resources", f"unexpected arguments: [{' '.join(inv.args)}]")
    if inv["output"] not in ("", "wide", "name"):
        raise KubectlError(f"error: --output {inv['output']} is not available")
    await inv.session.mapper.refresh()
    found = [each for each in _preferred(inv) if _is_wanted(inv, each)]
    found.sort(key=_kind_order if inv["sort-by"] == "kind" else _name_order)
    if inv["output"] == "name":
        inv.write("".join(f"{each.gvr.group_resource}\n" for each in found))
        return
    rows = [_row(each, wide=inv["output"] == "wide") for each in found]
    titles = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    titles += ["VERBS", "CATEGORIES"] if inv["output"] == "wide" else []
    lines = ([] if inv["no-headers"] else [titles]) + rows
    inv.write(tables.align("".join("\t".join(cells) + "\n" for cells in lines)))


def _preferred(inv: Invocation) -> list[Mapping]:
    """Each resource in the first version of its group that has it."""
    found: dict[tuple[str, str], Mapping] = {}
    for each in inv.session.mapper.mappings:
        found.setdefault((each.gvr.group, each.gvr.resource), each)
    return list(found.values())


def _is_wanted(inv: Invocation, each: Mapping) -> bool:
    if inv.given("api-group") and each.gvr.group != inv["api-group"]:
        return False
    if inv.given("namespaced") and each.namespaced != inv["namespaced"]:
        return False
    if not each.verbs or any(verb not in each.verbs for verb in inv["verbs"]):
        return False
    return all(category in each.categories for category in inv["categories"])


def _name_order(each: Mapping) -> tuple[str, str]:
    """By group, then by name."""
    return (each.gvr.group, each.gvr.resource)


def _kind_order(each: Mapping) -> tuple[str, str]:
    return (each.kind, each.gvr.group)


def _row(each: Mapping, *, wide: bool) -> list[str]:
    cells = [each.gvr.resource, ",".join(each.short_names), each.gvr.api_version]
    cells += ["true" if each.namespaced else "false", each.kind]
    return cells + ([",".join(each.verbs), ",".join(each.categories)] if wide else [])


async def _versions(inv: Invocation) -> None:
    if inv.args:
        raise usage_error("kubectl api-versions", f"unexpected arguments: [{' '.join(inv.args)}]")
    await inv.session.mapper.refresh()
    versions = sorted(dict.fromkeys(each.gvr.api_version for each in inv.session.mapper.mappings))
    inv.write("".join(f"{version}\n" for version in versions))


RESOURCES = Command(
    name="api-resources",
    about="Print the supported API resources on the server.",
    usage="kubectl api-resources [flags] [options]",
    examples="""\
  # Print the supported API resources
  kubectl api-resources

  # Print the supported API resources with more information
  kubectl api-resources -o wide

  # Print the supported namespaced resources
  kubectl api-resources --namespaced=true""",
    run=_resources,
    flags=(
        Flag("api-group", help="Limit to resources in the specified API group."),
        Flag("categories", "strings", help="Limit to resources that belong to the specified categories."),
        Flag("namespaced", "bool", default=True, help="If false, non-namespaced resources will be returned."),
        Flag("no-headers", "bool", help="When using the default output format, don't print headers."),
        Flag("output", short="o", help="Output format. One of: (wide, name)."),
        Flag("sort-by", help="If non-empty, sort list of resources using specified field: name or kind."),
        Flag("verbs", "strings", help="Limit to resources that support the specified verbs."),
        Flag("cached", "bool", help="Use the cached list of resources if available."),
    ),
)
VERSIONS = Command(
    name="api-versions",
    about='Print the supported API versions on the server, in the form of "group/version".',
    usage="kubectl api-versions",
    examples="  # Print the supported API versions\n  kubectl api-versions",
    run=_versions,
)
