"""A session of the machine's kubectl against a served cluster: each test is a topic in a namespace of its own."""

import json
import re
import urllib.request

import pytest
import yaml

from tests import stores
from tests.scenarios.real import WEB, Kubectl

pytestmark = pytest.mark.kubectl

SHELLS = """\
apiVersion: v1
kind: Pod
metadata: {name: shells}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: one, image: busybox, command: [sh, -c, "echo first; echo second; echo third; sleep 36000"]}
  - {name: two, image: busybox, command: [sh, -c, "echo of two; sleep 36000"], env: [{name: COLOUR, value: blue}]}
"""


@pytest.fixture(scope="module", params=stores.every_in_groups("real-kubectl-session"))
def served(request):
    """In place of the folder's: the same on every store."""
    with stores.cluster_on(request.param, nodes=3, seed=4, pace=20) as cluster:
        yield cluster.serve().kubeconfig


def rows(text):
    return [line.split() for line in text.splitlines()]


# -- reading -----------------------------------------------------------------------------------------------------------


def test_apply_says_what_it_did(web):
    assert web.out("apply -f -", stdin=WEB) == "deployment.apps/web unchanged\nservice/web unchanged\n"
    wider = WEB.replace("replicas: 2", "replicas: 3")
    assert web("diff -f -", stdin=wider, code=1).out.count("replicas: 3") == 1
    assert web.out("diff -f -", stdin=WEB) == ""
    assert web.out("apply -f - --dry-run=server", stdin=wider).splitlines()[0] == (
        "deployment.apps/web configured (server dry run)"
    )
    assert web.out("get deployment web -o jsonpath={.spec.replicas}") == "2"
    assert web.out("apply -f -", stdin=wider) == "deployment.apps/web configured\nservice/web unchanged\n"
    assert web.out("get deployment web -o jsonpath={.spec.replicas}") == "3"


