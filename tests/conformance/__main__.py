"""``python -m tests.conformance``: run every scenario and print passed, failed and not yet per area.

Arguments are pytest's (``-n 2``, ``-k watch``). The exit status is pytest's.
"""

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conformance.catalogue import ROWS, Row

#: What can be run where containers are programs; the others are counted apart.
WITHIN_REACH = ("api", "sim")


class Tally:
    """A pytest plugin that sums up the scenarios, those of xdist's workers included."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}  # codename -> passed, failed, skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        codename = dict(report.user_properties).get("codename")
        if isinstance(codename, str) and (report.when == "call" or report.outcome != "passed"):
            worse = self.outcomes.get(codename) == "failed"
            self.outcomes[codename] = "failed" if worse else report.outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line("")
        for line in table(self.outcomes):
            terminalreporter.write_line(line)


def table(outcomes: dict[str, str]) -> list[str]:
    """Lines: per area how many rows passed, failed and have no verdict yet, for what can run here and for the rest."""
    areas = sorted({row.area for row in ROWS.values()})
    lines = [f"{'area':<22}{'needs':<9}{'passed':>8}{'failed':>8}{'not yet':>9}{'of':>6}"]
    totals: defaultdict[str, list[Row]] = defaultdict(list)
    for area in areas:
        for needs in WITHIN_REACH:
            rows = [row for row in ROWS.values() if (row.area, row.needs) == (area, needs)]
            totals[needs] += rows
            lines += [_line(area, needs, rows, outcomes)] if rows else []
    lines += [_line("all", needs, totals[needs], outcomes) for needs in WITHIN_REACH]
    beyond = [row for row in ROWS.values() if row.needs not in WITHIN_REACH]
    return [*lines, _line("all", "more", beyond, outcomes), "more: real network traffic, processes or machines"]


def _line(area: str, needs: str, rows: list[Row], outcomes: dict[str, str]) -> str:
    found = [outcomes.get(row.codename) for row in rows]
    passed, failed = found.count("passed"), found.count("failed")
    return f"{area:<22}{needs:<9}{passed:>8}{failed:>8}{len(rows) - passed - failed:>9}{len(rows):>6}"


if __name__ == "__main__":
    sys.exit(pytest.main([str(Path(__file__).parent), "-q", *sys.argv[1:]], plugins=[Tally()]))
