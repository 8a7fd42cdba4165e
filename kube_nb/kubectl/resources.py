"""From arguments and files to the resources a verb works on.

``pods web``, ``pod/web deploy/api``, ``po,svc -l app=web`` and ``-f FILE`` all become `Target`s: a mapping, a
namespace and a name. Models cli-runtime pkg/resource/builder.go.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kube_nb.kubectl import manifest
from kube_nb.kubectl.command import Invocation
from kube_nb.kubectl.mapper import Mapping
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import WatchEvent, WatchStream
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

FILENAME_FLAGS = (
    Flag("filename", "strings", short="f", help="The files that contain the configurations, or - for the input."),
    Flag("recursive", "bool", short="R", help="Process the directory used in -f, --filename recursively."),
    Flag("kustomize", short="k", help="Process a kustomization directory. Not available here."),
)
SELECTOR_FLAGS = (
    Flag("selector", short="l", help="Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'."),
    Flag("field-selector", help="Selector (field query) to filter on, supports '=', '==', and '!='."),
)
#: Lists are read in pieces of this size.
CHUNK = 500
ALL_NAMESPACES = Flag("all-namespaces", "bool", short="A", help="If present, list across all namespaces.")


@dataclass(frozen=True, slots=True)
class Target:
    """A resource that a verb works on. obj: from a file, or as it was read. source: the file, for messages."""

    mapping: Mapping
    namespace: str | None
    name: str
    obj: Obj | None = None
    source: str = ""

    @property
    def display(self) -> str:
        """``pod/web`` or ``deployment.apps/web``, as kubectl names a resource in its messages."""
        return f"{self.type_name}/{self.name}"

    @property
    def type_name(self) -> str:
        group = self.mapping.gvr.group
        return f"{self.mapping.singular}.{group}" if group else self.mapping.singular


@dataclass(frozen=True, slots=True)
class Selection:
    """What the arguments name: kinds alone (a listing), or kinds with names."""

    mappings: tuple[Mapping, ...] = ()
    names: tuple[tuple[Mapping, str], ...] = ()


async def select(inv: Invocation, args: Sequence[str]) -> Selection:
    """Read ``TYPE[,TYPE] [NAME...]`` or ``TYPE/NAME ...``; errors as kubectl words them."""
    if not args:
        return Selection()
    if any("/" in arg for arg in args):
        return Selection(names=tuple([await _typed_name(inv, arg) for arg in args]))
    mappings = await types(inv, args[0])
    if len(args) == 1:
        return Selection(mappings=tuple(mappings))
    return Selection(names=tuple((mapping, name) for mapping in mappings for name in args[1:]))


async def types(inv: Invocation, text: str) -> list[Mapping]:
    """``po,svc`` or a category such as ``all``."""
    found: list[Mapping] = []
    for word in text.split(","):
        category = await inv.session.mapper.category(word)
        found += category or [await inv.session.mapper.resource(word)]
    return list(dict.fromkeys(found))


async def _typed_name(inv: Invocation, arg: str) -> tuple[Mapping, str]:
    kind, slash, name = arg.partition("/")
    if not slash:
        what = "there is no need to specify a resource type as a separate argument when passing arguments"
        raise KubectlError(
            f"error: {what} in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead "
            f"of 'kubectl get resource resource/<resource_name>'"
        )
    if not kind or not name or "/" in name:
        raise KubectlError("error: arguments in resource/name form must have a single resource and name")
    return await inv.session.mapper.resource(kind), name


async def targets(inv: Invocation, args: Sequence[str] | None = None, *, everything: bool = False) -> list[Target]:
    """Every resource that the arguments, ``-f``, ``-l`` and ``--all`` name; those given by kind alone are listed.

    A fault of one resource is printed and the others are still returned.
    """
    if inv.flags.values.get("kustomize"):
        raise KubectlError("error: kustomizations are not built here: build it first and apply the result with -f")
    if inv.flags.values.get("filename"):
        return [target async for target in from_files(inv)]
    selection = await select(inv, inv.args if args is None else args)
    if not selection.mappings and not selection.names:
        raise KubectlError(
            "error: You must provide one or more resources by argument or filename.\n"
            "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n"
            "   '<resource> <name>'\n   '<resource>'"
        )
    if selection.names:
        refuse_selector(inv)
        return [Target(mapping, scope(inv, mapping), name) for mapping, name in selection.names]
    if not everything and not inv.flags.values.get("selector") and not inv.flags.values.get("field-selector"):
        raise KubectlError("error: resource(s) were provided, but no name was specified")
    found: list[Target] = []
    for mapping in selection.mappings:
        for obj in (await list_objects(inv, mapping)).get("items") or []:
            metadata = obj["metadata"]
            found.append(Target(mapping, metadata.get("namespace"), metadata["name"], obj))
    return found


def refuse_selector(inv: Invocation) -> None:
    """Names and a selector together are refused."""
    if inv.flags.values.get("selector"):
        raise KubectlError("error: name cannot be provided when a selector is specified")


def scope(inv: Invocation, mapping: Mapping) -> str | None:
    """The namespace for requests: None for cluster-scoped kinds and for ``--all-namespaces``."""
    if not mapping.namespaced or inv.flags.values.get("all-namespaces"):
        return None
    return inv.namespace


async def list_objects(inv: Invocation, mapping: Mapping) -> Obj:
    """The objects of a kind that the selectors choose, with apiVersion and kind on every item."""
    try:
        listed = await inv.session.client.list(
            mapping.gvr,
            scope(inv, mapping),
            label_selector=inv.flags.values.get("selector") or "",
            field_selector=inv.flags.values.get("field-selector") or "",
        )
    except ApiError as error:
        raise list_error(inv, mapping, error) from None
    head = {"apiVersion": mapping.gvr.api_version, "kind": mapping.kind}
    return {**listed, "items": [{**head, **item} for item in listed.get("items") or []]}


def list_error(inv: Invocation, mapping: Mapping, error: ApiError) -> ApiError:
    """A refused list with what was asked for. Models cli-runtime's EnhanceListError."""
    if error.code not in (400, 404) or error.message.startswith("Unable to "):
        return error
    labels, fields = (inv.flags.values.get(flag) or "" for flag in ("selector", "field-selector"))
    gvr = mapping.gvr
    what = f'"{gvr.group}/{gvr.version}, Resource={gvr.resource}"'
    if labels or fields:
        text = f'Unable to find {what} that match label selector "{labels}", field selector "{fields}"'
    else:
        text = f"Unable to list {what}"
    return ApiError(error.code, error.reason, f"{text}: {error.message}", error.details)


