"""`Resource`: one served kind at work, i.e. its row, its rules, its objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kube_nb.api import defaults
from kube_nb.api.kinds import Kind
from kube_nb.api.schema import Schema
from kube_nb.api.structural import StructuralSchema
from kube_nb.apiserver import conversion
from kube_nb.apiserver.apiextensions.conversion import Webhook
from kube_nb.apiserver.cacher import Cacher
from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery import errors, fields, labels
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj


@dataclass(slots=True, eq=False)
class Resource:
    """kind: the row; strategy: what happens around a write; cacher: the objects; schema: None if it has none."""

    kind: Kind
    strategy: Strategy
    cacher: Cacher
    schema: Schema | None
    #: The warning that every answer carries, "" if the version is not deprecated.
    deprecation: str = ""
    #: How a custom resource's versions become each other; None if they differ in apiVersion only.
    webhook: Webhook | None = None
    #: Whether the store may hold another version than the one that new objects are stored in.
    has_history: bool = False
    #: Whether stored objects are served as they are.
    is_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        defaults_later = isinstance(self.schema, StructuralSchema) and self.schema.has_defaults
        self.is_plain = self.kind.storage == self.kind.gvk and not self.has_history and not defaults_later

    async def served(self, objs: Sequence[Obj]) -> Sequence[Obj]:
        """Stored objects as this version serves them: converted, with what its schema has by default.

        ApiError 500 if a webhook cannot convert them.
        """
        if self.is_plain:
            return objs
        converted = await self._converted(objs, self.kind.gvk)
        return [defaults.apply(self.kind, obj) for obj in converted] if self.kind.is_custom else converted

    async def from_storage(self, obj: Obj) -> Obj:
        """A stored object as this version serves it."""
        return obj if self.is_plain else (await self.served((obj,)))[0]

    async def to_storage(self, obj: Obj) -> Obj:
        """An object of the served version as it is stored."""
        kind = self.kind
        return obj if kind.storage == kind.gvk else (await self._converted((obj,), kind.storage))[0]

    async def _converted(self, objs: Sequence[Obj], to: GVK) -> Sequence[Obj]:
        if self.webhook is not None:
            return await self.webhook.convert(objs, to)
        return [conversion.convert(obj, to) for obj in objs]

    def is_current(self, stored: Obj) -> bool:
        """Whether an object is stored in the version that a write would store it in."""
        return self.is_plain or bool(stored["apiVersion"] == self.kind.storage.api_version)

    @property
    def group_resource(self) -> str:
        return self.kind.gvr.group_resource

    def key(self, namespace: str, name: str) -> str:
        """``default/web``, or ``web`` for a cluster-wide kind."""
        return f"{namespace}/{name}" if self.kind.namespaced else name

    def invalid(self, name: str, faults: list[errors.FieldError]) -> errors.ApiError:
        return errors.invalid(self.kind.kind, self.kind.group, name, faults)


@dataclass(slots=True)
class Selection:
    """What a list, a watch or a deletecollection is about. matches: None if everything in scope is meant."""

    namespace: str
    name: str = ""
    index_value: str | None = None
    matches: Callable[[Obj], bool] | None = None


#: Fields that count as set although the object leaves them out.
_DEFAULTS = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.successful": "0",
    "status.replicas": "0",
}
_ALWAYS = ("metadata.name", "metadata.namespace")


def field_value(obj: Obj, path: str) -> str:
    """An object's value at a selectable path, as field selectors compare it."""
    value: object = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return _DEFAULTS.get(path, "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def select(resource: Resource, namespace: str, label_text: str, field_text: str, name: str = "") -> Selection:
    """The selection of two selectors' texts; BadRequest 400 if one is malformed or a field cannot be selected by."""
    by_label, by_field = _parse_labels(label_text), _parse_fields(resource, field_text)
    selection = Selection(namespace, name)
    rest = []
    for requirement in by_field.requirements:
        path, operator, value = requirement
        if operator == fields.EQUALS and path == "metadata.name" and not selection.name:
            selection.name = value
        elif operator == fields.EQUALS and path == "metadata.namespace" and not selection.namespace:
            selection.namespace = value
        elif operator == fields.EQUALS and path == resource.cacher.index and selection.index_value is None and value:
            selection.index_value = value
            rest.append(requirement)
        else:
            rest.append(requirement)
    if selection.name:
        rest.append(fields.Requirement("metadata.name", fields.EQUALS, selection.name))
    if resource.kind.namespaced and selection.namespace and selection.index_value is not None:
        rest.append(fields.Requirement("metadata.namespace", fields.EQUALS, selection.namespace))
    selection.matches = _predicate(by_label, fields.FieldSelector(rest))
    return selection


def _parse_labels(text: str) -> labels.Selector:
    try:
        return labels.parse(text)
    except ValueError as error:
        raise errors.bad_request(str(error)) from None


def _parse_fields(resource: Resource, text: str) -> fields.FieldSelector:
    if not text:
        return fields.EVERYTHING
    try:
        selector = fields.parse(text)
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    for requirement in selector.requirements:
        path = requirement.path
        if path not in resource.kind.selectable and path not in _ALWAYS:
            raise errors.bad_request(f"field label not supported: {path}")
    return selector


def _predicate(by_label: labels.Selector, by_field: fields.FieldSelector) -> Callable[[Obj], bool] | None:
    if by_field.everything:
        if by_label.everything:
            return None
        return lambda obj: by_label.matches(obj["metadata"].get("labels"))
    terms = [
        (tuple(path.split(".")), path, operator == fields.EQUALS, value)
        for path, operator, value in by_field.requirements
    ]

    def matches(obj: Obj) -> bool:
        for _parts, path, wanted, value in terms:
            if (field_value(obj, path) == value) != wanted:
                return False
        return by_label.matches(obj["metadata"].get("labels"))

    return matches