def test_get_prints_every_form(web):
    plain = rows(web.out("get pods"))
    assert plain[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    names = [row[0] for row in plain[1:]]
    assert [row[1:4] for row in plain[1:]] == [["1/1", "Running", "0"]] * 2
    wide = rows(web.out("get pods -o wide"))
    assert wide[0][5:] == ["IP", "NODE", "NOMINATED", "NODE", "READINESS", "GATES"]
    assert all(row[5].startswith("10.244.") and row[6].startswith("node-") for row in wide[1:])
    assert web.out("get pods -o name").split() == [f"pod/{name}" for name in names]
    assert web.out("get pods --no-headers -o custom-columns=N:.metadata.name,P:.status.phase").split() == [
        part for name in names for part in (name, "Running")
    ]
    assert web.out("get pods -o 'jsonpath={range .items[*]}{.metadata.name},{end}'") == "".join(f"{n}," for n in names)
    template = '{{range .items}}{{.metadata.name}} {{len .spec.containers}}{{"\\n"}}{{end}}'
    assert web.out(f"get pods -o 'go-template={template}'") == "".join(f"{name} 1\n" for name in names)
    listed = json.loads(web.out("get pods -o json"))
    assert (listed["kind"], [pod["kind"] for pod in listed["items"]]) == ("List", ["Pod", "Pod"])
    deployment = yaml.safe_load(web.out("get deployment web -o yaml"))
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert "managedFields" not in deployment["metadata"]
    assert "managedFields:" in web.out("get deployment web -o yaml --show-managed-fields")
    assert [row[0] for row in rows(web.out("get pods --sort-by=.spec.nodeName -o wide"))[1:]] == [
        row[0] for row in sorted(wide[1:], key=lambda row: row[6])
    ]


def test_get_selects(web):
    assert len(web.out("get pods -l app=web -o name").split()) == 2
    assert web("get pods -l app!=web").err == "No resources found in get-selects namespace.\n"
    assert len(web.out("get pods -l 'app in (web,api),!canary' -o name").split()) == 2
    assert len(web.out("get pods --field-selector status.phase=Running -o name").split()) == 2
    assert web.out("get pods --field-selector status.phase!=Running -o name") == ""
    assert rows(web.out("get pods -L app --show-labels"))[0][-2:] == ["APP", "LABELS"]
    kinds = web.out("get deployments,services,endpointslices -o name").split()
    assert kinds[:2] == ["deployment.apps/web", "service/web"]
    assert kinds[2].startswith("endpointslice.discovery.k8s.io/web-")
    every = {line.split("/")[0] for line in web.out("get all -o name").split()}
    assert every == {"pod", "service", "deployment.apps", "replicaset.apps"}
    assert {"kube-system", "get-selects"} <= {row[0] for row in rows(web.out("get pods -A --no-headers"))}
    assert web.out("get deploy/web svc/web -o name").split() == ["deployment.apps/web", "service/web"]
    assert web("get pod nope --ignore-not-found") == web("get pods -l no=thing --ignore-not-found -o name")
    assert web.refused("get pod nope") == 'Error from server (NotFound): pods "nope" not found\n'
    assert web.refused("get nonsense") == 'error: the server doesn\'t have a resource type "nonsense"\n'


def test_get_watches(web):
    with web.start("get configmaps -w --output-watch-events") as watching:
        assert watching.stdout.readline().split() == ["EVENT", "NAME", "DATA", "AGE"]
        web("create configmap seen --from-literal=a=1")
        lines = []
        while not any("seen" in line for line in lines):
            lines.append(watching.stdout.readline())
            assert lines[-1], watching.stderr.read()
    assert "ADDED" in lines[-1]
    assert "seen" not in web.out("get pods -w --request-timeout=1s")


def test_describe_tells_the_story(web):
    text = web.out("describe deployment web")
    assert "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in text
    assert re.search(r"ScalingReplicaSet .* Scaled up replica set web-\w+ from 0 to 2", text)
    pod = web.out("describe pod -l app=web")
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        assert re.search(rf"Normal +{reason} ", pod)
    assert "Controlled By:  ReplicaSet/web-" in pod
    assert re.search(r"Endpoints: +10\.244\.\d+\.\d+:80,10\.244\.\d+\.\d+:80\n", web.out("describe service web"))
    node = web.out("describe node node-1")
    assert "Kubelet Version:            v1." in node
    assert "Non-terminated Pods:" in node
    assert "Status:       Active" in web.out("describe namespace describe-tells-the-story")
    events = web.out("events --for deployment/web")
    assert "ScalingReplicaSet" in events
    listed = web.out("get events --sort-by=.metadata.creationTimestamp")
    assert {"SuccessfulCreate", "Scheduled", "Started"} <= {row[2] for row in rows(listed)}
    only = web.out("get events --field-selector involvedObject.kind=Deployment,reason=ScalingReplicaSet -o name")
    assert len(only.split()) == 1


def test_explain_knows_every_field(kubectl):
    text = kubectl.out("explain deployment.spec.strategy --recursive")
    assert text.startswith("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n")
    assert "  rollingUpdate\t<RollingUpdateDeployment>\n    maxSurge\t<IntOrString>\n" in text
    assert "FIELD: restartPolicy <string>" in kubectl.out("explain pod.spec.restartPolicy")
    assert kubectl.refused("explain pod.spec.nonsense") == 'error: field "nonsense" does not exist\n'


def test_the_server_tells_what_it_serves(kubectl):
    assert re.search(r"Server Version: v1\.\d+\.\d+", kubectl.out("version"))
    assert json.loads(kubectl.out("version -o json"))["serverVersion"]["major"] == "1"
    assert "Kubernetes control plane is running at https://127.0.0.1:" in re.sub(
        r"\x1b\[[\d;]*m", "", kubectl.out("cluster-info")
    )
    table = rows(kubectl.out("api-resources --no-headers"))
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in table
    assert ["nodes", "no", "v1", "false", "Node"] in table
    assert "pods" in kubectl.out("api-resources --namespaced --verbs=list,watch -o name").split()
    assert {"v1", "apps/v1", "batch/v1", "discovery.k8s.io/v1"} <= set(kubectl.out("api-versions").split())
    assert kubectl.out("get --raw /readyz") == "ok"
    assert kubectl.out("auth can-i create pods") == "yes\n"
    assert "kubernetes-admin" in kubectl.out("auth whoami")
    assert kubectl.out("config current-context")
    assert "server: https://127.0.0.1:" in kubectl.out("config view --minify")
    assert kubectl.refused("top nodes") == "error: Metrics API not available\n"


# -- workloads ---------------------------------------------------------------------------------------------------------


def test_scale_rollout_and_back(web):
    assert web.out("scale deployment web --replicas=4") == "deployment.apps/web scaled\n"
    assert web.out("wait --for=jsonpath={.status.readyReplicas}=4 deployment/web --timeout=50s").endswith("met\n")
    assert web.refused("scale deployment web --current-replicas=9 --replicas=1") == (
        "error: Expected replicas to be 9, was 4\n"
    )
    assert web.out("set image deployment/web nginx=nginx:1.28") == "deployment.apps/web image updated\n"
    web("annotate deployment web kubernetes.io/change-cause=newer")
    assert web.out("rollout status deployment/web --timeout=50s").endswith("successfully rolled out\n")
    assert rows(web.out("rollout history deployment/web"))[1:4] == [
        ["REVISION", "CHANGE-CAUSE"],
        ["1", "<none>"],
        ["2", "newer"],
    ]
    assert "nginx:1.28" in web.out("rollout history deployment/web --revision=2")
    assert web.out("rollout undo deployment/web") == "deployment.apps/web rolled back\n"
    assert web.out("rollout status deployment/web --timeout=50s").endswith("successfully rolled out\n")
    assert web.out("get deployment web -o jsonpath={..image}") == "nginx:1.27"
    assert (
        web.refused("rollout undo deployment/web --to-revision=9")
        == "error: unable to find specified revision 9 in history\n"
    )
    assert web.out("rollout pause deployment/web") == "deployment.apps/web paused\n"
    web("set env deployment/web COLOUR=blue")
    assert web.refused("rollout restart deployment/web") == (
        'error: deployments.apps "web" can\'t restart paused deployment (run rollout resume first)\n'
    )
    assert len(web.out("get replicasets -o name").split()) == 2
    assert web.out("rollout resume deployment/web") == "deployment.apps/web resumed\n"
    assert web.out("rollout restart deployment/web") == "deployment.apps/web restarted\n"
    assert web.out("rollout status deployment/web --timeout=50s").endswith("successfully rolled out\n")
    pod = web.out("get pods -l app=web -o name").split()[0]
    assert "COLOUR=blue" in web.out(f"exec {pod} -- env").splitlines()


def test_patch_of_each_type(web):
    assert web.out("""patch deployment web -p '{"spec":{"replicas":1}}'""") == "deployment.apps/web patched\n"
    strategic = (
        '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox","command":["sleep","9d"]}]}}}}'
    )
    web(f"patch deployment web --type=strategic -p '{strategic}'")
    assert web.out("get deployment web -o jsonpath={..containers[*].name}") == "side nginx"
    web("""patch deployment web --type=merge -p '{"metadata":{"labels":{"tier":"front"}}}'""")
    web("""patch deployment web --type=json -p '[{"op":"remove","path":"/spec/template/spec/containers/0"}]'""")
    assert web.out("get deployment web -o jsonpath={..containers[*].name},{.metadata.labels.tier}") == "nginx,front"
    assert web.out("""patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'""") == (
        "scale.autoscaling/web patched\n"
    )
    web("rollout status deployment/web")  # nobody else writes meanwhile
    assert web.out("""patch deployment web --type=merge -p '{"spec":{"replicas":2}}'""").endswith("(no change)\n")
    absent = """patch deployment web --type=json -p '[{"op":"remove","path":"/spec/nope"}]'"""
    assert "the server rejected our request due to an error in our request" in web.refused(absent)


def test_server_side_apply_names_who_owns_a_field(kubectl):
    first = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"shared"},"data":{"colour":"red"}}'
    assert kubectl.out("apply --server-side --field-manager=one -f -", stdin=first) == (
        "configmap/shared serverside-applied\n"
    )
    second = first.replace('"red"', '"blue"')
    refused = kubectl.refused("apply --server-side --field-manager=two -f -", stdin=second)
    assert refused.startswith('error: Apply failed with 1 conflict: conflict with "one": .data.colour\n')
    assert kubectl.out("get configmap shared -o jsonpath={.data.colour}") == "red"
    kubectl("apply --server-side --field-manager=two --force-conflicts -f -", stdin=second)
    assert kubectl.out("get configmap shared -o jsonpath={.data.colour}") == "blue"
    managers = kubectl.out(
        "get configmap shared --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}"
    )
    assert managers == "two"


