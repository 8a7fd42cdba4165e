"""What upstream's test/cmd get, discovery, proxy, wait and template scripts ask, asked by the machine's kubectl."""

import json
import re
import urllib.request

import pytest
import yaml

from tests.scenarios.real import Kubectl

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("real-kubectl-get")]


@pytest.fixture
def pod(kubectl):
    kubectl("run valid --image=nginx --labels=name=valid")
    return kubectl


def test_what_is_not_there_is_told(pod):
    assert pod.refused("get pods abc") == 'Error from server (NotFound): pods "abc" not found\n'
    for output in (
        "json",
        "yaml",
        "name",
        "jsonpath={.items}",
        "go-template={{.kind}}",
        "custom-columns=N:.metadata.name",
    ):
        assert "No resources found" not in pod(f"get pods -l no=such -o {output}").err or output.startswith("custom")
    assert pod("get pods -l no=such").err == f"No resources found in {pod.namespace} namespace.\n"
    assert pod("get pods -l no=such --ignore-not-found").err == ""
    assert pod.out("get pods/valid serviceaccount/default -o name") == "pod/valid\nserviceaccount/default\n"
    missing = pod.refused("get pod valid --allow-missing-template-keys=false -o jsonpath={.missing}")
    assert "missing is not found" in missing
    missing = pod.refused("get pod valid --allow-missing-template-keys=false -o 'go-template={{.missing}}'")
    assert 'map has no entry for key "missing"' in missing
    assert Kubectl(pod.kubeconfig).refused("nonsense").startswith('Error: unknown command "nonsense" for "kubectl"')
    unknown = pod.refused("get --nonsense")  # with a capital E from kubectl's dispatcher
    assert unknown[1:] == "rror: unknown flag: --nonsense\nSee 'kubectl get --help' for usage.\n"


def test_the_requests_that_get_makes(pod):
    every = pod("get all -v=6").err
    kinds = "pods|replicationcontrollers|services|daemonsets|deployments|replicasets|statefulsets"
    kinds += "|horizontalpodautoscalers|cronjobs|jobs"
    answered = re.findall(rf"GET \S+?/({kinds})\?limit=500 (\d+)", every)
    assert {status for _, status in answered} == {"200"}
    assert len(answered) == 10
    assert "limit=500" in pod("get pods -v=6").err
    assert "limit=" not in pod("get pods --chunk-size=0 -v=6").err
    chunks = pod("get configmaps -A --chunk-size=1 -v=6").err
    assert "limit=1" in chunks
    assert "continue=" in chunks
    assert "as=Table;v=v1;g=meta.k8s.io" in pod("get pods -v=8").err
    assert "includeObject=Object" in pod("get pods --sort-by=.metadata.name -v=6").err
    assert "as=Table" not in pod("get pods --server-print=false -v=8").err
    assert pod.out("get pod valid --subresource=status -o jsonpath={.kind}") == "Pod"
    assert "NotFound" in pod.refused("get pod valid --subresource=scale")
    names = {"namespace/default", "namespace/kube-public", "namespace/kube-system"}
    assert names <= set(pod.out("get namespaces -o name").split())
    warned = pod("get endpoints")
    assert "Warning: v1 Endpoints is deprecated in v1.33+" in warned.err
    assert "warning received" in pod.refused("get endpoints --warnings-as-errors")


def test_sorting_and_columns(kubectl):
    for name, label, size in (("b", "x", "9Gi"), ("a", "z", "10Gi"), ("c", "y", "1Ti")):
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": "none",
        }
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "labels": {"l": label}},
            "spec": spec,
        }
        kubectl("create -f -", stdin=json.dumps(claim))

    def sorted_by(path):
        return "".join(name.split("/")[1] for name in kubectl.out(f"get pvc -o name --sort-by={path}").split())

    assert sorted_by(".metadata.name") == "abc"
    assert sorted_by(".metadata.labels.l") == "bca"
    assert sorted_by(".metadata.creationTimestamp") in ("bac", "abc")
    assert sorted_by(".spec.resources.requests.storage") == "bac"
    assert kubectl.out("get pvc -A").split()[0] == "NAMESPACE"
    assert kubectl.out("get nodes -A").split()[0] == "NAME"
    with kubectl.start("get pvc a -w -o json") as watching:
        first = ""
        while not first.endswith("\n}\n"):
            first += watching.stdout.readline()
        assert json.loads(first)["metadata"]["name"] == "a"


def test_discovery_lists_fields_and_verbs_in_order(kubectl):
    raw = kubectl.out("get --raw /api/v1")
    found = {row["name"]: row for row in json.loads(raw)["resources"]}
    assert list(found["configmaps"]) == [
        "name",
        "singularName",
        "namespaced",
        "kind",
        "verbs",
        "shortNames",
        "storageVersionHash",
    ]
    verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    assert (found["configmaps"]["verbs"], found["configmaps"]["shortNames"]) == (verbs, ["cm"])
    assert found["pods"]["categories"] == ["all"]
    assert kubectl.refused("get nonsense") == 'error: the server doesn\'t have a resource type "nonsense"\n'
    for what in ("pods", "po", "po.status.message", "cronjob"):
        assert "KIND:" in kubectl.out(f"explain {what}")
    document = kubectl.out("get --raw /openapi/v2")
    for text in ("list of returned", "List of services", "Watch for changes to the described resources"):
        assert text in document


