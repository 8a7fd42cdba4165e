"""``kubectl events``. Models kubectl pkg/cmd/events."""

import asyncio

from kube_nb.api.resources import EVENTS
from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.describe import events as shown
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.printers import output, tables
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_COLUMNS = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]


async def run(inv: Invocation) -> None:
    selector = await _selector(inv)
    namespace = None if inv["all-namespaces"] else inv.namespace
    listed = await inv.session.client.list(EVENTS, namespace, field_selector=selector)
    found = [event for event in listed.get("items") or [] if _is_wanted(inv, event)]
    found.sort(key=_last_seen)
    if inv["output"]:
        head = {"apiVersion": "v1", "kind": "Event"}
        inv.result.objects = [{**head, **event} for event in found]
        _show(inv)
    elif found:
        _print(inv, found, headers=not inv["no-headers"])
    elif not inv["watch"]:
        where = "" if inv["all-namespaces"] else f" in {inv.namespace} namespace"
        inv.err(f"No events found{where}.")
    if inv["watch"]:
        await _follow(inv, namespace, selector, listed["metadata"]["resourceVersion"], headers=not found)


async def _selector(inv: Invocation) -> str:
    if not inv["for"]:
        return ""
    kind, slash, name = inv["for"].partition("/")
    if not slash or not name:
        raise KubectlError("error: --for must be in resource/name form")
    mapping = await inv.session.mapper.resource(kind)
    wanted = {
        "involvedObject.kind": mapping.kind,
        "involvedObject.name": name,
        "involvedObject.apiVersion": mapping.gvr.api_version,
    }
    return ",".join(f"{path}={value}" for path, value in wanted.items())


def _is_wanted(inv: Invocation, event: Obj) -> bool:
    types = [each.lower() for each in inv["types"]]
    return not types or str(event.get("type", "")).lower() in types


def _last_seen(event: Obj) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _show(inv: Invocation) -> None:
    if inv["output"] == "name":
        inv.write("".join(f"event/{event['metadata']['name']}\n" for event in inv.result.objects))
    else:
        printer = output.printer(inv["output"], template=inv["template"], managed_fields=inv["show-managed-fields"])
        if printer is None:
            changes.show(inv, inv.result.objects)
        else:
            inv.write(printer(inv.result.objects, True))


def _print(inv: Invocation, found: list[Obj], *, headers: bool) -> None:
    lines = [(["NAMESPACE"] if inv["all-namespaces"] else []) + _COLUMNS] if headers else []
    inv.result.objects += found
    inv.write(tables.align("".join("\t".join(cells) + "\n" for cells in lines + [_row(inv, each) for each in found])))


def _row(inv: Invocation, event: Obj) -> list[str]:
    involved = event.get("involvedObject") or {}
    subject = Subject(inv.session.client, event, inv.session.clock.now())
    target = f"{involved.get('kind', '')}/{involved.get('name', '')}"
    cells = [_interval(subject, event), event.get("type", ""), event.get("reason", ""), target]
    message = str(event.get("message", "")).strip()
    return ([event["metadata"].get("namespace", "")] if inv["all-namespaces"] else []) + [*cells, message]


def _interval(subject: Subject, event: Obj) -> str:
    if event.get("series") or event.get("count", 0) > 1:
        return shown.interval(subject, event)
    return subject.age(event.get("eventTime") or event.get("firstTimestamp"))


async def _follow(inv: Invocation, namespace: str | None, selector: str, version: str, *, headers: bool) -> None:
    stream = await inv.session.client.watch(EVENTS, namespace, field_selector=selector, resource_version=version)
    try:
        async for each in stream:
            if each.type in ("ADDED", "MODIFIED") and _is_wanted(inv, each.object):
                _print(inv, [each.object], headers=headers and not inv["no-headers"])
                headers = False
            await asyncio.sleep(0)
    finally:
        stream.close()


COMMAND = Command(
    name="events",
    about="Display events. Prints a table of the most important information about events. You can request events for a "
    "namespace, for all namespace, or filtered to only those pertaining to a specified resource.",
    usage="kubectl events [(-o|--output=)json|yaml|name|jsonpath] [--for TYPE/NAME] [--watch] [--types=Normal,Warning] "
    "[options]",
    examples="""\
  # List recent events in the default namespace
  kubectl events

  # List recent events for the specified pod, then wait for more events and list them as they arrive
  kubectl events --for pod/web-pod-13je7 --watch

  # List only events of type 'Warning' or 'Normal'
  kubectl events --types=Warning,Normal""",
    run=run,
    flags=(
        resources.ALL_NAMESPACES,
        Flag("for", help="Filter events to only those pertaining to the specified resource."),
        Flag("types", "strings", help="Output only events of given types."),
        Flag("watch", "bool", short="w", help="After listing the requested events, watch for more events."),
        Flag("no-headers", "bool", help="When using the default output format, don't print headers."),
        Flag("chunk-size", "int", default=500, help="Return large lists in chunks, 0 to disable."),
        *output.OUTPUT_FLAGS,
    ),
)