def test_labels_annotations_replace_and_edit(web):
    assert web.out("label deployment web tier=front") == "deployment.apps/web labeled\n"
    assert web.refused("label deployment web tier=back") == (
        "error: 'tier' already has a value (front), and --overwrite is false\n"
    )
    assert web.out("label deployment web tier=back --overwrite") == "deployment.apps/web labeled\n"
    assert web.out("label deployment web tier-") == "deployment.apps/web unlabeled\n"
    assert web.out("annotate deployment web note='some text'") == "deployment.apps/web annotated\n"
    assert web.out("get deployment web -o jsonpath={.metadata.annotations.note}") == "some text"
    assert web.out("replace -f -", stdin=WEB) == "deployment.apps/web replaced\nservice/web replaced\n"
    assert web.out("get deployment web -o jsonpath={.metadata.annotations.note}") == ""
    edit = web.out("edit deployment web", EDITOR="sed -i 's/replicas: 2/replicas: 3/'")
    assert edit == "deployment.apps/web edited\n"
    assert web.out("get deployment web -o jsonpath={.spec.replicas}") == "3"
    assert web("edit deployment web", EDITOR="true").err == "Edit cancelled, no changes made.\n"


def test_wait_in_each_form(web):
    assert web.out("wait --for=condition=Available deployment/web") == "deployment.apps/web condition met\n"
    assert web.out("wait --for=create deployment/web") == "deployment.apps/web condition met\n"
    assert len(rows(web.out("wait --for=condition=Ready pods -l app=web"))) == 2
    assert web.refused("wait --for=condition=Available=False deployment/web --timeout=1s") == (
        "error: timed out waiting for the condition on deployments/web\n"
    )
    assert web.refused("wait --for=condition=Ready pod/nope") == (
        'Error from server (NotFound): pods "nope" not found\n'
    )
    web("delete service web")
    assert web.out("wait --for=delete service/web --timeout=20s") == ""