async def read(inv: Invocation, target: Target) -> Obj:
    """The target's object as the server has it now."""
    return await inv.session.client.get(target.mapping.gvr, target.name, target.namespace)


@asynccontextmanager
async def following(inv: Invocation, target: Target, obj: Obj) -> AsyncIterator[AsyncIterator[WatchEvent]]:
    """What happens to one object after the state that was read.

    The watch begins at a list's revision, for the object's own may be older than what the server remembers."""
    gvr, client = target.mapping.gvr, inv.session.client
    selector = f"metadata.name={target.name}"
    listed = await client.list(gvr, target.namespace, field_selector=selector)
    stream = await client.watch(
        gvr,
        target.namespace,
        field_selector=selector,
        resource_version=listed["metadata"]["resourceVersion"],
        bookmarks=False,
    )
    try:
        yield _since(obj, listed.get("items") or (), stream)
    finally:
        stream.close()


async def _since(obj: Obj, listed: Sequence[Obj], stream: WatchStream) -> AsyncIterator[WatchEvent]:
    """What has happened between a read and a list, then what happens."""
    if not listed:
        yield WatchEvent("DELETED", obj)
    elif objects.resource_version(listed[0]) != objects.resource_version(obj):
        yield WatchEvent("MODIFIED", {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **listed[0]})
    async for event in stream:
        yield event


