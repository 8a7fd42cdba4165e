"""What is wrong with a configuration, and where."""

from typing import Any

from kube_nb.machinery.refusals import BadArgument


class ConfigurationError(BadArgument):
    """where: the path of the field, ``profiles[0].plugins.score``; "" for the whole."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """From a worker process to the one that asked."""
        return type(self), (self.where, self.message)
