"""What upstream's test/cmd apply, create, diff, delete, crd and debug scripts ask, asked by the machine's kubectl."""

import json

import pytest

from tests.scenarios.real import WEB, Kubectl

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("real-kubectl-apply")]

LAST = r".metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration"


def got(kubectl, what, path):
    return kubectl.out(f"get {what} -o 'jsonpath={{{path}}}'")


def config_map(name, labels=None, **data):
    metadata = {"name": name, "labels": labels or {}}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


DEPLOYMENT = WEB.split("---")[0]


def test_apply_keeps_to_what_was_applied_before(kubectl):
    kubectl("apply -f -", stdin=DEPLOYMENT)
    managers = kubectl.out("get deployment web --show-managed-fields -o jsonpath={..manager}").split()
    assert "kubectl-client-side-apply" in managers  # those of one second are sorted by name
    assert '"replicas":2' in kubectl.out("apply view-last-applied deployment/web -o json").replace(" ", "")
    recreate = DEPLOYMENT.replace("spec:\n", "spec:\n  strategy: {type: Recreate}\n", 1)
    kubectl("apply -f -", stdin=recreate)
    assert got(kubectl, "deployment web", ".spec.strategy") == '{"type":"Recreate"}'  # retainKeys drops rollingUpdate
    nulled = recreate.replace("replicas: 2", "replicas: null")
    kubectl("apply -f -", stdin=nulled)
    assert got(kubectl, "deployment web", ".spec.replicas") == "1"
    version = got(kubectl, "deployment web", ".metadata.resourceVersion")
    kubectl("apply -f - --dry-run=server", stdin=recreate)
    assert got(kubectl, "deployment web", ".metadata.resourceVersion") == version
    stale = recreate.replace("metadata:\n  name: web", 'metadata:\n  resourceVersion: "99"\n  name: web', 1)
    assert "Operation cannot be fulfilled on deployments.apps" in kubectl.refused("apply -f -", stdin=stale)
    invalid = recreate.replace("matchLabels: {app: web}", "matchLabels: {app: other}")
    assert "field is immutable" in kubectl.refused("apply -f -", stdin=invalid)
    uid = got(kubectl, "deployment web", ".metadata.uid")
    assert "selector" in kubectl.refused("apply --force --overwrite -f -", stdin=invalid)
    restored = got(kubectl, "deployment web", ".metadata.uid},{.spec.selector.matchLabels.app")
    assert restored.split(",")[1] == "web"  # the old one is there again, made anew
    assert restored.split(",")[0] != uid


def test_the_last_applied_configuration_is_set_by_hand(kubectl):
    kubectl("create -f -", stdin=config_map("plain", a="1"))
    assert kubectl.refused("apply set-last-applied -f -", stdin=config_map("plain", a="2"))
    kubectl("apply set-last-applied -f - --create-annotation", stdin=config_map("plain", a="2"))
    assert '"a":"2"' in got(kubectl, "cm plain", LAST)
    kubectl("apply set-last-applied -f - --dry-run=server", stdin=config_map("plain", a="3"))
    assert '"a":"2"' in got(kubectl, "cm plain", LAST)


def test_apply_takes_a_selection_of_a_file(kubectl):
    both = config_map("one", {"pick": "yes"}) + config_map("two", {"pick": "no"})
    assert kubectl.out("apply -l pick=yes -f -", stdin=both) == "configmap/one created\n"
    assert "the namespace from the provided object" in kubectl.refused(
        "apply -f -", stdin=config_map("there").replace('"name"', '"namespace": "elsewhere", "name"', 1)
    )


def test_apply_prunes_what_is_no_longer_there(kubectl):
    a, b = config_map("a", {"set": "x"}), config_map("b", {"set": "x"})
    kubectl("create -f -", stdin=config_map("by-hand", {"set": "x"}))
    kubectl("apply --prune -l set=x -f -", stdin=a)
    assert "pruned" in kubectl.out("apply --prune -l set=x --prune-allowlist=core/v1/ConfigMap -f -", stdin=b)
    kept = kubectl.out("get cm -l set=x -o name").split()
    assert kept == ["configmap/b", "configmap/by-hand"]
    assert "all resources selected for prune without explicitly passing --all" in kubectl.refused(
        "apply --prune -f -", stdin=b
    )


