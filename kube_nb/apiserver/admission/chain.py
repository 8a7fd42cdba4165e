"""`Chain`: the plugins in order, looked up once per operation and resource."""

from collections.abc import Sequence

from kube_nb.apiserver import story
from kube_nb.apiserver.admission.attributes import Attributes, Mutating, Plugin, Validating
from kube_nb.machinery.types import Obj

_Key = tuple[str, str]


class Chain:
    """Runs mutating plugins in their order, then validating ones in theirs."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._mutating: dict[_Key, tuple[Mutating, ...]] = {}
        self._validating: dict[_Key, tuple[Validating, ...]] = {}

    async def admit(self, attributes: Attributes) -> Obj:
        """The object as the mutating plugins leave it; they run twice if one of them asks for it."""
        key = _key(attributes)
        found = self._mutating.get(key)
        if found is None:
            found = tuple(plugin for plugin in self.plugins if isinstance(plugin, Mutating) and _handles(plugin, key))
            self._mutating[key] = found
        attributes = await _run(found, attributes)
        if attributes.reinvocation.wanted:
            attributes.reinvocation.again = True
            attributes = await _run(found, attributes)
        return attributes.new

    async def admitted(self, attributes: Attributes) -> Obj:
        """What a subresource takes (Binding, Eviction, TokenRequest), after both kinds of plugins."""
        obj = await self.admit(attributes)
        await self.validate(attributes.with_object(obj))
        return obj

    async def validate(self, attributes: Attributes) -> None:
        key = _key(attributes)
        found = self._validating.get(key)
        if found is None:
            found = tuple(plugin for plugin in self.plugins if isinstance(plugin, Validating) and _handles(plugin, key))
            self._validating[key] = found
        told = story.current()
        for plugin in found:
            if plugin.needs is not None and told is None and not attributes.server.has_objects(*plugin.needs):
                continue
            await plugin.validate(attributes)
            if told is not None:
                told.tell(f"validating: {plugin.name}", "has nothing against it")


async def _run(plugins: Sequence[Mutating], attributes: Attributes) -> Attributes:
    told = story.current()
    for plugin in plugins:
        if plugin.needs is not None and told is None and not attributes.server.has_objects(*plugin.needs):
            continue
        obj = await plugin.admit(attributes)
        if told is not None:
            told.tell(f"mutating: {plugin.name}", story.changes(attributes.obj, obj))
        attributes = attributes.with_object(obj)
    return attributes


def _key(attributes: Attributes) -> _Key:
    info = attributes.call.info
    resource = info.resource_with_subresource
    return attributes.operation, f"{resource}.{info.group}" if info.group else resource


def _handles(plugin: Plugin, key: _Key) -> bool:
    resources = plugin.handles.get(key[0], ())
    return key[1] in resources or "*" in resources
