"""What an etcdctl command leaves, and how it refuses."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Exit(IntEnum):
    """etcdctl's exit codes. Models pkg/cobrautl/error.go."""

    SUCCESS = 0
    ERROR = 1
    BAD_CONNECTION = 2
    INVALID_INPUT = 3
    BAD_FEATURE = 4
    INTERRUPTED = 5
    IO = 6
    BAD_ARGS = 128


class CommandError(Exception):
    """A command's refusal: the text after ``Error: `` and the exit code. usage: goes to stdout."""

    def __init__(self, text: str, exit_code: int = Exit.ERROR, *, usage: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code
        self.usage = usage

    @property
    def stderr(self) -> str:
        if not self.text:
            return ""
        line = f"Error: {self.text}\n"
        return line + line if self.usage else line


@dataclass(slots=True)
class Result:
    """text: what etcdctl prints to stdout, stderr likewise. responses: the values behind the text, in order."""

    text: str = ""
    stderr: str = ""
    exit_code: int = 0
    responses: list[Any] = field(default_factory=list)

    @property
    def df(self) -> "pd.DataFrame":
        """A row per key-value pair of the responses; values as text."""
        import pandas as pd

        rows = [kv for response in self.responses for kv in getattr(response, "kvs", ())]
        frame = pd.DataFrame(rows, columns=["key", "value", "create_revision", "mod_revision", "version", "lease"])
        for column in ("key", "value"):
            frame[column] = [raw.decode(errors="replace") for raw in frame[column]]
        return frame

    def __str__(self) -> str:
        return self.text + self.stderr
