"""`ClusterRoleAggregation`: a role with an aggregationRule has the rules of all that its selectors choose.

Models pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go.
"""

from kube_nb.api import resources
from kube_nb.client import Controller
from kube_nb.controllers.context import Context
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj

NAME = "clusterrole-aggregation-controller"


class ClusterRoleAggregation:
    """A key is an aggregated role."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._roles = context.informer(resources.CLUSTER_ROLES)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._roles.add_handler(self._changed, lambda old, new: self._changed(new), self._changed)

    async def run(self) -> None:
        await self._roles.wait_synced()
        await self._controller.run()

    def _changed(self, role: Obj) -> None:
        """Any role may be a part of any aggregated one."""
        for other in self._roles.list():
            if other.get("aggregationRule"):
                self._controller.enqueue(other)

    async def reconcile(self, key: str) -> None:
        role = self._roles.get_key(key)
        if role is None or not role.get("aggregationRule"):
            return
        rules = self._aggregated(role)
        if rules != (role.get("rules") or []):
            await self._client.patch(resources.CLUSTER_ROLES, key, {"rules": rules}, field_manager=NAME)

    def _aggregated(self, role: Obj) -> list[Obj]:
        """The rules of the chosen roles by name, each rule once."""
        rules: list[Obj] = []
        for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
            chooses = labels.from_label_selector(selector)
            chosen = [each for each in self._roles.list() if chooses.matches(objects.labels(each))]
            for each in sorted(chosen, key=objects.name):
                if objects.name(each) != objects.name(role):
                    rules += [rule for rule in each.get("rules") or () if rule not in rules]
        return rules
