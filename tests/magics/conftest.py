from collections.abc import Callable, Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from kube_magics import current


class Shell:
    """A real InteractiveShell with kube_nb loaded. `run` gives the cell's result, its output and its refusal."""

    def __init__(self) -> None:
        self.shell = InteractiveShell()
        self.shell.run_line_magic("load_ext", "kube_nb")

    def run(self, source: str) -> "Ran":
        with capture_output() as captured:
            result = self.shell.run_cell(source, store_history=True)
        return Ran(result, captured)


class Ran:
    """What a cell left."""

    def __init__(self, result: Any, captured: Any) -> None:
        self.result = result
        self.value = result.result
        self.error = result.error_in_exec or result.error_before_exec
        self.out = captured.stdout
        self.shown = [output.data for output in captured.outputs]

    @property
    def refusal(self) -> str:
        assert self.error is not None, "the cell passed"
        assert hasattr(self.error, "_render_traceback_"), f"a traceback, not a refusal: {self.error!r}"
        return str(self.error)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    """A shell for a file of tests, with a cluster at pace "max"."""
    made = Shell()
    up = made.run("%kube up --nodes 2 --pace max --seed 5")
    assert up.error is None, up.error
    yield made
    current.down_all()
    made.shell.run_line_magic("unload_ext", "kube_nb")


@pytest.fixture
def run(shell: Shell) -> Callable[[str], Ran]:
    return shell.run
