"""The list of codenames, and what may not be registered."""

import pytest

from tests.conformance.__main__ import table
from tests.conformance.catalogue import ROWS, conformance


def test_every_official_test_is_listed_under_its_area():
    needs = [row.needs for row in ROWS.values()]
    assert (len(needs), needs.count("api"), needs.count("sim")) == (449, 185, 97)
    assert all(row.codename.startswith(f"[{row.area}] ") for row in ROWS.values())


def test_a_codename_that_upstream_does_not_have_is_refused():
    with pytest.raises(ValueError, match="no conformance test is called"):
        conformance("[sig-apps] Deployment should not be")


def test_a_codename_has_one_scenario(monkeypatch):
    codename = next(iter(ROWS))
    monkeypatch.setattr("tests.conformance.catalogue._written", {codename: "elsewhere.test"})
    with pytest.raises(ValueError, match=r"has a scenario already: elsewhere.test"):
        conformance(codename)(lambda kube: None)


def test_what_did_not_run_is_not_yet():
    names = [row.codename for row in ROWS.values() if (row.area, row.needs) == ("sig-instrumentation", "api")]
    lines = table({names[0]: "passed", names[1]: "failed", names[2]: "skipped"})
    line = next(line for line in lines if line.startswith("sig-instrumentation"))
    assert line.split()[1:] == ["api", "1", "1", "2", "4"]
