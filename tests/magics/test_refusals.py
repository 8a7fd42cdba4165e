"""What a cell shows when the Python interface refuses something: where in the cell, and why; not the way through us."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        pytest.param(
            "c.get('nopes')",
            'KubectlError: error: the server doesn\'t have a resource type "nopes"',
            id="kubectl",
        ),
        pytest.param(
            "c.configure_scheduler({'kind': 'KubeSchedulerConfiguration', 'profiles': [{'schedulerName': ''}]})",
            "ConfigurationError: ",
            id="configuration",
        ),
        pytest.param("c.fork(at=10**9)", "BadArgument: revision 1000000000 is still to come", id="argument"),
        pytest.param("from kube_nb import Cluster; Cluster(nodes=-1)", "BadArgument: nodes is a number", id="options"),
        pytest.param(
            "from kube_nb.whatif import Workload; Workload.openb('nope')",
            "WorkloadError: no openb workload 'nope'",
            id="workload",
        ),
        pytest.param(
            "from kube_nb.whatif import Workload, compare; compare(['nope'], Workload.openb())",
            "BadArgument: no policy 'nope'",
            id="policy",
        ),
    ],
)
def test_a_cell_shows_its_own_line_and_the_reason(run: Callable[[str], Any], source: str, shown: str) -> None:
    ran = run(f"from kube_nb import current_cluster\nc = current_cluster()\n{source}")
    lines = ran.out.strip().splitlines()
    assert lines[0] == f"line 3: {source}"
    assert lines[1].startswith(shown)
    assert "kube_nb/" not in ran.out


def test_an_error_of_the_cell_itself_is_shown_whole(run: Callable[[str], Any]) -> None:
    assert "ZeroDivisionError" in run("1 / 0").out
