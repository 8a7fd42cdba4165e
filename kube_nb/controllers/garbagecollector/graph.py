"""Who owns whom. Models pkg/controller/garbagecollector/graph.go."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kube_nb.machinery.types import Obj


@dataclass(frozen=True)
class Identity:
    """What names an object: an ownerReference and a namespace ("" for objects without one)."""

    api_version: str
    kind: str
    name: str
    uid: str
    namespace: str = ""


@dataclass(eq=False)
class Node:
    """An object of the cluster.

    owners: its ownerReferences. dependents: uid -> node of those that name it as an owner. virtual: known only from a
    reference, no informer has shown it. deleting: its deletion has begun. waiting: and waits for its dependents.
    """

    identity: Identity
    owners: Sequence[Obj] = ()
    dependents: dict[str, "Node"] = field(default_factory=dict)
    virtual: bool = False
    deleting: bool = False
    waiting: bool = False

    def blocking_dependents(self) -> list["Node"]:
        """Dependents that this node's foreground deletion waits for."""
        uid = self.identity.uid
        return [node for node in self.dependents.values() if node.blocks(uid)]

    def misnamed(self, reference: Obj, dependent: "Identity") -> bool:
        """Whether a reference to this node names another kind, name or namespace than it has."""
        own = self.identity
        named = own.kind == reference["kind"] and own.name == reference["name"]
        return not named or own.namespace not in ("", dependent.namespace)

    def blocks(self, owner_uid: str) -> bool:
        return any(row["uid"] == owner_uid and row.get("blockOwnerDeletion") for row in self.owners)


class Graph:
    """uid -> node. Every owner that is named has a node, a virtual one if nobody has shown it."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def insert(self, node: Node) -> list[Node]:
        """Add a node with its edges; the virtual owners that had to be made."""
        self.nodes[node.identity.uid] = node
        return self.link(node, node.owners)

    def link(self, node: Node, references: Sequence[Obj]) -> list[Node]:
        """Make the node a dependent of these owners; the virtual ones that had to be made."""
        made = []
        for reference in references:
            owner = self.nodes.get(reference["uid"])
            if owner is None:
                owner = Node(_identity(reference, node.identity.namespace), virtual=True)
                self.nodes[reference["uid"]] = owner
                made.append(owner)
            owner.dependents[node.identity.uid] = node
        return made

    def unlink(self, node: Node, references: Sequence[Obj]) -> None:
        for reference in references:
            if owner := self.nodes.get(reference["uid"]):
                owner.dependents.pop(node.identity.uid, None)

    def remove(self, node: Node) -> None:
        self.nodes.pop(node.identity.uid, None)
        self.unlink(node, node.owners)


def _identity(reference: Obj, namespace: str) -> Identity:
    return Identity(reference["apiVersion"], reference["kind"], reference["name"], reference["uid"], namespace)
