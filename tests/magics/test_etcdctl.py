from collections.abc import Callable
from typing import Any


def test_objects_lie_under_a_real_clusters_keys(run: Callable[[str], Any]) -> None:
    text = run("%etcdctl get / --prefix --keys-only").value.text
    assert "/registry/minions/node-1\n" in text
    assert "/registry/services/specs/default/kubernetes\n" in text


def test_a_script_of_commands_runs_in_order(run: Callable[[str], Any]) -> None:
    ran = run("%%etcdctl\nput a 1\n# a comment\netcdctl get a\ndel a\n")
    assert ran.value.text == "OK\na\n1\n1\n"


def test_a_transaction_reads_the_cell(run: Callable[[str], Any]) -> None:
    ran = run('%%etcdctl txn -i\nversion("b") = "0"\n\nput b 1\n\nget b\n\n')
    assert "SUCCESS" in ran.value.text
    assert "OK" in ran.value.text


def test_a_transaction_in_a_script_reads_its_blocks_and_the_script_goes_on(run: Callable[[str], Any]) -> None:
    script = 'put c 1\ntxn -i\nvalue("c") = "1"\n\nput c 2\n\nput c 3\n\n# then\nget c --print-value-only\n'
    assert run(f"%%etcdctl\n{script}").value.text.endswith("SUCCESS\n\nOK\n2\n")
    assert run('%%etcdctl\ntxn\nversion("none") > "0"\n\nput c 4\n\n').value.text == "FAILURE\n"


def test_a_refusal_in_a_script_comes_after_what_went_before_it(run: Callable[[str], Any]) -> None:
    ran = run("%%etcdctl\nput d 1\nget d --rev=999999\nput d 2")
    assert ran.refusal == "Error: etcdserver: mvcc: required revision is a future revision"
    assert ran.out.startswith("OK\nOK\n")


def test_a_watch_shows_the_past_and_ends_at_its_limit(run: Callable[[str], Any]) -> None:
    run("%etcdctl put w 1")
    ran = run("w = %etcdctl watch --rev=1 w --command-timeout=2s")
    assert ran.out == "PUT\nw\n1\n"
    assert run("w.text").value == ran.out


def test_a_refusal_of_an_endless_command_is_told_once(run: Callable[[str], Any]) -> None:
    ran = run("%etcdctl elec a b c")
    assert ran.refusal == "Error: elect takes one election name argument and an optional proposal argument"
    assert ran.out == f"{ran.refusal}\n"


def test_text_is_shown_escaped(run: Callable[[str], Any]) -> None:
    run("%etcdctl put evil '<img src=x onerror=alert(1)>'")
    html = run("%etcdctl get evil").value._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_table_keeps_its_lines_and_its_font(run: Callable[[str], Any]) -> None:
    html = run("%etcdctl endpoint status -w table").value._repr_html_()
    assert "monospace" in html
    assert "white-space:pre;" in html
    assert "white-space:pre-wrap" in run("%etcdctl version").value._repr_html_()
