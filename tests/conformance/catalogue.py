"""Which conformance tests exist upstream, and which of them have a scenario here."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T", bound=Callable[..., Any])
FILE = Path(__file__).with_name("codenames.tsv")


@dataclass(frozen=True, slots=True)
class Row:
    """One official test. needs: see the head of `codenames.tsv`."""

    area: str
    needs: str
    codename: str


def _read(path: Path) -> dict[str, Row]:
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    rows = [Row(**row) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
    return {row.codename: row for row in rows}


ROWS = _read(FILE)
_written: dict[str, str] = {}  # codename -> the function that is its scenario


def conformance(codename: str, *, nodes: int = 2) -> Callable[[T], T]:
    """Mark a function as the scenario of `codename`. nodes: the cluster's workers."""
    if codename not in ROWS:
        raise ValueError(f"no conformance test is called {codename!r}; see {FILE.name}")

    def register(function: T) -> T:
        name = f"{function.__module__}.{function.__qualname__}"
        if _written.setdefault(codename, name) != name:
            raise ValueError(f"{codename!r} has a scenario already: {_written[codename]}")
        return pytest.mark.conformance(codename, nodes)(function)

    return register