@pytest.mark.parametrize("prefix", ["/", "/custom/"])
def test_a_proxy_serves_what_the_server_serves(kubectl, prefix):
    with kubectl.start(f"proxy --port=0 --www=/tmp --api-prefix={prefix}") as proxy:
        port = re.search(r":(\d+)", proxy.stdout.readline())[1]

        def status(path):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{prefix}{path}", timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        paths = ("api/kubernetes", "api/v1/namespaces", "metrics", "apis", "apis/apps")
        assert [status(path) for path in paths] == [404, 200, 200, 200, 200]


def test_requests_have_a_limit_of_their_own(pod):
    assert pod.out("get pods --request-timeout=1m -o name") == "pod/valid\n"
    pod("get pods --watch --request-timeout=1")
    assert "Invalid timeout value" in pod.refused("get pods --request-timeout=p")


def test_configurations_are_saved_on_demand(kubectl):
    path = r"-o 'jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}'"
    kubectl("run saved --image=nginx --save-config")
    kubectl("expose pod saved --port=80 --save-config")
    kubectl("create deployment saved --image=nginx --save-config")
    kubectl("autoscale deployment saved --max=3 --save-config")
    kubectl("create cm edited --from-literal=a=1")
    kubectl("edit cm edited --save-config", EDITOR='sed -i \'s/a: "1"/a: "2"/\'')
    kubectl("create cm replaced --from-literal=a=1")
    kubectl("replace -f - --save-config", stdin=kubectl.out("get cm replaced -o yaml"))
    for what in ("pod saved", "service saved", "deployment saved", "hpa.autoscaling saved", "cm edited", "cm replaced"):
        assert kubectl.out(f"get {what} {path}").startswith("{"), what


TEMPLATED = """
create configmap cm --from-literal=a=1
create secret generic s --from-literal=a=1
create secret docker-registry r --docker-username=u --docker-password=p
create deployment d --image=nginx
create job j --image=nginx
create cronjob c --image=nginx --schedule='* * * * *'
create service clusterip ci --tcp=80
create service nodeport np --tcp=80
create service externalname en --external-name=a.example
create serviceaccount sa
create role ro --verb=get --resource=pods
create rolebinding rb --role=ro --user=u
create quota q --hard=pods=9
create poddisruptionbudget pdb --selector=a=b --min-available=1
create ingress i --rule=a.example/=ci:80
run p --image=nginx
expose deployment d --port=80
autoscale deployment d --max=2
label deployment d x=y
annotate deployment d x=y
scale deployment d --replicas=2
set image deployment/d nginx=nginx:2
set env deployment/d A=b
set resources deployment d --limits=cpu=1
set selector service ci a=b
set serviceaccount deployment d sa
set subject rolebinding rb --user=v
rollout pause deployment/d
rollout resume deployment/d
rollout restart deployment/d
patch deployment d -p {}
auth can-i get pods --quiet
"""


def test_every_command_that_prints_an_object_takes_a_template(kubectl):
    for line in TEMPLATED.strip().splitlines()[:-1]:
        assert re.fullmatch(r"[a-z-]+:", kubectl.out(f"{line} --template='{{{{.metadata.name}}}}:'")), line
    assert kubectl.out("config view --template='{{.kind}}:'") == "Config:"


def test_versions_agree_in_every_form(kubectl):
    as_json, as_yaml = (kubectl.out(f"version -o {form}") for form in ("json", "yaml"))
    assert json.loads(as_json) == yaml.safe_load(as_yaml)
    assert json.loads(kubectl.out("get --raw /version")).items() >= json.loads(as_json)["serverVersion"].items()


def test_waiting_ends_with_what_was_waited_for(pod):
    pod("create deployment waited --image=nginx")
    assert "condition met" in pod.out("wait --for=jsonpath={.spec.replicas}=1 deployment/waited")
    assert "condition met" in pod.out("wait --for=jsonpath={.metadata.uid} deployment/waited --timeout=5s")
    assert "timed out" in pod.refused("wait --for=jsonpath={.status.nope}=1 deployment/waited --timeout=1s")
    pod("delete deployment waited --wait=false")
    pod("wait --for=delete deployment --all --timeout=20s")
    assert "timed out" in pod.refused("wait --for=condition=Invalid pod/valid --timeout=1s")


def test_the_client_alone_helps_and_runs_plugins(kubectl, tmp_path):
    nowhere = Kubectl(tmp_path / "nowhere")
    assert "kubectl controls the Kubernetes cluster manager." in nowhere.out("help")
    assert "Usage:\n  kubectl get" in nowhere.out("get --help")
    assert "Examples:" in nowhere.out("create deployment --help")
    plugin = tmp_path / "kubectl-hello"
    plugin.write_text("#!/bin/sh\necho hello $1\n")
    plugin.chmod(0o755)
    import os

    path = f"{tmp_path}:{os.environ['PATH']}"
    assert str(plugin) in nowhere.out("plugin list", PATH=path)
    assert nowhere.out("hello there", PATH=path) == "hello there\n"