def test_apply_goes_on_past_what_fails(kubectl, tmp_path):
    kubectl("apply -f -", stdin=WEB.split("---")[1])
    moved = WEB.split("---")[1].replace("spec:\n", "spec:\n  clusterIP: 10.96.99.99\n", 1)
    assert "may not change once set" in kubectl.refused("apply -f -", stdin=moved)
    kubectl("apply --force -f -", stdin=moved)
    assert got(kubectl, "service web", ".spec.clusterIP") == "10.96.99.99"
    unknown = '{"apiVersion":"example.com/v1","kind":"Nope","metadata":{"name":"x"}}'
    invalid = config_map("Bad_Name")
    done = kubectl("apply -f -", stdin=unknown + invalid + config_map("fine"), code=1)
    assert 'no matches for kind "Nope" in version "example.com/v1"' in done.err
    assert "configmap/fine created" in done.out
    (tmp_path / "kustomization.yaml").write_text(
        "configMapGenerator:\n- {name: kusto, literals: [a=1], options: {disableNameSuffixHash: true}}\n"
    )
    assert kubectl.out(f"apply -k {tmp_path}") == "configmap/kusto created\n"
    assert kubectl.out(f"get -k {tmp_path} -o name") == "configmap/kusto\n"


def test_client_side_and_server_side_apply_take_over_from_each_other(kubectl):
    kubectl("apply -f -", stdin=config_map("moved", a="1", b="1"))
    assert "serverside-applied" in kubectl.out("apply --server-side -f -", stdin=config_map("moved", a="2"))
    assert got(kubectl, "cm moved", ".data") == '{"a":"2"}'  # b was ours before, so leaving it out removes it
    kubectl("""patch cm moved --field-manager=other -p '{"data":{"a":"3"}}'""")
    conflict = kubectl.refused("apply --server-side -f -", stdin=config_map("moved", a="4"))
    assert 'conflict with "other"' in conflict
    kubectl("apply --server-side --force-conflicts --field-manager=mine -f -", stdin=config_map("moved", a="5"))
    assert got(kubectl, "cm moved", ".data.a") == "5"
    kubectl("apply --server-side --dry-run=server --force-conflicts -f -", stdin=config_map("moved", a="6"))
    assert got(kubectl, "cm moved", ".data.a") == "5"
    kubectl("apply -f -", stdin=config_map("moved", a="7"))
    assert got(kubectl, "cm moved", ".data.a") == "7"


def test_create_validates_as_it_is_told(kubectl):
    loose = config_map("loose").replace('"data"', '"unknown": 1, "data"')
    assert 'strict decoding error: unknown field "unknown"' in kubectl.refused("create -f -", stdin=loose)
    assert 'unknown field "unknown"' in kubectl("create --validate=warn -f -", stdin=loose).err
    assert kubectl("create --validate=ignore -f -", stdin=loose.replace("loose", "looser")).err == ""
    assert "must specify one of -f and -k" in kubectl.refused("create")
    assert (
        kubectl.out("create -l pick=yes -f -", stdin=config_map("a", {"pick": "yes"}) + config_map("b"))
        == "configmap/a created\n"
    )
    raw = f"create --raw /api/v1/namespaces/{kubectl.namespace}/configmaps -f -"
    unrecognized = kubectl.refused(raw, stdin='["no object"]')
    assert "the object provided is unrecognized (must be of type ConfigMap)" in unrecognized
    assert "--raw and --edit are mutually exclusive" in kubectl.refused(f"{raw} --edit", stdin="{}")
    bad = config_map("n").replace('"data": {}', '"data": 7')
    assert "cannot unmarshal number" in kubectl.refused("create --validate=false -f -", stdin=bad)


def test_delete_asks_waits_and_selects(kubectl):
    for name in ("a", "b", "c"):
        kubectl("create -f -", stdin=config_map(name, {"doomed": "yes"}))
    for mode in ("client", "server"):
        assert "dry run" in kubectl.out(f"delete cm a --dry-run={mode}")
    assert "Do you want to continue?" in kubectl("delete cm a -i", stdin="n\n").out
    assert kubectl.out("get cm -l doomed=yes -o name").count("configmap") == 3
    assert 'configmap "a" deleted' in kubectl("delete cm a -i", stdin="y\n").out
    assert Kubectl(kubectl.kubeconfig).out("delete cm -A -l doomed=yes").count("deleted") == 2


