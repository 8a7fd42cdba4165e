"""`Chain`: the plugins in order, looked up once per operation and resource."""

from collections.abc import Sequence
from dataclasses import replace

from kube_nb.apiserver.admission.attributes import Attributes, Plugin
from kube_nb.machinery.types import Obj


class Chain:
    """Runs mutating plugins in their order, then validating ones in theirs."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._admit: dict[tuple[str, str], tuple[Plugin, ...]] = {}
        self._validate: dict[tuple[str, str], tuple[Plugin, ...]] = {}

    async def admit(self, attributes: Attributes) -> Obj:
        """The object as the mutating plugins leave it."""
        for plugin in self._for("admit", self._admit, attributes):
            obj = await plugin.admit(attributes)
            if obj is not attributes.obj:
                attributes = replace(attributes, obj=obj)
        return attributes.new

    async def validate(self, attributes: Attributes) -> None:
        for plugin in self._for("validate", self._validate, attributes):
            await plugin.validate(attributes)

    def _for(
        self, step: str, known: dict[tuple[str, str], tuple[Plugin, ...]], attributes: Attributes
    ) -> tuple[Plugin, ...]:
        info = attributes.call.info
        resource = info.resource_with_subresource
        key = (attributes.operation, f"{resource}.{info.group}" if info.group else resource)
        found = known.get(key)
        if found is None:
            wanted = (plugin for plugin in self.plugins if hasattr(plugin, step))
            found = known[key] = tuple(plugin for plugin in wanted if _handles(plugin, key))
        return found


def _handles(plugin: Plugin, key: tuple[str, str]) -> bool:
    resources = plugin.handles.get(key[0], ())
    return key[1] in resources or "*" in resources
