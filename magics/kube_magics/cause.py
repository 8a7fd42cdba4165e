"""Every write that a cell sets off remembers the cell's number."""

import contextlib
from collections.abc import Iterator

from IPython.core.interactiveshell import InteractiveShell

from kube_nb.machinery import cause
from kube_nb.machinery.cause import Cause


@contextlib.contextmanager
def of_cell(shell: InteractiveShell | None) -> Iterator[None]:
    """Mark what happens inside as caused by the running cell."""
    count = shell.execution_count if shell is not None else None
    with cause.because(Cause(actor="notebook", cell=count)):
        yield
