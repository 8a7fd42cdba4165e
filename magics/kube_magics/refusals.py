"""A refusal reaches the reader as its text, not as a traceback; the cell fails all the same, and papermill stops.

The cell raises `Refused` (or `Interrupted`), whose rendering is the message alone.
"""

import contextlib
from collections.abc import Iterator

from kube_magics.current import NoCluster


class Refused(Exception):
    """What a command refused, in its own words."""

    def _render_traceback_(self) -> list[str]:
        """IPython's protocol for an error's lines."""
        return [str(self)]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended the command; nothing else."""

    def _render_traceback_(self) -> list[str]:
        return ["interrupted; the cluster works on"]


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Turn the errors that a user can do something about into `Refused`."""
    from kube_nb.client.errors import Unreachable
    from kube_nb.cluster import EtcdError
    from kube_nb.kubectl import KubectlError
    from kube_nb.machinery.errors import ApiError
    from kube_nb.machinery.loop import NothingLeftToHappen

    try:
        yield
    except (KubectlError, NoCluster, NothingLeftToHappen, ApiError, EtcdError, Unreachable, ValueError) as error:
        raise Refused(str(error)) from None
    except KeyboardInterrupt:
        raise Interrupted from None
