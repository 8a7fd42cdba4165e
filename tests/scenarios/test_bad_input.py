"""What is wrong is refused in kubectl's own words and changes nothing; told alike by our kubectl and the machine's."""

import json
import time
from dataclasses import dataclass

import pytest

from kube_nb import Cluster
from tests import stores
from tests.scenarios.real import Kubectl

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: b}\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: kept}
spec:
  replicas: 1
  selector: {matchLabels: {app: kept}}
  template:
    metadata: {labels: {app: kept}}
    spec: {containers: [{name: c, image: nginx}]}
"""
LONG = "a" * 254
LABEL_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


@dataclass(frozen=True)
class Refusal:
    """A command line with its input, and all that it prints to stderr."""

    line: str
    text: str
    stderr: str


REFUSALS = {
    "malformed YAML names the line": Refusal(
        "apply -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n data: {}\n",
        "error: error parsing STDIN: error converting YAML to JSON: yaml: line 4: did not find expected key\n",
    ),
    "a tab names the line": Refusal(
        "create -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
        "error: error parsing STDIN: error converting YAML to JSON: yaml: line 4: found character that cannot start "
        "any token\n",
    ),
    "nothing": Refusal("apply -f -", "", "error: no objects passed to apply\n"),
    "unknown kind": Refusal(
        "apply -f -",
        "apiVersion: v1\nkind: Foo\nmetadata: {name: a}\n",
        'error: resource mapping not found for name: "a" namespace: "" from "STDIN": no matches for kind "Foo" in '
        'version "v1"\nensure CRDs are installed first\n',
    ),
    "unknown version": Refusal(
        "create -f -",
        "apiVersion: apps/v9\nkind: Deployment\nmetadata: {name: a}\n",
        'error: resource mapping not found for name: "a" namespace: "" from "STDIN": no matches for kind "Deployment" '
        'in version "apps/v9"\nensure CRDs are installed first\n',
    ),
    "unknown field": Refusal(
        "apply -f -",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {portz: [], ports: [{port: 80}]}\n",
        'Error from server (BadRequest): error when creating "STDIN": Service in version "v1" cannot be handled as a '
        'Service: strict decoding error: unknown field "spec.portz"\n',
    ),
    "wrong type": Refusal(
        "apply -f -",
        DEPLOYMENT.replace("kept", "bad").replace("replicas: 1", "replicas: three"),
        'Error from server (BadRequest): error when creating "STDIN": Deployment in version "v1" cannot be handled as '
        "a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32\n",
    ),
    "missing name": Refusal(
        "create -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
        'The ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required\n',
    ),
    "missing name, applied": Refusal(
        "apply -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
        "error: error when retrieving current configuration of:\n"
        'Resource: "/v1, Resource=configmaps", GroupVersionKind: "/v1, Kind=ConfigMap"\n'
        'Name: "", Namespace: "default"\n'
        'from server for: "STDIN": resource name may not be empty\n',
    ),
    "name too long": Refusal(
        "apply -f -",
        CONFIG % LONG,
        f'The ConfigMap "{LONG}" is invalid: metadata.name: Invalid value: "{LONG}": must be no more than 253 bytes\n',
    ),
    "bad name": Refusal(
        "create -f -",
        CONFIG % "Not_Good",
        f'The ConfigMap "Not_Good" is invalid: metadata.name: Invalid value: "Not_Good": {LABEL_RULE}\n',
    ),
    "immutable field": Refusal(
        "apply -f -",
        DEPLOYMENT.replace("app: kept", "app: other"),
        'The Deployment "kept" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is '
        "immutable\n",
    ),
    "missing required field": Refusal(
        "apply -f -",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {containers: [{name: c}]}\n",
        'The Pod "bad" is invalid: spec.containers[0].image: Required value\n',
    ),
    "a namespace that is not there": Refusal(
        "create -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nope}\n",
        'Error from server (NotFound): error when creating "STDIN": namespaces "nope" not found\n',
    ),
    "what exists": Refusal(
        "create -f -",
        CONFIG % "stays",
        'Error from server (AlreadyExists): error when creating "STDIN": configmaps "stays" already exists\n',
    ),
    "stale resourceVersion": Refusal(
        "replace -f -",
        CONFIG.replace("name: %s", 'name: stays, resourceVersion: "1"'),
        'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps '
        '"stays": the object has been modified; please apply your changes to the latest version and try again\n',
    ),
    "a selector that is none": Refusal(
        "get pods -l 'a in b'",
        "",
        'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "a in b", '
        "field selector \"\": unable to parse requirement: found 'b' expected: '('\n",
    ),
}


@pytest.fixture(scope="module", params=stores.EVERY)
def cluster(request):
    with stores.cluster_on(request.param, nodes=1, seed=2) as made:
        made.kubectl("create -f -", stdin=CONFIG % "stays")
        made.kubectl("apply -f -", stdin=DEPLOYMENT)
        made.wait("deployment/kept", "condition=Available")
        yield made


@pytest.fixture(scope="module")
def real():
    """The machine's kubectl on a server of the same content."""
    with Cluster(nodes=1, seed=2, pace=20) as served:
        kubectl = Kubectl(served.serve().kubeconfig)
        kubectl("create -f -", stdin=CONFIG % "stays")
        kubectl("apply -f -", stdin=DEPLOYMENT)
        kubectl("rollout status deployment/kept --timeout=50s")
        yield kubectl


