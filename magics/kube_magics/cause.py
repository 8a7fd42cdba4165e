"""Every write that a cell sets off remembers the cell's number."""

import contextlib
from collections.abc import Iterator

from IPython.core.interactiveshell import InteractiveShell

from kube_nb.machinery import cause
from kube_nb.machinery.cause import Cause


@contextlib.contextmanager
def of_cell(shell: InteractiveShell | None) -> Iterator[None]:
    """Mark what happens inside as caused by the running cell."""
    # Not the shell's execution_count, which is the next cell's from IPython 9 on.
    count = shell.displayhook.prompt_count if shell is not None else None
    with cause.because(Cause(actor="notebook", cell=count)):
        yield
