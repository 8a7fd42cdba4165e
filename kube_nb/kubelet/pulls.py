"""Images before containers: pull policy, serial pulls, back-off. Models pkg/kubelet/images/image_manager.go."""

import asyncio
from collections.abc import Callable

from kube_nb.cri.images import Reference
from kube_nb.cri.runtime import Runtime, RuntimeFailure
from kube_nb.kubelet.backoff import Backoff
from kube_nb.machinery import duration
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.types import Obj

#: How long ErrImagePull is seen before it turns into ImagePullBackOff.
SHOWN_S = 2.0
#: (type, reason, message) of an event about the container.
Tell = Callable[[str, str, str], None]


class StartFault(Exception):
    """A container cannot be started now. reason, message: its waiting state; retry_s: when to try again."""

    def __init__(self, reason: str, message: str, retry_s: float) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_s = retry_s


class ImagePuller:
    """Makes sure that a container's image is on the node."""

    def __init__(self, runtime: Runtime, clock: Clock, *, serial: bool) -> None:
        self._runtime = runtime
        self._clock = clock
        self._turn = asyncio.Lock() if serial else None
        self._backoffs: dict[tuple[str, str], tuple[Backoff, str]] = {}

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for key in [key for key in self._backoffs if key[0] == uid]:
            del self._backoffs[key]

    async def ensure(self, uid: str, container: Obj, tell: Tell) -> None:
        """Returns when the image is there. Raises StartFault."""
        image = container["image"]
        try:
            Reference.parse(image)
        except ValueError as error:
            message = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {error}'
            tell("Warning", "InspectFailed", message)
            raise self._fault("InvalidImageName", message) from error
        present = await self._runtime.image_status(image)
        policy = container.get("imagePullPolicy", "IfNotPresent")
        if present is not None and policy != "Always":
            text = f'Container image "{image}" already present on machine and can be accessed by the pod'
            tell("Normal", "Pulled", text)
            return
        if policy == "Never":
            message = f'Container image "{image}" is not present with pull policy of Never'
            tell("Warning", "ErrImageNeverPull", message)
            raise self._fault("ErrImageNeverPull", message)
        await self._pull(uid, image, tell)

    def _fault(self, reason: str, message: str) -> StartFault:
        return StartFault(reason, message, self._clock.time() + 10.0)

    async def _pull(self, uid: str, image: str, tell: Tell) -> None:
        backoff, last_error = self._backoffs.get((uid, image), (Backoff(), ""))
        left_s = backoff.left_s(backoff.updated_s, self._clock.time())
        if left_s > 0:
            text = f'Back-off pulling image "{image}"'
            tell("Normal", "BackOff", text)
            raise StartFault("ImagePullBackOff", f"{text}: {last_error}", self._clock.time() + left_s)
        tell("Normal", "Pulling", f'Pulling image "{image}"')
        asked_s = self._clock.time()
        try:
            began_s = await self._fetch(image)
        except RuntimeFailure as failure:
            tell("Warning", "Failed", f'Failed to pull image "{image}": {failure}')
            now_s = self._clock.time()
            backoff.next(now_s, now_s)
            self._backoffs[uid, image] = backoff, f"ErrImagePull: {failure}"
            raise StartFault("ErrImagePull", str(failure), now_s + SHOWN_S) from failure
        self._backoffs.pop((uid, image), None)
        now_s = self._clock.time()
        status = await self._runtime.image_status(image)
        took, waited = _rounded(now_s - began_s), _rounded(now_s - asked_s)
        size = status.size_bytes if status else 0
        text = f'Successfully pulled image "{image}" in {took} ({waited} including waiting). Image size: {size} bytes.'
        tell("Normal", "Pulled", text)

    async def _fetch(self, image: str) -> float:
        """Pull when it is this image's turn; returns when the pull began."""
        if self._turn is None:
            began_s = self._clock.time()
            await self._runtime.pull_image(image)
            return began_s
        async with self._turn:
            began_s = self._clock.time()
            await self._runtime.pull_image(image)
            return began_s


def _rounded(seconds: float) -> str:
    """As Go prints a duration rounded to milliseconds: ``1.25s``."""
    return duration.format(round(seconds, 3))
