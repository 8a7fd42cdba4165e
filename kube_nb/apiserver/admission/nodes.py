"""TaintNodesByCondition: a new node takes no pods until it is known to be ready.

Models plugin/pkg/admission/nodetaint.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, Attributes
from kube_nb.apiserver.admission.pods import NOT_READY
from kube_nb.machinery.types import Obj


class TaintNodesByCondition:
    """See the module's docstring."""

    name: ClassVar[str] = "TaintNodesByCondition"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("nodes",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        node = attributes.new
        spec = node.get("spec") or {}
        taints = spec.get("taints") or []
        if any(taint.get("key") == NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
            return node
        return {**node, "spec": {**spec, "taints": [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]}}
