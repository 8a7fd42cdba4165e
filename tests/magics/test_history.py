"""The past in a notebook: views at a revision, forks, the timeline."""

from collections.abc import Callable
from typing import Any

from kube_magics import completion, current


def revision() -> int:
    return current.get().revision


def test_views_show_the_revision_that_is_asked_for(run: Callable[[str], Any]) -> None:
    run("%kubectl create deployment web --image=nginx --replicas=2")
    run("%kubectl expose deployment web --port=80")
    run("%kube advance 30s")
    assert set(run("%kube graph deployment/web").value.df["kind"]) >= {"owns", "selects"}
    assert run("%kube match app=web").value.df["matches"].tolist() == [True, True]
    assert run("%kube endpoints web").value.df["ready"].tolist() == [True, True]
    assert run("%kube status").value.df["name"].tolist() == ["control-plane", "node-1", "node-2"]
    at, graph = revision(), run("%kube graph deployment/web").value.text
    now = {line: run(line).value.text for line in ("%kube match app=web", "%kube endpoints web")}
    run("%kubectl delete deployment,service web")
    run("%kube advance 1m")
    assert run(f"%kube graph --at {at} deployment/web").value.text == graph != "no objects"
    for line, text in now.items():
        assert run(f"{line} --at {at}").value.text == text
    assert 'services "web" not found' in run("%kube endpoints web").refusal
    assert "still to come" in run("%kube graph --at 999999").refusal
    assert "web" in run(f"%kube at {at} get deployments").value.text
    assert "No resources found" in run("%kubectl get deployments").value.stderr
    assert "give a revision" in run("%kube at get pods").refusal
    assert "the past cannot be changed" in run(f"%kube at {at} delete deployment web").refusal


def test_a_fork_becomes_the_current_cluster_and_has_the_past_before_it(run: Callable[[str], Any]) -> None:
    run("%kubectl create configmap before")
    at = revision()
    run("%kubectl create configmap after")
    assert "kube-2: Kubernetes" in run(f"%kube fork --at {at}").value.text
    names = run("%kubectl get configmaps -o name").value.text
    assert "configmap/before" in names
    assert "configmap/after" not in names
    assert "is up already" in run("%kube fork --name kube").refusal
    run("%kube fork --name third --seed 9")
    assert {"kube", "kube-2", "third"} <= set(completion.complete("kube", "use "))
    run("%kube down third kube-2")
    run("%kube use kube")
    assert "configmap/after" in run("%kubectl get configmaps -o name").value.text
    assert "still to come" in run("%kube fork --at 999999").refusal


def test_the_timeline_tells_who_wrote_what_because_of_what(run: Callable[[str], Any]) -> None:
    since = revision() + 1
    ran = run("%kubectl create deployment told --image=nginx")
    cell = ran.result.execution_count
    run("%kube advance 30s")
    shown = run(f"%kube timeline --since {since}").value
    first, second = shown.state["steps"][:2]
    assert (first["verb"], first["kind"], first["name"], first["cell"]) == ("created", "Deployment", "told", cell)
    assert (second["kind"], second["actor"], second["trigger"]) == (
        "ReplicaSet",
        "deployment-controller",
        first["revision"],
    )
    placed = next(step for step in shown.state["steps"] if "spec.nodeName" in step["changes"])
    assert (placed["kind"], placed["actor"]) == ("Pod", "kube-scheduler")
    only = run("%kube timeline deployment/told").value
    assert {step["kind"] for step in only.state["steps"]} == {"Deployment"}
    assert list(only.df["revision"]) == [step["revision"] for step in only.state["steps"]]
    assert "Lease" in {step["kind"] for step in run(f"%kube timeline --all --since {since}").value.state["steps"]}
    assert "nothing about that" in run("%kube timeline deployment/nobody").value.text


def test_help_tells_each_commands_flags(run: Callable[[str], Any]) -> None:
    assert "--etcd-members" in str(run("%kube help up").value)
    assert "--at" in str(run("%kube graph --help").value)
    assert "kube help graph" in run("%kube graph --wrong").refusal


def test_a_data_directory_that_cannot_be_used_is_a_refusal(run: Callable[[str], Any], tmp_path: Any) -> None:
    (tmp_path / "kube_nb.etcd").write_bytes(b"something else")
    assert "kube_nb.etcd" in run(f"%kube up --name other --nodes 1 --data-dir {tmp_path}").refusal
    assert "1, 3 or 5" in run("%kube up --name other --etcd-members 4").refusal
    assert "finite pace" in run("%kube up --name other --pace max --store http://127.0.0.1:1").refusal


def test_members_are_drawn_parted_and_joined_again(run: Callable[[str], Any]) -> None:
    run("%kube up --name members --nodes 0 --pace max --etcd-members 3")
    assert "leads in term" in run("%kube etcd").value.text
    assert "cut off from the quorum" in run("%kube etcd cut etcd-0").value.text
    assert "cut off" not in run("%kube etcd heal").value.text
    assert 'no member "etcd-7"' in run("%kube etcd cut etcd-7").refusal
    assert "say: %kube etcd" in run("%kube etcd sever").refusal
    assert {"cut", "heal", "etcd-0"} <= set(completion.complete("kube", "etcd "))
    run("%kube stop etcd-1")
    assert "etcd-1 is down" in run("%kube etcd").value.text
    run("%kube down members\n%kube use kube")
