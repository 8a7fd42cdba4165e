"""`Refusal`: what errors have in common whose text is for the user, who can do something about it.

A notebook shows the line that went wrong and the text; the way through this library, which explains nothing, stays
where debuggers find it (``%debug``, ``__traceback__``).
"""

import linecache
import traceback
from pathlib import Path
from types import FrameType

_HERE = str(Path(__file__).parents[1])
#: Where cells are run from; not part of what anybody wrote.
_IPYTHON = f"{Path('/IPython/core')}"


class Refusal(Exception):
    """A mixin for exceptions. The text says what is wrong, where, and what would be right."""

    def _render_traceback_(self) -> list[str]:
        """IPython's protocol for an error's lines."""
        return [*self._place(), f"{type(self).__name__}: {self}"]

    def _place(self) -> list[str]:
        """The lines of the cell, and of the functions that it calls, on the way into this library."""
        found = []
        for frame, number in traceback.walk_tb(self.__traceback__):
            file = frame.f_code.co_filename
            if file.startswith(_HERE):
                break
            if _IPYTHON not in file:
                line = linecache.getline(file, number, frame.f_globals).strip()
                found.append(f"{_name(frame)}line {number}: {line}".rstrip(": "))
        return found


def _name(frame: FrameType) -> str:
    """``plan.py, `` for what stands in a file; nothing for a cell."""
    file = frame.f_globals.get("__file__")
    return f"{Path(file).name}, " if file else ""


class WrongMoment(Refusal, RuntimeError):
    """It makes sense, but not now or not here."""


class BadArgument(Refusal, ValueError):
    """A function was asked for something that there is not, or that makes no sense."""
