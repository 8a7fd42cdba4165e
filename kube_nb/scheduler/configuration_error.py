"""What is wrong with a configuration, and where."""


class ConfigurationError(ValueError):
    """where: the path of the field, ``profiles[0].plugins.score``; "" for the whole."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