async def from_files(inv: Invocation) -> AsyncIterator[Target]:
    """A target per document of ``-f``'s files; faults are printed and passed over."""
    for source, text in _texts(inv):
        try:
            for document in manifest.documents(text):
                async for target in _from_document(inv, document.obj, source):
                    yield target
        except manifest.ManifestError as error:
            inv.fail(f"error: error parsing {source}: {error}")


def _texts(inv: Invocation) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in inv["filename"]:
        if path == "-":
            found.append(("STDIN", inv.session.stdin))
            continue
        files = inv.session.read(path)
        if not files:
            inv.fail(f'error: the path "{path}" does not exist')
        found += [(name, data.decode(errors="replace")) for name, data in files.items()]
    return found


async def _from_document(inv: Invocation, obj: Obj, source: str) -> AsyncIterator[Target]:
    if obj.get("kind", "").endswith("List") and isinstance(obj.get("items"), list):
        for item in obj["items"]:
            if isinstance(item, dict):
                kind = obj["kind"].removesuffix("List")
                head = {"apiVersion": obj.get("apiVersion", ""), **({"kind": kind} if kind else {})}
                async for target in _from_document(inv, {**head, **item}, source):
                    yield target
        return
    try:
        yield await recognise(inv, obj, source)
    except KubectlError as error:
        inv.fail(error.text)


async def recognise(inv: Invocation, obj: Obj, source: str) -> Target:
    """The target that an object from a file stands for; its kind must be served and its namespace must fit."""
    gvk = GVK.of(obj)
    metadata = obj.get("metadata") if isinstance(obj.get("metadata"), dict) else {}
    name, namespace = (metadata or {}).get("name") or "", (metadata or {}).get("namespace") or ""
    quoted = f'"{source}"'
    if not gvk.kind:
        raise KubectlError(f"error: unable to decode {quoted}: Object 'Kind' is missing in '{_compact(obj)}'")
    if not obj.get("apiVersion"):
        raise KubectlError(f"error: unable to decode {quoted}: Object 'apiVersion' is missing in '{_compact(obj)}'")
    mapping = await inv.session.mapper.kind(gvk)
    if mapping is None:
        raise KubectlError(
            f'error: resource mapping not found for name: "{name}" namespace: "{namespace}" from {quoted}: no matches '
            f'for kind "{gvk.kind}" in version "{gvk.api_version}"\nensure CRDs are installed first'
        )
    if not mapping.namespaced:
        return Target(mapping, None, name, obj, source)
    if namespace and inv.given("namespace") and namespace != inv["namespace"]:
        raise KubectlError(
            f'error: the namespace from the provided object "{namespace}" does not match the namespace '
            f"\"{inv['namespace']}\". You must pass '--namespace={namespace}' to perform this operation."
        )
    return Target(mapping, namespace or inv.namespace, name, obj, source)


def _compact(obj: Obj) -> str:
    import orjson

    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS).decode()


def message_of(error: ApiError) -> str:
    """An API error as kubectl prints it. Models kubectl pkg/cmd/util/helpers.go, checkErr."""
    if error.reason == "Invalid":
        return _invalid(error)
    if error.reason in ("", "Unauthorized") and error.code == 401:
        return "error: You must be logged in to the server (Unauthorized)"
    if error.reason:
        return f"Error from server ({error.reason}): {error.message}"
    return f"Error from server: {error.message}"


def _invalid(error: ApiError) -> str:
    """What is invalid, and the causes: one bare, or several as a list of ``* field: message``."""
    details = error.details or {}
    kind, name = details.get("kind", ""), details.get("name", "")
    causes = details.get("causes") or []
    subject = f'The {kind} "{name}" is invalid' if kind or name else "The request is invalid"
    texts = list(dict.fromkeys(f"{cause['field']}: {cause['message']}" for cause in causes))
    if not texts:
        return subject if kind or name else f"{subject}: {error.message}"
    return f"{subject}: {texts[0]}" if len(texts) == 1 else f"{subject}: \n" + "\n".join(f"* {text}" for text in texts)
