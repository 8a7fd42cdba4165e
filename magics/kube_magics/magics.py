"""The magics' names; each hands its line to the module that knows the command.

That module is imported when the magic is first used: loading the extension costs next to nothing.
"""

from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class, no_var_expand

from kube_magics import cause, completion, expansion, refusals


@magics_class
class KubeMagics(Magics):
    """%kube, %kubectl, %etcdctl, %%manifest."""

    @line_cell_magic
    @no_var_expand
    def kube(self, line: str, cell: str | None = None) -> Any:
        """Bring clusters up and down, and show what happens in them. See %kube help. A cell is what a request sends."""
        from kube_magics import kube

        with refusals.shown(), cause.of_cell(self.shell):
            return kube.run(self._expanded(line), cell)

    @line_cell_magic
    @no_var_expand
    def kubectl(self, line: str, cell: str | None = None) -> Any:
        """Run kubectl on the current cluster; in a cell magic the cell's text is its standard input."""
        from kube_magics import kubectl

        with refusals.shown(), cause.of_cell(self.shell):
            return kubectl.run(self._expanded(line), cell, self.shell)

    @line_cell_magic
    @no_var_expand
    def etcdctl(self, line: str, cell: str | None = None) -> Any:
        """Run etcdctl on the current cluster's store; a cell holds a script of several commands."""
        from kube_magics import etcdctl

        with refusals.shown(), cause.of_cell(self.shell):
            return etcdctl.run(self._expanded(line), cell)

    @cell_magic
    @no_var_expand
    def manifest(self, line: str, cell: str) -> Any:
        """Apply the cell's YAML or JSON, and show what it set in motion."""
        from kube_magics import manifest

        with refusals.shown(), cause.of_cell(self.shell):
            return manifest.run(line, cell, self.shell)

    def _expanded(self, line: str) -> str:
        return expansion.expand(line, self.shell.user_ns if self.shell is not None else {})

    @staticmethod
    def install_completion(shell: InteractiveShell) -> None:
        """Let Tab complete verbs, flags, kinds and object names."""
        completion.install(shell)