def test_diff_tells_by_its_exit_code(kubectl, tmp_path):
    kubectl("apply -f -", stdin=config_map("x", a="1"))
    kubectl("diff -f -", stdin=config_map("x", a="1"))
    assert kubectl("diff -f -", stdin=config_map("new", a="1"), code=1).out.count("+  name: new") == 1
    assert "+  a: " in kubectl("diff --server-side --force-conflicts -f -", stdin=config_map("x", a="2"), code=1).out
    kubectl(f"diff -f {tmp_path}/nope", code=2)
    assert kubectl.out("get cm x -o jsonpath={.data.a}") == "1"
    kubectl("label cm x set=d")
    kubectl("apply -f -", stdin=config_map("x", {"set": "d"}, a="1"))
    pruned = kubectl("diff --prune -l set=d -f -", stdin=config_map("y", {"set": "d"}), code=1).out
    assert "-  name: x" in pruned


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.company.example}
spec:
  group: company.example
  scope: Namespaced
  names: {plural: foos, singular: foo, kind: Foo, shortNames: [fo, pods]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
FOO = """\
apiVersion: company.example/v1
kind: Foo
metadata: {name: test, labels: {pruneGroup: "true"}}
someField: {a: 1}
"""


def test_custom_resources_are_like_any_other(kubectl, tmp_path):
    both = CRD + "---\n" + FOO
    assert 'no matches for kind "Foo"' in kubectl.refused("apply -f -", stdin=both)
    try:
        kubectl("wait --for=condition=Established crd/foos.company.example")
        assert "foo.company.example/test created" in kubectl.out("apply -f -", stdin=both)
        for name in ("foos", "foo", "fo", "foos.company.example", "foos.v1.company.example"):
            assert kubectl.out(f"get {name} test -o name") == "foo.company.example/test\n"
        assert kubectl.out("get pods -o name") == ""  # a short name never hides a kind of the core
        assert json.loads(kubectl.out("get --raw /apis/company.example/v1"))["resources"][0]["name"] == "foos"
        assert kubectl.out("get foos -o jsonpath={.items[*].someField.a}") == "1"
        assert kubectl.out("get foos test -o 'go-template={{.someField.a}}'") == "1"
        kubectl("""patch foos test --type=merge -p '{"patched":"value1"}'""")
        assert got(kubectl, "foo test", ".patched") == "value1"
        strategic = kubectl.refused("""patch --local -f - -p '{"patched":"x"}'""", stdin=FOO)
        assert "try --type merge" in strategic
        kubectl("label foos test itemlabel=true")
        kubectl("annotate foos test itemannotation=true")
        assert "itemlabel=true" in kubectl.out("describe foos")
        nested = FOO.replace("{a: 1}", "{a: null, list: [1, 2], map: {x: z}}")
        kubectl("apply -f -", stdin=nested)
        assert json.loads(got(kubectl, "foo test", ".someField")) == {"list": [1, 2], "map": {"x": "z"}}
        version = got(kubectl, "foo test", ".metadata.resourceVersion")
        kubectl("apply -f - --dry-run=server", stdin=FOO)
        assert got(kubectl, "foo test", ".metadata.resourceVersion") == version
        with kubectl.start("get foos -w -o name") as watching:
            assert watching.stdout.readline() == "foo.company.example/test\n"
            kubectl("delete foos test --cascade=foreground")
            assert watching.stdout.readline() == "foo.company.example/test\n"
        cluster_wide = CRD.replace("Namespaced", "Cluster")
        kubectl("delete crd foos.company.example")
        kubectl("create -f -", stdin=cluster_wide)
        kubectl("wait --for=condition=Established crd/foos.company.example")
        fresh = f"--cache-dir={tmp_path}"  # what was discovered before is kept for some minutes
        kubectl(f"apply {fresh} -f -", stdin=FOO)
        assert kubectl.out(f"get {fresh} foo test -o jsonpath={{.metadata.namespace}}") == ""
    finally:
        kubectl("delete crd foos.company.example --ignore-not-found")


def test_debug_with_ephemeral_containers_copies_and_nodes(kubectl):
    kubectl("run target --image=nginx")
    kubectl("wait --for=condition=Ready pod/target --timeout=50s")
    kubectl("debug target --image=busybox -c debugger --profile=general")
    path = ".spec.ephemeralContainers[*].name},{.spec.ephemeralContainers[0].securityContext.capabilities.add[0]"
    assert got(kubectl, "pod target", path) == "debugger,SYS_PTRACE"
    kubectl("debug target --copy-to=copied --image=busybox --container=extra --share-processes --profile=general")
    shown = got(kubectl, "pod copied", ".spec.containers[*].name},{.spec.shareProcessNamespace")
    assert shown == "target extra,true"
    kubectl("debug target --copy-to=replaced --set-image=target=httpd --profile=general")
    assert got(kubectl, "pod replaced", ".spec.containers[*].image") == "httpd"
    kubectl("label namespace/" + kubectl.namespace + " pod-security.kubernetes.io/enforce=restricted")
    kubectl("debug target --copy-to=strict --image=busybox --container=extra --profile=restricted", code=1)
    kubectl("label namespace/" + kubectl.namespace + " pod-security.kubernetes.io/enforce-")
    kubectl("debug node/node-1 --image=busybox --profile=general -- sleep 1")
    pod = kubectl.out("get pods -o name").split()
    node = next(name for name in pod if "node-debugger" in name)
    spec = json.loads(kubectl.out(f"get {node} -o json"))["spec"]
    assert (spec["hostPID"], spec["hostNetwork"], spec["hostIPC"], spec["nodeName"]) == (True, True, True, "node-1")
    assert spec["volumes"][0]["hostPath"]["path"] == "/"
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/host"
