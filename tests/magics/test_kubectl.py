from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from kube_magics import kubectl
from kube_magics.kubectl import _parsed, is_endless


def test_a_result_has_text_objects_and_a_frame_and_can_be_assigned(run: Callable[[str], Any]) -> None:
    ran = run("nodes = %kubectl get nodes\nnodes")
    assert ran.value.text.startswith("NAME            STATUS   ROLES")
    assert list(ran.value.df["Name"]) == ["control-plane", "node-1", "node-2"]
    assert isinstance(ran.value.df, pd.DataFrame)
    assert run("n = %kubectl get nodes -o json\nlen(n.objects)").value == 3


def test_a_notebook_shows_a_table_and_a_terminal_kubectls_text(run: Callable[[str], Any]) -> None:
    value = run("%kubectl get nodes").value
    assert "<table" in value._repr_html_()
    assert repr(value) == value.text.rstrip("\n")


def test_names_in_braces_are_variables_and_all_other_braces_are_the_commands(run: Callable[[str], Any]) -> None:
    run("node = 'node-1'")
    assert run("%kubectl get node {node} -o jsonpath='{.metadata.name}'").value.text == "node-1"
    text = run("%kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name} {end}'").value.text
    assert text == "control-plane node-1 node-2 "


def test_the_cell_is_standard_input(run: Callable[[str], Any]) -> None:
    ran = run("%%kubectl create -f -\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: typed}\n")
    assert ran.value.text == "configmap/typed created\n"


def test_a_watch_prints_as_it_comes_and_leaves_its_result(run: Callable[[str], Any]) -> None:
    ran = run("watched = %kubectl get nodes -w --request-timeout=3s")
    assert ran.out.startswith("NAME            STATUS")
    assert run("watched.text").value == ran.out


def test_a_rollout_tells_how_far_it_is(run: Callable[[str], Any]) -> None:
    run("%kubectl create deployment told --image=nginx")
    assert "successfully rolled out" in run("%kubectl rollout status deployment/told").out


@pytest.mark.parametrize(
    ("line", "endless"),
    [
        ("get pods", False),
        ("get pods -w", True),
        ("-n kube-system get pods --watch", True),
        ("get pods -Aw", True),
        ("get pods --watch=false", False),
        ("logs -f web", True),
        ("logs -fp web", True),
        ("apply -f -", False),
        ("get pods --help -w", True),
        ("nonsense -w", False),
    ],
)
def test_what_goes_on_until_it_is_stopped_is_known_by_verb_and_flag(line: str, endless: bool) -> None:
    path, parsed = _parsed(line.split())
    assert (parsed is not None and is_endless(path, parsed)) is endless


def test_ctrl_c_ends_a_stream_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    def pieces() -> Any:
        yield "one\n"
        raise KeyboardInterrupt

    kubectl.printed(pieces())
    assert capsys.readouterr().out == "one\n^C\n"
