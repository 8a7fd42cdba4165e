"""`GraphBuilder`: keeps the graph as the informers tell, and says what must be looked at.

Models pkg/controller/garbagecollector/graph_builder.go. Differs: informers call it directly, in order, so there is no
queue of changes.
"""

from collections.abc import Callable, Sequence

from kube_nb.client import Informer, Registration
from kube_nb.controllers.context import Context
from kube_nb.controllers.discovery import Resource
from kube_nb.controllers.garbagecollector.graph import Graph, Identity, Node
from kube_nb.machinery import objects
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

NAME = "garbage-collector-controller"
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
#: Written all the time, owned by nobody. Models DefaultIgnoredResources.
IGNORED = (("", "events"), ("events.k8s.io", "events"))


def _owners(obj: Obj) -> list[Obj]:
    return obj["metadata"].get("ownerReferences") or []


class GraphBuilder:
    """delete, orphan: called with the uid of a node that may have to be deleted, or whose dependents are to be
    orphaned."""

    def __init__(self, context: Context, delete: Callable[[str], None], orphan: Callable[[str], None]) -> None:
        self._context = context
        self._recorder = context.recorder(NAME)
        self._delete = delete
        self._orphan = orphan
        self.graph = Graph()
        self._monitors: dict[GVR, tuple[Informer, Registration]] = {}

    def monitor(self, resources: list[Resource]) -> None:
        """Follow exactly these resources."""
        wanted = {each.gvr: each for each in resources if (each.gvr.group, each.gvr.resource) not in IGNORED}
        for gvr in [gvr for gvr in self._monitors if gvr not in wanted]:
            informer, registration = self._monitors.pop(gvr)
            informer.remove_handler(registration)
            for obj in informer.list():
                self._gone(obj)
        for gvr, resource in wanted.items():
            if gvr not in self._monitors:
                self._monitors[gvr] = self._follow(resource)

    def _follow(self, resource: Resource) -> tuple[Informer, Registration]:
        informer = self._context.informer(resource.gvr)
        return informer, informer.add_handler(self._added, self._changed, self._gone)

    async def wait_synced(self) -> None:
        for informer, _ in list(self._monitors.values()):
            await informer.wait_synced()

    # -- events ----------------------------------------------------------------------------------------------------

    def _added(self, obj: Obj) -> None:
        self._observe(None, obj)

    def _changed(self, old: Obj, new: Obj) -> None:
        before, now = old["metadata"], new["metadata"]
        if before is now or (
            before["uid"] == now["uid"]
            and before.get("deletionTimestamp") == now.get("deletionTimestamp")
            and before.get("finalizers") == now.get("finalizers")
            and before.get("ownerReferences") == now.get("ownerReferences")
        ):
            return
        if before["uid"] != now["uid"]:
            self._gone(old)
            self._observe(None, new)
        else:
            self._observe(old, new)

    def _observe(self, old: Obj | None, obj: Obj) -> None:
        metadata = obj["metadata"]
        node = self.graph.nodes.get(metadata["uid"])
        if node is None:
            node = Node(_identity(obj), _owners(obj))
            self._look_at(self.graph.insert(node))
            self._check_names(node, node.owners)
        else:
            self._reobserve(node, obj)
        if metadata.get("deletionTimestamp"):
            node.deleting = True
            self._follow_deletion(old, obj, node)

    def _reobserve(self, node: Node, obj: Obj) -> None:
        if node.virtual:
            node.virtual = False
            node.identity = _identity(obj)
            for dependent in node.dependents.values():
                self._check_names(dependent, [row for row in dependent.owners if row["uid"] == node.identity.uid])
        before = {row["uid"]: row for row in node.owners}
        now = {row["uid"]: row for row in _owners(obj)}
        if before == now:
            return
        for uid, row in before.items():
            unblocked = uid not in now or not now[uid].get("blockOwnerDeletion")
            if row.get("blockOwnerDeletion") and unblocked and uid in self.graph.nodes:
                self._delete(uid)
        node.owners = _owners(obj)
        added = [row for uid, row in now.items() if uid not in before]
        self._look_at(self.graph.link(node, added))
        self._check_names(node, added)
        self.graph.unlink(node, [row for uid, row in before.items() if uid not in now])

    def _look_at(self, virtual: list[Node]) -> None:
        """Whether owners that nobody has shown exist at all must be asked."""
        for node in virtual:
            self._delete(node.identity.uid)

    def _check_names(self, node: Node, references: Sequence[Obj]) -> None:
        """References that name their owner wrongly point at nothing, though there is an object of that uid."""
        for reference in references:
            owner = self.graph.nodes[reference["uid"]]
            if owner.virtual or not owner.misnamed(reference, node.identity):
                continue
            if owner.identity.namespace not in ("", node.identity.namespace):
                self._report(node.identity, reference)
            self._delete(node.identity.uid)

    def _report(self, identity: Identity, reference: Obj) -> None:
        metadata = {"name": identity.name, "namespace": identity.namespace, "uid": identity.uid}
        subject = {"apiVersion": identity.api_version, "kind": identity.kind, "metadata": metadata}
        named = f"{reference['apiVersion']}/{reference['kind']}, namespace: {identity.namespace}"
        text = f"ownerRef [{named}, name: {reference['name']}, uid: {reference['uid']}] does not exist in namespace"
        self._recorder.event(subject, "Warning", "OwnerRefInvalidNamespace", f'{text} "{identity.namespace}"')

    def _follow_deletion(self, old: Obj | None, obj: Obj, node: Node) -> None:
        if _starts(old, obj, ORPHAN):
            self._orphan(node.identity.uid)
        elif _starts(old, obj, FOREGROUND):
            node.waiting = True
            for uid in node.dependents:
                self._delete(uid)
            self._delete(node.identity.uid)

    def _gone(self, obj: Obj) -> None:
        self.forget(obj["metadata"]["uid"])

    def forget(self, uid: str) -> None:
        """The object is gone: its dependents may have to go, owners that waited for it may be free."""
        node = self.graph.nodes.get(uid)
        if node is None:
            return
        self.graph.remove(node)
        for dependent in node.dependents:
            self._delete(dependent)
        for reference in node.owners:
            owner = self.graph.nodes.get(reference["uid"])
            if owner is not None and owner.waiting:
                self._delete(reference["uid"])


def _starts(old: Obj | None, new: Obj, finalizer: str) -> bool:
    """Whether the deletion with this finalizer begins with this change."""
    if finalizer not in objects.finalizers(new):
        return False
    return old is None or not objects.is_deleting(old) or finalizer not in objects.finalizers(old)


def _identity(obj: Obj) -> Identity:
    metadata = obj["metadata"]
    return Identity(obj["apiVersion"], obj["kind"], metadata["name"], metadata["uid"], metadata.get("namespace") or "")
