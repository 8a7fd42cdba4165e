"""``kubectl get -w``: the listing, then a line per change until the watch is interrupted."""

from kube_nb.kubectl import resources
from kube_nb.kubectl.command import Invocation
from kube_nb.kubectl.mapper import Mapping
from kube_nb.kubectl.printers import output, tables
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import get
from kube_nb.machinery.exchange import WatchStream
from kube_nb.machinery.types import Obj


async def run(inv: Invocation, printer: output.Printer | None) -> None:
    """Follow one kind, or one object of it; text goes out as it comes."""
    selection = await resources.select(inv, inv.args)
    kinds = dict.fromkeys(selection.mappings) | {mapping: None for mapping, _ in selection.names}
    if len(kinds) != 1 or len(selection.names) > 1:
        raise KubectlError("error: you may only specify a single resource type")
    mapping = next(iter(kinds))
    name = selection.names[0][1] if selection.names else ""
    if printer is None:
        await _tables(inv, mapping, name)
    else:
        await _objects(inv, mapping, name, printer)


def _field_selector(inv: Invocation, name: str) -> str:
    return f"metadata.name={name}" if name else str(inv["field-selector"])


async def _tables(inv: Invocation, mapping: Mapping, name: str) -> None:
    query = {"fieldSelector": [_field_selector(inv, name)], "labelSelector": [inv["selector"]]}
    query = {key: value for key, value in query.items() if value[0]}
    path = mapping.gvr.path(resources.scope(inv, mapping))
    accept = {"accept": get.TABLE}
    listed = (await inv.session.client.raw("GET", path, query, headers=accept)).object()
    widths = _Widths(get.table_options(inv, mapping, prefixed=inv["show-kind"]))
    if not inv["watch-only"]:
        _print_table(inv, listed, widths)
    query |= {"watch": ["true"], "resourceVersion": [listed["metadata"]["resourceVersion"]]}
    response = await inv.session.client.raw("GET", path, query, headers=accept)
    assert response.watch is not None
    async for table in _changes(response.watch):
        definitions = table.get("columnDefinitions") or listed["columnDefinitions"]
        _print_table(inv, {**table, "columnDefinitions": definitions}, widths)


async def _objects(inv: Invocation, mapping: Mapping, name: str, printer: output.Printer) -> None:
    namespace, selector = resources.scope(inv, mapping), _field_selector(inv, name)
    client = inv.session.client
    listed = await client.list(mapping.gvr, namespace, label_selector=inv["selector"], field_selector=selector)
    head = {"apiVersion": mapping.gvr.api_version, "kind": mapping.kind}
    for obj in [] if inv["watch-only"] else listed.get("items") or []:
        _print_object(inv, {**head, **obj}, printer)
    stream = await client.watch(
        mapping.gvr,
        namespace,
        label_selector=inv["selector"],
        field_selector=selector,
        resource_version=listed["metadata"]["resourceVersion"],
        bookmarks=False,
    )
    async for obj in _changes(stream):
        _print_object(inv, obj, printer)


async def _changes(stream: WatchStream):  # type: ignore[no-untyped-def]  # an async generator of Obj; mypy infers it
    try:
        async for event in stream:
            if event.type == "ERROR":
                raise KubectlError(f"error: {event.object.get('message', 'the watch ended')}")
            if event.type != "BOOKMARK":
                yield event.object
    finally:
        stream.close()


class _Widths:
    """A table printed line by line: later lines keep the columns of the first, as kubectl's RememberWidths does."""

    def __init__(self, options: tables.TableOptions) -> None:
        self.options = options
        self._sample = ""

    def text(self, table: Obj) -> str:
        fresh = tables.lines(table, self.options)
        if not fresh:
            return ""
        self.options = tables.without_headers(self.options)
        aligned = tables.align(self._sample + fresh)
        shown = aligned.split("\n")[self._sample.count("\n") :]
        self._sample = self._sample or fresh
        return "\n".join(shown)


def _print_table(inv: Invocation, table: Obj, widths: _Widths) -> None:
    text = widths.text(table)
    if text:
        inv.result.tables.append(table)
        inv.write(text)


def _print_object(inv: Invocation, obj: Obj, printer: output.Printer) -> None:
    inv.result.objects.append(obj)
    text = printer([obj], False)
    inv.write(text if text.endswith("\n") else text + "\n")