# -- into pods ---------------------------------------------------------------------------------------------------------


def test_logs_and_exec(kubectl):
    kubectl("apply -f -", stdin=SHELLS)
    kubectl("wait --for=condition=Ready pod/shells --timeout=50s")
    logs = kubectl("logs shells")
    assert logs.out == "first\nsecond\nthird\n"
    assert logs.err == 'Defaulted container "one" out of: one, two\n'
    assert kubectl.out("logs shells -c one --tail=2") == "second\nthird\n"
    assert kubectl.out("logs shells two") == "of two\n"
    both = kubectl.out("logs shells --all-containers --prefix --tail=1").splitlines()
    assert sorted(both) == [  # kubectl asks for the logs at the same time
        "[pod/shells/one] third",
        "[pod/shells/two] of two",
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z third\n", kubectl.out("logs shells -c one --tail=1 --timestamps"))
    assert "container nope is not valid for pod shells" in kubectl.refused("logs shells -c nope")
    assert kubectl.refused("logs shells -c one -p") == (
        'Error from server (BadRequest): previous terminated container "one" in pod "shells" not found\n'
    )
    with kubectl.start("logs -f shells -c one") as following:
        assert [following.stdout.readline() for _ in range(3)] == ["first\n", "second\n", "third\n"]
    assert kubectl.out("exec shells -c two -- sh -c 'echo $COLOUR'") == "blue\n"
    assert kubectl("exec -i shells -c one -- cat", stdin="through\n").out == "through\n"
    both = kubectl("exec shells -c one -- sh -c 'echo out; echo err >&2; exit 7'", code=7)
    assert (both.out, both.err) == ("out\n", "err\ncommand terminated with exit code 7\n")


def test_exec_into_what_does_not_run_is_refused(kubectl):
    kubectl('run homeless --image=busybox --overrides=\'{"spec":{"nodeSelector":{"no":"such"}}}\'')
    assert kubectl.refused("exec homeless -- ls") == (
        "Error from server (BadRequest): pod homeless does not have a host assigned\n"
    )
    kubectl("run imageless --image=absent.example/none")
    kubectl("wait --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff pod/imageless")
    assert kubectl.refused("exec imageless -- ls") == (
        'error: Internal error occurred: unable to upgrade connection: container not found ("imageless")\n'
    )
    # The second, if the next try is just being made.
    waiting = 'Error from server (BadRequest): container "imageless" in pod "imageless" is waiting to start: '
    whys = ("trying and failing to pull image\n", "image can't be pulled\n")
    assert kubectl.refused("logs imageless") in [f"{waiting}{why}" for why in whys]


def test_a_crash_leaves_its_log(kubectl):
    kubectl("run crash --image=busybox -- sh -c 'echo boom; exit 3'")
    kubectl("wait --for=jsonpath={.status.containerStatuses[0].restartCount}=2 pod/crash --timeout=50s")
    assert kubectl.out("logs crash -p") == "boom\n"
    code = "get pod crash -o jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}"
    assert kubectl.out(code) == "3"
    assert "Back-off restarting failed container crash in pod crash_" in kubectl.out("describe pod crash")


def test_run_and_remove(kubectl):
    done = kubectl("run hello --rm -i --quiet --image=busybox --restart=Never -- echo hello")
    assert done.out.startswith("hello\n")
    assert kubectl.refused("get pod hello") == 'Error from server (NotFound): pods "hello" not found\n'


@pytest.mark.parametrize("target", ["service/web", "deployment/web"])
def test_port_forward_carries_http(web, target):
    with web.start(f"port-forward {target} :80") as forwarding:
        line = forwarding.stdout.readline()
        found = re.fullmatch(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80\n", line)
        assert found, line + forwarding.stderr.read()
        for _ in range(2):
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=10) as page:
                assert b"Welcome to nginx" in page.read()


# -- nodes -------------------------------------------------------------------------------------------------------------


def test_a_drained_node_is_left_by_its_pods(web):
    pod, node = web.out("get pods -o 'jsonpath={.items[0].metadata.name} {.items[0].spec.nodeName}'").split()
    try:
        assert web.out(f"cordon {node}") == f"node/{node} cordoned\n"
        assert rows(web.out(f"get node {node}"))[1][1] == "Ready,SchedulingDisabled"
        assert "cannot delete DaemonSet-managed Pods" in web.refused(f"drain {node}")
        drained = web.out(f"drain {node} --ignore-daemonsets --timeout=50s")
        assert f"pod/{pod} evicted\n" in drained
        assert drained.endswith(f"node/{node} drained\n")
        assert web.out("rollout status deployment/web --timeout=50s").endswith("successfully rolled out\n")
        assert node not in web.out("get pods -o jsonpath={.items[*].spec.nodeName}").split()
    finally:
        assert web.out(f"uncordon {node}") == f"node/{node} uncordoned\n"
    assert web.out(f"uncordon {node}") == f"node/{node} already uncordoned\n"


def test_taints_keep_pods_away(kubectl):
    assert (
        kubectl.out("taint nodes -l !node-role.kubernetes.io/control-plane only=vip:NoSchedule").count("tainted") == 3
    )
    try:
        kubectl("run homeless --image=nginx")
        kubectl("wait --for=jsonpath={.status.conditions[0].reason}=Unschedulable pod/homeless --timeout=20s")
        assert "0/4 nodes are available" in kubectl.out("describe pod homeless")
    finally:
        assert kubectl.out("taint nodes -l !node-role.kubernetes.io/control-plane only-").count("untainted") == 3
    kubectl("wait --for=condition=Ready pod/homeless --timeout=50s")


# -- creating and deleting ---------------------------------------------------------------------------------------------

CREATED = {
    "configmap conf --from-literal=a=1": "configmap/conf",
    "secret generic hidden --from-literal=p=w": "secret/hidden",
    "deployment dep --image=nginx": "deployment.apps/dep",
    "job once --image=busybox -- true": "job.batch/once",
    "cronjob often --image=busybox --schedule='*/5 * * * *' -- true": "cronjob.batch/often",
    "service clusterip clus --tcp=80": "service/clus",
    "service nodeport nodep --tcp=80": "service/nodep",
    "service loadbalancer lb --tcp=80": "service/lb",
    "service externalname ext --external-name=example.com": "service/ext",
    "serviceaccount robot": "serviceaccount/robot",
    "role reader --verb=get --resource=pods": "role.rbac.authorization.k8s.io/reader",
    "rolebinding readers --role=reader --user=bob": "rolebinding.rbac.authorization.k8s.io/readers",
    "quota few --hard=pods=9": "resourcequota/few",
    "poddisruptionbudget some --selector=app=dep --min-available=1": "poddisruptionbudget.policy/some",
    "ingress way --rule=a.example/=clus:80": "ingress.networking.k8s.io/way",
    "priorityclass high-of-session --value=1000": "priorityclass.scheduling.k8s.io/high-of-session",
    "clusterrole all-of-session --verb=get --resource=nodes": "clusterrole.rbac.authorization.k8s.io/all-of-session",
}


def test_create_of_each_kind(kubectl):
    for line, name in CREATED.items():
        assert kubectl.out(f"create {line}") == f"{name} created\n"
        again = kubectl.refused(f"create {line}")
        assert "already exists" in again or "failed to create" in again, again
        assert kubectl.out(f"get {name} -o name") == f"{name}\n"
    assert kubectl.out("get secret hidden -o jsonpath={.data.p}") == "dw=="
    assert kubectl.out("get service nodep -o jsonpath={.spec.ports[0].nodePort}").startswith("3")
    assert kubectl.out("get service ext -o jsonpath={.spec.externalName}") == "example.com"
    kubectl("wait --for=condition=complete job/once --timeout=50s")
    assert kubectl.out("expose deployment dep --port=80 --name=exposed") == "service/exposed exposed\n"
    assert kubectl.out("autoscale deployment dep --max=5").startswith("horizontalpodautoscaler.autoscaling/dep")
    for kind in ("priorityclass high-of-session", "clusterrole all-of-session"):
        kubectl(f"delete {kind}")
    assert kubectl.out("delete configmap,secret --all").splitlines()[-1] == 'secret "hidden" deleted'


def pods_of(kubectl):
    return kubectl.out("get pods -l app=web -o name").split()


def test_delete_with_each_cascade(web):
    before = pods_of(web)
    assert web.out("delete deployment web --cascade=orphan") == 'deployment.apps "web" deleted\n'
    assert len(web.out("get replicasets -o name").split()) == 1
    assert pods_of(web) == before
    web("apply -f -", stdin=WEB)
    web("rollout status deployment/web --timeout=50s")
    assert pods_of(web) == before, "the new deployment adopts the old one's set"
    web("delete deployment web --cascade=foreground")
    assert (web.out("get replicasets -o name"), pods_of(web)) == ("", [])
    web("apply -f -", stdin=WEB)
    web("rollout status deployment/web --timeout=50s")
    web("delete deployment web")
    web("wait --for=delete pods -l app=web --timeout=50s")
    assert web.out("get replicasets -o name") == ""
    assert web.refused("delete deployment web") == 'Error from server (NotFound): deployments.apps "web" not found\n'
    assert web.out("delete service web --now") == 'service "web" deleted\n'


def test_a_deleted_namespace_takes_everything_with_it(kubectl):
    kubectl("create namespace doomed")
    doomed = Kubectl(kubectl.kubeconfig, "doomed")
    doomed("apply -f -", stdin=WEB)
    doomed("rollout status deployment/web --timeout=50s")
    assert kubectl.out("delete namespace doomed --timeout=50s") == 'namespace "doomed" deleted\n'
    assert doomed.out("get all -o name") == ""
    assert doomed.refused("create configmap late") == (
        'error: failed to create configmap: namespaces "doomed" not found\n'
    )