def state(dump):
    """What of the objects tells whether anything changed: everything of these kinds but statuses."""
    kept = [
        [obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"], obj.get("spec") or obj.get("data")]
        for obj in dump
    ]
    return sorted(kept, key=str)


KINDS = "configmaps,services,deployments,pods"


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_our_kubectl_refuses_and_nothing_changes(cluster, refusal):
    before = cluster.revision
    result = cluster.kubectl(refusal.line, stdin=refusal.text)
    assert result.stderr == refusal.stderr
    assert (result.text, result.exit_code) == ("", 1)
    assert stores.written(cluster, before) == []


@pytest.mark.kubectl
@pytest.mark.xdist_group("real-kubectl-bad-input")
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_the_real_kubectl_says_the_same_and_nothing_changes(real, refusal):
    before = state(json.loads(real.out(f"get {KINDS} -A -o json"))["items"])
    assert real.refused(refusal.line, stdin=refusal.text) == refusal.stderr
    assert state(json.loads(real.out(f"get {KINDS} -A -o json"))["items"]) == before


TEN = [CONFIG % f"c{number}" for number in range(10)]
BAD_AMONG_TEN = {
    "a bad field": (
        CONFIG.replace("\ndata:", "\ndatum:") % "c5",
        'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a '
        'ConfigMap: strict decoding error: unknown field "datum"\n',
    ),
    "a bad name": (CONFIG % "C5", f'The ConfigMap "C5" is invalid: metadata.name: Invalid value: "C5": {LABEL_RULE}\n'),
}


def ten_with(bad):
    return "---\n".join([*TEN[:5], bad, *TEN[6:]])


NINE = [f"configmap/c{number} created" for number in range(10) if number != 5]


@pytest.mark.parametrize("case", BAD_AMONG_TEN)
def test_one_bad_document_of_ten_is_told_and_the_rest_applied(cluster, case):
    bad, stderr = BAD_AMONG_TEN[case]
    namespace = case.replace(" ", "-")
    cluster.kubectl(f"create namespace {namespace}")
    result = cluster.kubectl("apply -f -", stdin=ten_with(bad), namespace=namespace)
    assert result.text.splitlines() == NINE
    assert (result.stderr, result.exit_code) == (stderr, 1)


@pytest.mark.kubectl
@pytest.mark.xdist_group("real-kubectl-bad-input")
@pytest.mark.parametrize("case", BAD_AMONG_TEN)
def test_the_real_kubectl_does_so_too(real, case):
    bad, stderr = BAD_AMONG_TEN[case]
    namespace = case.replace(" ", "-")
    real(f"create namespace {namespace}")
    printed = Kubectl(real.kubeconfig, namespace)("apply -f -", stdin=ten_with(bad), code=1)
    assert printed.out.splitlines() == NINE
    assert printed.err == stderr


OVERSIZE = {
    "20 MB": lambda: CONFIG.replace("a: b", "a: " + "x" * (20 << 20)) % "big",
    "a million lines": lambda: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n" + "  k: v\n" * 10**6,
}


@pytest.mark.parametrize("make", OVERSIZE.values(), ids=OVERSIZE)
def test_what_is_far_too_big_is_refused_at_once(cluster, make):
    text, before = make(), cluster.revision
    start = time.perf_counter()
    result = cluster.kubectl("apply -f -", stdin=text)
    assert time.perf_counter() - start < 1
    assert result.exit_code == 1
    assert result.stderr.startswith("error: error parsing STDIN: the manifest has ")
    assert stores.written(cluster, before) == []


@pytest.mark.kubectl
@pytest.mark.xdist_group("real-kubectl-bad-input")
def test_the_server_refuses_what_is_too_big_of_the_real_kubectl(real):
    refused = real.refused("create -f - --validate=false", stdin=OVERSIZE["20 MB"]())
    assert "Request entity too large: limit is 3145728" in refused
    assert "NotFound" in real.refused("get configmap big")


def test_an_object_over_the_stores_limit_is_not_stored(cluster):
    before = cluster.revision
    result = cluster.kubectl("create -f -", stdin=CONFIG.replace("a: b", "a: " + "x" * (2 << 20)) % "large")
    assert "Too long: may not be more than 1048576 bytes" in result.stderr
    assert stores.written(cluster, before) == []
