"""A refusal reaches the reader as its text, not as a traceback; a run under papermill still fails.

The cell raises `Refused`, whose rendering is the message alone.
"""

import contextlib
from collections.abc import Iterator

from IPython.core.error import UsageError

from kube_magics.current import NoCluster
from kube_nb.kubectl import KubectlError
from kube_nb.machinery.loop import NothingLeftToHappen


class Refused(UsageError):
    """What IPython shows as one line; the cell counts as failed."""


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Turn the errors that a user can do something about into `Refused`."""
    try:
        yield
    except (KubectlError, NoCluster, NothingLeftToHappen, ValueError) as error:
        raise Refused(str(error)) from None
