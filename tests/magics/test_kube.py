from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from kube_magics import completion, expansion


def test_help_names_every_command(run: Callable[[str], Any]) -> None:
    text = str(run("%kube help").value)
    assert all(f"\n  {word}" in text for word in ("up", "down", "status", "graph", "match", "endpoints", "why"))


def test_status_tells_nodes_components_and_time(run: Callable[[str], Any]) -> None:
    text = run("%kube status").value.text
    assert "3 of 3 nodes ready" in text
    assert "kube-scheduler-control-plane" in text


def test_time_is_moved_and_its_pace_changed(run: Callable[[str], Any]) -> None:
    run("from kube_magics import current\nbefore = current.get().time_s")
    run("%kube advance 10m")
    assert run("current.get().time_s - before").value == pytest.approx(600)
    assert str(run("%kube pace").value).startswith("pace max")


def test_a_component_stops_and_what_it_does_with_it(run: Callable[[str], Any]) -> None:
    run("%kube stop kube-scheduler")
    run("%kubectl run waiting --image=nginx")
    assert "Pending" in run("%kubectl get pod waiting").value.text
    assert "has not looked at it yet" in run("%kube why waiting").value.text
    run("%kube start kube-scheduler")
    run("%kube advance 60s")
    assert "Running" in run("%kubectl get pod waiting").value.text
    assert "waiting → node-" in run("%kube why pod/waiting").value.text


def test_two_clusters_do_not_disturb_each_other(run: Callable[[str], Any]) -> None:
    run("%kube up --name second --nodes 1 --pace max")
    run("%kubectl create configmap only-here")
    assert "second" in str(run("%kube use").value)
    run("%kube use kube")
    assert '"only-here" not found' in run("%kubectl get configmap only-here").refusal
    run("%kube use second")
    assert run("%kubectl get configmap only-here").error is None
    assert str(run("%kube down").value) == "second down"
    assert "3 of 3 nodes ready" in run("%kube status").value.text


def test_a_cluster_of_the_same_name_is_not_started_twice(run: Callable[[str], Any]) -> None:
    assert 'the cluster "kube" is up already' in run("%kube up").refusal


def test_writes_remember_the_cell_that_set_them_off(run: Callable[[str], Any]) -> None:
    ran = run("%kubectl create configmap caused")
    count = ran.result.execution_count
    run("from kube_magics import current\nserver = current.get().engine.apiserver")
    assert run(f"any(each.cell == {count} for each in server.causes.values())").value is True


@pytest.mark.parametrize(
    ("magic", "line", "word"),
    [
        ("kube", "", "graph"),
        ("kube", "en", "endpoints"),
        ("kube", "up --no", "--nodes"),
        ("kube", "use ", "kube"),
        ("etcdctl", "lea", "lease"),
        ("etcdctl", "lease gr", "grant"),
        ("etcdctl", "get --pre", "--prefix"),
        ("manifest", "--dr", "--dry-run"),
    ],
)
def test_tab_completes(run: Callable[[str], Any], magic: str, line: str, word: str) -> None:
    assert word in completion.complete(magic, line)


def test_tab_completes_in_the_shell(shell: Any) -> None:
    text = "x = %kube endpo"
    with provisionalcompleter():
        found = [each.text for each in shell.shell.Completer.completions(text, len(text))]
    assert found == ["endpoints"]


@pytest.mark.parametrize(
    ("line", "expanded"),
    [
        ("get pod {name}", "get pod web"),
        ("get -o jsonpath='{.a}{name}{end}'", "get -o jsonpath='{.a}web{end}'"),
        ("get {unknown}", "get {unknown}"),
    ],
)
def test_only_names_of_variables_are_expanded(line: str, expanded: str) -> None:
    assert expansion.expand(line, {"name": "web", "end": "x"}) == expanded


def test_other_weights_show_where_pods_would_land(run: Callable[[str], Any]) -> None:
    shown = run("%kube weights -n kube-system NodeResourcesFit=0").value.text
    assert "NodeResourcesFit 0 in place of 1" in shown
    assert 'PLUGIN=WEIGHT such as NodeResourcesFit=5, not "ImageLocality"' in run("%kube weights ImageLocality").refusal


def test_why_not_tells_what_would_bring_a_pod_to_a_node(run: Callable[[str], Any]) -> None:
    run("%kubectl run there --image=nginx")
    run("%kube advance 20s")
    node = run("%kubectl get pod there -o jsonpath={.spec.nodeName}").value.text
    other = next(name for name in ("node-1", "node-2") if name != node)
    run(f"%kubectl cordon {other}")
    shown = run(f"%kube why-not pod/there {other}").value
    assert "NodeUnschedulable" in shown.text
    assert "toleration" in set(shown.df["kind"])
    run(f"%kubectl uncordon {other}")
    assert "give a pod and a node" in run("%kube why-not pod/there").refusal
    assert "no node 'nowhere'" in run("%kube why-not pod/there nowhere").refusal
    assert set(completion.complete("kube", "why-not there no")) >= {"node-1", "node-2"}
    assert "rank" in run("%kube why there").value.df.columns


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: asked}
spec: {containers: [{name: c, image: nginx}]}
"""


def test_a_request_shows_every_station_that_it_passed(run: Callable[[str], Any]) -> None:
    shown = run(f"%%kube request POST pods\n{POD}").value
    names = list(shown.df["station"])
    kinds = list(dict.fromkeys(name.partition(":")[0] for name in names))
    wanted = ("authentication", "authorization", "schema", "mutating", "validation", "validating", "store", "watchers")
    assert [kind for kind in kinds if kind in wanted][:2] == ["authentication", "authorization"]
    assert set(wanted) <= set(kinds)
    assert kinds[-1] == "response"
    assert any(name == "mutating: ServiceAccount" for name in names)
    assert "POST /api/v1/namespaces/default/pods → 201" in shown.text
    assert "asked" in run("%kubectl get pod asked").value.text


def test_a_request_that_is_refused_shows_where(run: Callable[[str], Any]) -> None:
    shown = run("%kube request DELETE pod asked --as nobody").value
    assert shown.state["status"] == 403
    assert 'User "nobody" cannot delete resource "pods"' in shown.text
    assert "store" not in set(shown.df["station"])
    twice = run(f"%%kube request POST pods\n{POD}").value
    assert twice.state["status"] == 409
    tried = run(f"%%kube request POST pods --dry-run\n{POD.replace('asked', 'tried')}").value
    assert tried.state["status"] == 201
    assert "NotFound" in run("%kubectl get pod tried").refusal


def test_requests_that_cannot_be_made_are_refusals(run: Callable[[str], Any]) -> None:
    assert "wants a body" in run("%kube request POST pods").refusal
    assert '"FETCH" is no method' in run("%kube request FETCH pods").refusal
    assert "doesn't have a resource type" in run("%kube request GET foos").refusal
    assert "the body is no YAML" in run("%%kube request POST pods\na: [").refusal
    assert "takes no cell" in run("%%kube graph\nx").refusal
    assert run("%kube request GET /healthz").value.state["status"] == 200
    assert "PATCH" in completion.complete("kube", "request PA")
