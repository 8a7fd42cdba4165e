from collections.abc import Callable
from typing import Any

import pytest
from kube_magics import refusals

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        pytest.param("%kubectl get pods nosuch", 'Error from server (NotFound): pods "nosuch" not found', id="missing"),
        pytest.param("%kubectl frobnicate", 'error: unknown command "frobnicate" for "kubectl"', id="unknown verb"),
        pytest.param("%kubectl get pods --nix", "error: unknown flag: --nix", id="unknown flag"),
        pytest.param("%kubectl get pods 'open", "No closing quotation", id="open quote"),
        pytest.param("%kubectl logs nosuch -f", 'pods "nosuch" not found', id="refused stream"),
        pytest.param("%kube frobnicate", '%kube has no command "frobnicate"', id="unknown command"),
        pytest.param("%kube pace fast", 'the pace is a number or max, not "fast"', id="wrong pace"),
        pytest.param("%kube match 'a=='b=", "", id="wrong selector"),
        pytest.param("%kube endpoints nosuch", 'services "nosuch" not found', id="no service"),
        pytest.param("%kube why pod/nosuch", 'pods "nosuch" not found', id="no pod"),
        pytest.param("%kube use nosuch", 'there is no cluster "nosuch"', id="no cluster"),
        pytest.param("%etcdctl frobnicate", 'unknown command "frobnicate" for "etcdctl"', id="unknown etcdctl verb"),
        pytest.param("%%manifest --nix\n" + CONFIG_MAP % "x", "%%manifest: unknown flag: --nix", id="unknown option"),
    ],
)
def test_a_refusal_is_the_commands_own_text_and_the_cell_fails(
    run: Callable[[str], Any], cell: str, words: str
) -> None:
    assert words in run(cell).refusal


def test_malformed_yaml_names_the_line_of_the_cell_and_changes_nothing(run: Callable[[str], Any]) -> None:
    ran = run("%%manifest\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\n   data: {}\n")
    assert "line 6 of the cell:    data: {}" in ran.refusal
    assert "error converting YAML to JSON: yaml: line 5" in ran.refusal
    assert run("%kubectl get configmap broken").error is not None


def test_of_several_documents_the_bad_one_is_reported_and_the_rest_applied(run: Callable[[str], Any]) -> None:
    documents = [CONFIG_MAP % f"part-{number}" for number in range(10)]
    documents[4] = "apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n"
    ran = run("%%manifest\n" + "---\n".join(documents))
    assert 'no matches for kind "Nonsense" in version "v1"' in ran.refusal
    assert "configmap/part-9 created" in ran.out
    found = run("p = %kubectl get configmaps -o name\np.text.count('part-')")
    assert found.value == 9


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: b\n" * 1_000_000, id="a million lines"),
        pytest.param("a: '" + "x" * 20_000_000 + "'", id="20 MB"),
    ],
)
def test_a_giant_manifest_is_refused_unread(shell: Any, text: str) -> None:
    with pytest.raises(refusals.Refused, match="at most"):
        shell.shell.run_cell_magic("manifest", "", text)


def test_a_refusal_keeps_what_was_done_before_it(run: Callable[[str], Any]) -> None:
    run("%%manifest\n" + CONFIG_MAP % "kept")
    ran = run("%kubectl get configmaps kept nosuch")
    assert "kept" in ran.out
    assert '"nosuch" not found' in ran.refusal
