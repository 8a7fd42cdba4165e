from collections.abc import Callable
from typing import Any

import pytest
from kube_magics import manifest

DEPLOYMENT = """apiVersion: %s
kind: Deployment
metadata: {name: %s}
spec:
  replicas: 2
  %s
  template:
    metadata: {labels: {app: %s}}
    spec: {containers: [{name: c, image: nginx}]}
"""


def deployment(name: str) -> str:
    return DEPLOYMENT % ("apps/v1", name, f"selector: {{matchLabels: {{app: {name}}}}}", name)


def test_it_tells_per_object_whether_it_was_created_configured_or_left_alone(run: Callable[[str], Any]) -> None:
    config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: %s}\n"
    first = run("%%manifest\n" + deployment("web") + config % "b")
    assert first.value.text == "deployment.apps/web created\nconfigmap/one created"
    again = run("%%manifest\n" + deployment("web") + config % "c")
    assert again.value.text == "deployment.apps/web unchanged\nconfigmap/one configured"


def test_it_shows_what_it_set_in_motion(run: Callable[[str], Any]) -> None:
    shown = run("%%manifest\n" + deployment("moved")).value
    kinds = [node["kind"] for node in shown.state["graph"]["nodes"]]
    assert sorted(kinds) == ["Deployment", "Pod", "Pod", "ReplicaSet"]
    bundle = shown._repr_mimebundle_()
    assert 'src="data:image/svg+xml;base64,' in bundle["text/html"]
    assert [obj["kind"] for obj in shown.objects] == ["Deployment"]


def test_a_version_that_is_gone_is_applied_as_its_successor_with_a_warning(run: Callable[[str], Any]) -> None:
    shown = run("%%manifest\n" + DEPLOYMENT % ("extensions/v1beta1", "old", "", "old")).value
    assert "extensions/v1beta1 Deployment is no longer served" in shown.text
    assert "extensions/v1beta1" in shown.html
    assert "deployment.apps/old created" in shown.text


def test_a_dry_run_stores_nothing(run: Callable[[str], Any]) -> None:
    shown = run("%%manifest --dry-run\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: dry}\n").value
    assert shown.text == "configmap/dry created (server dry run)"
    assert run("%kubectl get configmap dry").error is not None


def test_the_namespace_is_where_objects_without_one_go(run: Callable[[str], Any]) -> None:
    run("%kubectl create namespace other")
    run("%%manifest -n other\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\n")
    assert run("%kubectl -n other get configmap there").error is None


def test_variables_are_filled_in_on_request_only(run: Callable[[str], Any]) -> None:
    cell = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: filled}\ndata: {a: '{{ who }}'}\n"
    run("who = 'world'")
    run("%%manifest\n" + cell)
    assert "{{ who }}" in run("%kubectl get configmap filled -o yaml").value.text
    run("%%manifest --fill\n" + cell)
    assert "a: world" in run("%kubectl get configmap filled -o yaml").value.text


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ValueError, match=r"no notebook variable for \{\{nix\}\}"):
        manifest.filled("a: {{nix}}", {})


def test_a_diff_shows_what_would_change_and_stores_nothing(run: Callable[[str], Any]) -> None:
    cell = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: differing}\ndata: {a: %s}\n"
    run("%%manifest\n" + cell % "old")
    assert "+  a: new" in run("%%manifest --diff\n" + cell % "new").value.text
    assert run("%%manifest --diff\n" + cell % "old").value.text == "no differences\n"
    assert "a: old" in run("%kubectl get configmap differing -o yaml").value.text


def test_edit_opens_the_object_in_a_manifest_cell(run: Callable[[str], Any], shell: Any) -> None:
    run("%%manifest\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: edited}\ndata: {a: b}\n")
    ran = run("%kubectl edit configmap edited")
    assert "change it in the cell below" in ran.out
    opened = shell.shell.rl_next_input
    assert opened.startswith("%%manifest\napiVersion: v1\n")
    assert "resourceVersion" not in opened
    assert run(opened.replace("a: b", "a: c")).value.text == "configmap/edited configured"
