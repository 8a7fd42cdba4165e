"""What an admission plugin gets to see, and what it must be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from kube_nb.apiserver.admission.reinvocation import Reinvocation
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call
    from kube_nb.apiserver.server import ApiServer

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(slots=True, eq=False)
class Attributes:
    """operation: one of the four; obj: None for DELETE, the connection's options for CONNECT; old: None for CREATE;
    options: of a DELETE. Nobody changes one that was made; it is not frozen because that trebles the time to make it.
    """

    operation: str
    call: "Call"
    obj: Obj | None
    old: Obj | None
    options: Any = None
    reinvocation: Reinvocation = field(default_factory=Reinvocation)

    def with_object(self, obj: Obj) -> "Attributes":
        """The same request with the object as a plugin has changed it."""
        if obj is self.obj:
            return self
        return Attributes(self.operation, self.call, obj, self.old, self.options, self.reinvocation)

    @property
    def gvk(self) -> GVK:
        """The kind of the object: that of the subresource if it has one of its own."""
        kind = self.call.resource.kind
        row = kind.subresource(self.subresource) if self.subresource else None
        return kind.gvk if row is None or row.gvk is None else row.gvk

    @property
    def server(self) -> "ApiServer":
        return self.call.server

    @property
    def group_resource(self) -> str:
        return self.call.info.group_resource

    @property
    def subresource(self) -> str:
        return self.call.info.subresource

    @property
    def namespace(self) -> str:
        return self.call.info.namespace

    @property
    def name(self) -> str:
        if self.call.info.name or self.obj is None:
            return self.call.info.name
        return str(self.obj["metadata"].get("name") or "")

    @property
    def new(self) -> Obj:
        """The object of a CREATE or UPDATE."""
        assert self.obj is not None
        return self.obj


class Plugin(Protocol):
    """A station of the chain: it also has `admit`, `validate` or both.

    handles: operation -> the resources (``pods``, ``pods/status``, ``jobs.batch``, ``*``) that it wants to see.
    needs: (plural, group) of the objects without any of which it has nothing to do; None if it always has.
    """

    name: ClassVar[str]
    handles: ClassVar[Mapping[str, tuple[str, ...]]]
    needs: ClassVar[tuple[str, str] | None]


@runtime_checkable
class Mutating(Plugin, Protocol):
    """A plugin that may change the object of a CREATE or UPDATE."""

    async def admit(self, attributes: Attributes) -> Obj:
        """The object, changed or not; ApiError to refuse."""


@runtime_checkable
class Validating(Plugin, Protocol):
    """A plugin that may refuse."""

    async def validate(self, attributes: Attributes) -> None:
        """Raise ApiError to refuse."""
