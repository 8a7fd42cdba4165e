"""Get and list.

Models apiserver pkg/storage/etcd3/store.go (GetList) and pkg/endpoints/handlers/get.go.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import orjson

from kube_nb.apiserver import continuation
from kube_nb.apiserver.cacher import Entry
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.resource import Resource, Selection, select
from kube_nb.apiserver.storage import joined
from kube_nb.etcd.errors import Compacted, FutureRevision
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, Response
from kube_nb.machinery.types import Obj


async def get(call: Call) -> Obj:
    """The newest state; resourceVersion in the query is a lower bound, which the newest always meets."""
    wanted = revision_of(call.request.param("resourceVersion"))
    entry = await call.server.storage.get(call.resource.cacher, call.key)
    if wanted > call.server.storage.revision:
        raise too_large(wanted, call.server.storage.revision)
    if entry is None:
        raise call.not_found()
    return await call.resource.from_storage(entry.obj)


def revision_of(text: str) -> int:
    """A resourceVersion as a revision; 0 for "" and "0"."""
    if not text:
        return 0
    if not text.isdigit() or len(text) > 20:
        fault = errors.FieldError(
            errors.INVALID, "resourceVersion", text, f'strconv.ParseUint: parsing "{text}": invalid syntax'
        )
        raise errors.bad_request(f'resourceVersion: Invalid value: "{text}": {fault.detail}')
    return int(text)


def too_large(wanted: int, newest: int) -> errors.ApiError:
    """504: the client knows a version that this server has not reached. Models NewTooLargeResourceVersionError."""
    return errors.ApiError(
        504,
        "Timeout",
        f"Too large resource version: {wanted}, current: {newest}",
        {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
    )


@dataclass(slots=True)
class ListResponse(Response):
    """A list whose bytes are joined from the stored ones when somebody wants bytes."""

    entries: tuple[Entry, ...] = ()

    def encode(self) -> bytes:
        if self.raw is None:
            assert self.obj is not None
            head = orjson.dumps({**self.obj, "items": []})
            self.raw = b"".join((head[:-2], joined(self.entries), b"]}"))
        return self.raw


@dataclass(slots=True)
class ListOptions:
    """The query of a list. revision: 0 if none is asked for; match: "", Exact or NotOlderThan."""

    selection: Selection
    limit: int
    continue_: str
    revision: int
    match: str

    @classmethod
    def of(cls, call: Call) -> "ListOptions":
        param = call.request.param
        selection = select(
            call.resource, call.info.namespace, param("labelSelector"), param("fieldSelector"), call.info.name
        )
        options = cls(
            selection,
            _limit(call.request),
            param("continue"),
            revision_of(param("resourceVersion")),
            param("resourceVersionMatch"),
        )
        options.check(call.request)
        return options

    def check(self, request: Request) -> None:
        """422 for combinations that upstream refuses. Models ValidateListOptions."""
        given = request.param("resourceVersion")
        why = ""
        if self.match not in ("", "Exact", "NotOlderThan"):
            why = 'supported values: "Exact", "NotOlderThan", ""'
            _refuse(errors.NOT_SUPPORTED, self.match, why)
        if self.match and not given:
            _refuse(errors.FORBIDDEN, "", "resourceVersionMatch is forbidden unless resourceVersion is provided")
        if self.match and self.continue_:
            _refuse(errors.FORBIDDEN, "", "resourceVersionMatch is forbidden when continue is provided")
        if self.match == "Exact" and given == "0":
            _refuse(errors.FORBIDDEN, "", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
        if self.continue_ and given not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")


def _refuse(reason: str, value: str, detail: str) -> None:
    fault = errors.FieldError(reason, "resourceVersionMatch", value, detail)
    raise errors.invalid("ListOptions", "meta.k8s.io", "", [fault])


def _limit(request: Request) -> int:
    text = request.param("limit", "0")
    try:
        return max(0, int(text or 0))
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


@dataclass(slots=True)
class Page:
    """entries in key order, of a revision; remaining: how many more, None if a selector makes that unknown."""

    entries: tuple[Entry, ...]
    revision: int
    continue_: str = ""
    remaining: int | None = None


async def page(call: Call, options: ListOptions) -> Page:
    """What a list returns. 410 Expired for a revision that the store has forgotten, 504 for one yet to come."""
    storage, cacher, selection = call.server.storage, call.resource.cacher, options.selection
    newest = await storage.newest()
    start, revision = continuation.decode(options.continue_) if options.continue_ else ("", 0)
    if options.match == "Exact" or (options.revision and options.limit and options.match != "NotOlderThan"):
        revision = options.revision
    if max(options.revision, revision) > newest:
        raise too_large(max(options.revision, revision), newest)
    found: Iterable[Entry]
    if 0 < revision < newest:
        try:
            found = await storage.at(cacher, revision, selection.namespace, start)
        except (Compacted, FutureRevision):
            raise _expired(options, start) from None
    else:
        revision = newest
        found = current(call, selection, start)
    resource = call.resource
    if selection.matches is None:
        cut = _cut(found, revision, options)
        cut.entries = await _served(resource, cut.entries)
        return cut
    served = found if resource.is_plain else await _served(resource, tuple(found))
    return _cut((entry for entry in served if selection.matches(entry.obj)), revision, options)


async def _served(resource: Resource, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Entries of the served version; their bytes are gone where that is not the stored one."""
    if resource.is_plain:
        return entries
    objs = await resource.served([entry.obj for entry in entries])
    return tuple(
        entry if obj is entry.obj else Entry(entry.key, obj, b"", entry.revision)
        for entry, obj in zip(entries, objs, strict=True)
    )


def _expired(options: ListOptions, start: str) -> errors.ApiError:
    if options.continue_:
        return continuation.ExpiredContinue(start)
    return errors.gone("The resourceVersion for the provided list is too old.")


def current(call: Call, selection: Selection, start: str) -> Iterator[Entry]:
    cacher = call.resource.cacher
    if selection.name and (selection.namespace or not call.resource.kind.namespaced):
        entry = cacher.get(call.resource.key(selection.namespace, selection.name))
        return iter([entry] if entry is not None and entry.key >= start else [])
    return cacher.select(selection.namespace, start, selection.index_value)


def _cut(found: Iterable[Entry], revision: int, options: ListOptions) -> Page:
    if not options.limit:
        return Page(tuple(found), revision)
    rest = iter(found)
    entries = tuple(islice(rest, options.limit))
    following = next(rest, None)
    if following is None:
        return Page(entries, revision)
    remaining = None if options.selection.matches is not None else 1 + sum(1 for _ in rest)
    return Page(entries, revision, continuation.encode(following.key, revision), remaining)


def response(call: Call, found: Page) -> ListResponse:
    """The List object of a page. Models metav1.ListMeta."""
    kind = call.resource.kind
    metadata: Obj = {"resourceVersion": str(found.revision)}
    if found.continue_:
        metadata["continue"] = found.continue_
        if found.remaining is not None:
            metadata["remainingItemCount"] = found.remaining
    items = [entry.obj for entry in found.entries]
    obj = {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata, "items": items}
    return ListResponse(obj=obj, entries=found.entries)
