"""`ControllerManager`: runs the controllers over shared informers, as kube-controller-manager does."""

from collections.abc import Callable, Iterable, Mapping

from kube_nb.client import Client, InformerFactory
from kube_nb.controllers.context import Context, Options, Runnable, run_all
from kube_nb.controllers.registry import CONTROLLERS
from kube_nb.machinery.clock import Clock

NAME = "kube-controller-manager"


class ControllerManager:
    """only: names of the controllers to run, all if None; ValueError for one that is not in the registry.

    controllers: the registry, for users with controllers of their own. `run` ends by cancellation, leaving nothing
    running; if a controller fails, which is a fault in it, all end and its error is raised.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        only: Iterable[str] | None = None,
        options: Options | None = None,
        *,
        controllers: Mapping[str, Callable[[Context], Runnable]] = CONTROLLERS,
    ) -> None:
        names = list(controllers if only is None else only)
        if unknown := [name for name in names if name not in controllers]:
            raise ValueError(f"unknown controllers: {', '.join(unknown)}")
        self._factories = [controllers[name] for name in names]
        self.informers = InformerFactory(client, clock, name=NAME)
        self.context = Context(client, self.informers, clock, options or Options())

    async def run(self) -> None:
        parts = [factory(self.context) for factory in self._factories]
        try:
            await self.informers.start()
            await run_all(*parts)
        finally:
            await self.informers.stop()
