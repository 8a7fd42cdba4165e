"""What upstream's test/cmd/core.sh, apps.sh and their kin ask of an API server, asked by the machine's kubectl."""

import base64
import json
import re

import pytest

from tests.scenarios.real import Kubectl

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("real-kubectl-core")]

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: valid, labels: {name: valid}}
spec: {containers: [{name: main, image: nginx}]}
"""


def managers(kubectl, what):
    """The field managers of an object."""
    return kubectl.out(f"get {what} --show-managed-fields -o jsonpath={{.metadata.managedFields[*].manager}}").split()


def got(kubectl, what, path):
    return kubectl.out(f"get {what} -o 'jsonpath={{{path}}}'")


def test_config_maps_from_literals_and_files(kubectl, tmp_path):
    (tmp_path / "text").write_text("plain\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for mode in ("client", "server"):
        assert kubectl.out(f"create cm dry --from-literal=a=1 --dry-run={mode}").endswith(
            f"created ({'server ' * (mode == 'server')}dry run)\n"
        )
    assert "dry" not in kubectl.out("get cm -o name")
    kubectl(f"create cm made --from-literal=a=1 --from-file={tmp_path}/text --from-file={tmp_path}/binary")
    found = json.loads(kubectl.out("get cm made -o json"))
    assert found["data"] == {"a": "1", "text": "plain\n"}
    assert found["binaryData"] == {"binary": base64.b64encode(b"\xff\xfe\x00").decode()}
    shown = kubectl("describe cm --chunk-size=1 -v=6")
    assert "Name:         made" in shown.out
    assert "limit=1" in shown.err


def test_pods_in_every_form_of_their_name(kubectl):
    kubectl("create -f -", stdin=POD)
    assert managers(kubectl, "pod/valid")[0] == "kubectl-create"
    for name in ("pod valid", "pod/valid", "pods/valid", "po valid"):
        assert kubectl.out(f"get {name} -o name") == "pod/valid\n"
    assert kubectl.out("get pods -o 'go-template={{range .items}}{{.metadata.name}}:{{end}}'") == "valid:"
    described = kubectl.out("describe pods valid")
    assert all(label in described for label in ("Name:", "Image:", "Node:", "Labels:", "Status:", "Events:"))
    assert "Events:" not in kubectl.out("describe pods valid --show-events=false")
    dumped = kubectl.out("get pod valid -o yaml")
    kubectl("delete pod valid --now")
    assert kubectl.out("create -f -", stdin=dumped.replace("nodeName:", "#nodeName:")) == "pod/valid created\n"
    assert kubectl.out("get pods -l name=valid --field-selector metadata.name=valid -o name") == "pod/valid\n"
    assert kubectl.out("get pods --field-selector metadata.name=other -o name") == ""


def test_pods_are_deleted_in_every_way(kubectl):
    def make(*names):
        kubectl("create -f -", stdin="---\n".join(POD.replace("name: valid", f"name: {name}", 2) for name in names))

    make("a", "b", "c", "d")
    assert 'pod "a" force deleted' in kubectl.out("delete pod a --grace-period=0 --force")
    assert kubectl.out("delete pod b --now") == 'pod "b" deleted\n'
    assert kubectl.out("delete pods -l 'name in (c,x)' --now") == 'pod "c" deleted\n'
    assert kubectl.out("delete -f - --now", stdin=POD.replace("valid", "d")) == 'pod "d" deleted\n'
    make("e", "f")
    assert kubectl.out("delete pods e f --now").count("deleted") == 2
    make("g")
    assert "no name was specified" in kubectl.refused("delete pods")
    assert "selector" in kubectl.refused("delete pods --all -l a=b")
    assert kubectl.out("delete pods --all --now") == 'pod "g" deleted\n'


def test_describe_tells_where_variables_come_from(kubectl):
    kubectl("create secret generic hidden --from-literal=key-1=v")
    kubectl("create cm settings --from-literal=key-2=v")
    env = [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "key-1"}}},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "key-2"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    spec = {"containers": [{"name": "main", "image": "nginx", "env": env}]}
    kubectl(
        "create -f -", stdin=json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "env"}, "spec": spec})
    )
    told = re.sub(" +", " ", kubectl.out("describe pod env"))
    assert "A: <set to the key 'key-1' in secret 'hidden'> Optional: false" in told
    assert "B: <set to the key 'key-2' of config map 'settings'> Optional: false" in told
    assert "C: (v1:spec.nodeName)" in told


def test_budgets_and_priority_classes(kubectl):
    for kind, value in (
        ("min-available", "1"),
        ("min-available", "50%"),
        ("max-unavailable", "2"),
        ("max-unavailable", "50%"),
    ):
        name = f"{kind}-{value.strip('%')}"
        field = {"min-available": "minAvailable", "max-unavailable": "maxUnavailable"}[kind]
        kubectl(f"create pdb {name} --selector=app=rails --{kind}={value}")
        assert got(kubectl, f"pdb {name}", f".spec.{field}") == value
    assert "cannot be both specified" in kubectl.refused(
        "create pdb both --selector=a=b --min-available=2 --max-unavailable=3"
    )
    assert kubectl.out("create pdb dry --selector=a=b --min-available=1 --dry-run=server").endswith(
        "(server dry run)\n"
    )
    assert "dry" not in kubectl.out("get pdb -o name")
    kubectl("create priorityclass pc-of-core --value=7 --description=seven --preemption-policy=Never")
    try:
        assert got(kubectl, "priorityclass pc-of-core", ".value},{.preemptionPolicy") == "7,Never"
    finally:
        kubectl("delete priorityclass pc-of-core")


def test_labels_and_annotations_name_their_managers(kubectl):
    kubectl("create -f -", stdin=POD)
    kubectl("label pods valid new-name=")
    kubectl("label pods --all tier=back")
    assert got(kubectl, "pod valid", ".metadata.labels.new-name},{.metadata.labels.tier") == ",back"
    assert "front" not in kubectl.out("label pods valid tier=front --overwrite --dry-run=server -o name")
    local = Kubectl(kubectl.kubeconfig.with_name("nowhere"))
    assert "x: local" in local.out("label --local -f - x=local -o yaml", stdin=POD)
    assert "x: local" in local.out("annotate --local -f - x=local -o yaml", stdin=POD)
    kubectl("annotate pods valid note=v --record")
    assert got(kubectl, "pod valid", r".metadata.annotations.kubernetes\.io/change-cause").startswith("kubectl")
    assert {"kubectl-label", "kubectl-annotate"} <= set(managers(kubectl, "pod valid"))


def test_patches_of_every_kind(kubectl):
    kubectl("create -f -", stdin=POD)
    image = '{"spec":{"containers":[{"name":"main","image":"changed"}]}}'
    assert kubectl.out(f"patch pod valid -p '{image}'") == "pod/valid patched\n"
    assert kubectl.out(f"patch pod valid -p '{image}'") == "pod/valid patched (no change)\n"
    assert managers(kubectl, "pod valid").count("kubectl-patch") == 1
    kubectl("patch pod valid -p 'metadata: {annotations: {big: \"12345678901234567\"}}'")
    assert got(kubectl, "pod valid", ".metadata.annotations.big") == "12345678901234567"
    local = Kubectl(kubectl.kubeconfig.with_name("nowhere"))
    assert "image: changed" in local.out(f"patch --local -f - -p '{image}' -o yaml", stdin=POD)
    assert "cannot restore map from string" in kubectl.refused(
        """patch pod valid -p '{"metadata":{"labels":"invalid"}}'"""
    )
    kubectl("create configmap quiet")  # nobody else writes it
    version = got(kubectl, "configmap quiet", ".metadata.resourceVersion")

    def at(version, value):
        labels = f'{{"metadata":{{"resourceVersion":"{version}","labels":{{"at":"{value}"}}}}}}'
        return f"patch configmap quiet -p '{labels}'"

    kubectl(at(version, "now"))
    assert "please apply your changes to the latest version" in kubectl.refused(at(version, "late"))
    assert got(kubectl, "configmap quiet", ".metadata.labels.at") == "now"


def test_replace_keeps_its_conditions(kubectl):
    kubectl("create -f -", stdin=POD)
    wire = kubectl.out("get pod valid -o json")
    assert kubectl.out("replace -f - --dry-run=server", stdin=wire.replace('"nginx"', '"busybox"')).endswith(
        "(server dry run)\n"
    )
    assert got(kubectl, "pod valid", ".spec.containers[0].image") == "nginx"
    uid = got(kubectl, "pod valid", ".metadata.uid")
    assert kubectl.out("replace --force --grace-period=0 -f -", stdin=POD).endswith("pod/valid replaced\n")
    assert got(kubectl, "pod valid", ".metadata.uid") != uid
    for flag in ("--grace-period=1", "--timeout=1s"):
        assert "must have --force" in kubectl.refused(f"replace {flag} -f -", stdin=POD)
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "by-hand", "labels": {"a": "b"}},
        "spec": {"podCIDR": "10.250.0.0/24", "podCIDRs": ["10.250.0.0/24"]},
    }
    kubectl("create -f -", stdin=json.dumps(node))
    try:
        node["metadata"] |= {"resourceVersion": "0", "labels": {"a": "c"}}
        assert kubectl.out("replace -f -", stdin=json.dumps(node)) == "node/by-hand replaced\n"
        assert got(kubectl, "node by-hand", ".metadata.labels.a") == "c"
    finally:
        kubectl("delete node by-hand")


def test_edit_in_every_form(kubectl):
    kubectl("create -f -", stdin=POD)
    sed = "sed -i 's/image: nginx/image: edited/'"
    assert "edited" in kubectl.out("edit pod valid --output-patch", EDITOR=sed).splitlines()[0]
    assert got(kubectl, "pod valid", ".spec.containers[0].image") == "edited"
    assert kubectl("edit pod valid", EDITOR="true").err == "Edit cancelled, no changes made.\n"
    assert "kubectl-edit" in managers(kubectl, "pod valid")
    assert kubectl("edit pod valid --windows-line-endings", EDITOR=r"sed -i 's/\r$//'").err.startswith("Edit cancelled")
    kubectl("create cm a --from-literal=k=old")
    kubectl("create cm b --from-literal=k=old")
    assert kubectl.out("edit cm a b", EDITOR="sed -i 's/k: old/k: new/'").count("edited") == 2
    assert got(kubectl, "cm a b", ".items[*].data.k") == "new new"
    both = POD.replace("valid", "one") + "---\n" + POD.replace("valid", "two")
    assert kubectl.out("create --edit -f -", stdin=both, EDITOR=sed).count("created") == 2
    assert kubectl.out("get pods one two -o jsonpath={.items[*].spec.containers[0].image}") == "edited edited"


def test_who_writes_the_last_applied_configuration(kubectl):
    path = r".metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration"
    kubectl("create -f -", stdin=POD)
    assert got(kubectl, "pod valid", path) == ""
    kubectl("replace -f -", stdin=kubectl.out("get pod valid -o json"))
    assert got(kubectl, "pod valid", path) == ""
    kubectl("apply -f -", stdin=POD)
    assert '"image":"nginx"' in got(kubectl, "pod valid", path)
    wire = json.loads(kubectl.out("get pod valid -o json"))
    wire["metadata"]["labels"]["fresh"] = "label"
    kubectl("replace -f -", stdin=json.dumps(wire))
    assert '"fresh":"label"' in got(kubectl, "pod valid", path)


def test_raw_requests_reach_their_path_unchanged(kubectl):
    path = f"/api/v1/namespaces/{kubectl.namespace}/configmaps"
    body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"raw"},"data":{"a":"1"}}'
    assert json.loads(kubectl.out(f"create --raw {path} -f -", stdin=body))["data"] == {"a": "1"}
    assert json.loads(kubectl.out(f"get --raw {path}/raw"))["metadata"]["name"] == "raw"
    changed = kubectl.out(f"replace --raw {path}/raw -f -", stdin=body.replace('"1"', '"2"'))
    assert json.loads(changed)["data"] == {"a": "2"}
    assert json.loads(kubectl.out(f"delete --raw {path}/raw"))["status"] == "Success"
    assert "NotFound" in kubectl.refused(f"get --raw {path}/raw")


def test_secrets_of_every_type(kubectl, tmp_path):
    kubectl("create secret generic typed --type=test/type --from-literal=a=1")
    assert got(kubectl, "secret typed", ".type},{.data.a") == "test/type,MQ=="
    kubectl("create secret docker-registry reg --docker-username=u --docker-password=p --docker-server=s")
    config = json.loads(base64.b64decode(got(kubectl, "secret reg", r".data.\.dockerconfigjson")))
    assert config["auths"]["s"]["username"] == "u"
    assert got(kubectl, "secret reg", ".type") == "kubernetes.io/dockerconfigjson"
    (tmp_path / "docker.json").write_text(json.dumps(config))
    kubectl(f"create secret docker-registry from-file --from-file=.dockerconfigjson={tmp_path}/docker.json")
    assert json.loads(base64.b64decode(got(kubectl, "secret from-file", r".data.\.dockerconfigjson"))) == config
    certificate, key = _certificate(tmp_path)
    kubectl(f"create secret tls served --cert={certificate} --key={key}")
    assert got(kubectl, "secret served", ".type") == "kubernetes.io/tls"
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "strings"},
        "data": {"k1": "djE="},
        "stringData": {"k2": "v2"},
    }
    kubectl("create -f -", stdin=json.dumps(body))
    found = json.loads(kubectl.out("get secret strings -o json"))
    assert found["data"] == {"k1": "djE=", "k2": "djI="}
    assert "stringData" not in found
    local = Kubectl(kubectl.kubeconfig.with_name("nowhere"))
    shown = local.out("create secret generic dry --from-literal=a=1 --namespace=elsewhere --dry-run=client -o yaml")
    assert "namespace: elsewhere" in shown


def _certificate(folder):
    from kube_nb.cluster.pki import Authority
    from kube_nb.machinery.clock import EPOCH

    pair = Authority.random("test", EPOCH).server("web", ["web.example"])
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    return folder / "tls.crt", folder / "tls.key"


def test_service_accounts(kubectl):
    assert kubectl.out("create sa robot --dry-run=server").endswith("(server dry run)\n")
    kubectl("create sa robot")
    assert "Name:                robot" in kubectl.out("describe sa robot")
    assert kubectl.out("create token robot").count(".") == 2
    assert kubectl.out("delete sa robot") == 'serviceaccount "robot" deleted\n'


def test_services_and_their_selectors(kubectl):
    kubectl("create service clusterip primary --tcp=80")
    wire = kubectl.out("get service primary -o json")
    version = got(kubectl, "service primary", ".metadata.resourceVersion")
    assert kubectl.out("replace -f -", stdin=wire) == "service/primary replaced\n"
    assert got(kubectl, "service primary", ".metadata.resourceVersion") == version
    local = Kubectl(kubectl.kubeconfig.with_name("nowhere"))
    assert "role: padawan" in local.out("set selector -f - role=padawan --local -o yaml", stdin=wire)
    kubectl("set selector service primary role=padawan --dry-run=server")
    assert got(kubectl, "service primary", ".spec.selector.app") == "primary"
    assert (
        kubectl.out(f"set selector service primary role=padawan --resource-version={version}")
        == "service/primary selector updated\n"
    )
    refused = kubectl.refused(f"set selector service primary role=late --resource-version={version}")
    assert "Conflict" in refused
    assert "kubectl-set" in managers(kubectl, "service primary")
    assert "Selector:                 role=padawan" in kubectl.out("describe service primary")
    assert kubectl.out(
        "get services -o custom-columns=N:.metadata.name,P:.spec.ports[0].port --no-headers"
    ).split() == ["primary", "80"]
    kubectl("run runner --image=nginx --port=80 --expose")
    assert managers(kubectl, "pod runner")[0] == "kubectl-run"
    overrides = '{"metadata":{"labels":{"new":"label"}}}'
    kubectl(f"expose pod runner --name=shown --port=90 --overrides='{overrides}'")
    assert got(kubectl, "service shown", ".metadata.labels.new},{.spec.ports[0].port") == "label,90"
    assert managers(kubectl, "service shown")[0] == "kubectl-expose"
    assert kubectl.out("delete services primary runner shown").count("deleted") == 3


def test_nodes_templates_and_reviews(kubectl):
    assert "Unschedulable:      false" in kubectl.out("describe node node-1")
    kubectl("""patch node node-1 -p '{"spec":{"unschedulable":true}}'""")
    assert got(kubectl, "node node-1", ".spec.unschedulable") == "true"
    kubectl("""patch node node-1 -p '{"spec":{"unschedulable":null}}'""")
    assert got(kubectl, "node node-1", ".spec.unschedulable") == ""
    token = kubectl.out("create token default").strip()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answered = kubectl.out(
        "create -f - -o jsonpath={.status.authenticated},{.status.user.username}", stdin=json.dumps(review)
    )
    assert answered == f"true,system:serviceaccount:{kubectl.namespace}:default"
    template = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "nginx"}}
    template["template"] = {"spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}
    kubectl("create -f -", stdin=json.dumps(template))
    assert re.search(r"^nginx +nginx +nginx", kubectl.out("get podtemplates"), re.MULTILINE)
    assert kubectl.out("delete podtemplate nginx") == 'podtemplate "nginx" deleted\n'


def test_taints_name_their_manager(kubectl):
    kubectl("taint node node-2 dedicated=foo:PreferNoSchedule --dry-run=server")
    assert got(kubectl, "node node-2", ".spec.taints") == ""
    kubectl("taint node node-2 dedicated=foo:PreferNoSchedule")
    try:
        assert (
            got(kubectl, "node node-2", ".spec.taints[0].key},{.spec.taints[0].effect") == "dedicated,PreferNoSchedule"
        )
        assert "kubectl-taint" in managers(kubectl, "node node-2")
    finally:
        kubectl("taint node node-2 dedicated-")


def test_drain_takes_only_what_it_is_told_to(kubectl):
    kubectl("cordon node-1 node-2")
    try:
        for app in ("keep", "go"):
            kubectl(f"run {app} --image=nginx --labels=drained={app}")
        kubectl("wait --for=condition=Ready pod/keep pod/go --timeout=50s")
        assert "would be drained" not in kubectl.out("get nodes")
        shown = kubectl.out("drain node-3 --force --ignore-daemonsets --dry-run=server --pod-selector=drained")
        assert "drained (server dry run)" in shown
        assert len(kubectl.out("get pods -l drained -o name").split()) == 2
        drained = kubectl("drain node-3 --force --ignore-daemonsets --pod-selector=drained=go --chunk-size=1 -v=6")
        assert "evicted" in drained.out
        assert "fieldSelector=spec.nodeName%3Dnode-3" in drained.err
        assert "limit=1" in drained.err
        assert kubectl.out("get pods -l drained -o name") == "pod/keep\n"
        assert "cannot specify both a node name and a --selector option" in kubectl.refused("drain node-3 -l a=b")
    finally:
        kubectl("uncordon node-1 node-2 node-3")


def test_volumes_claims_and_classes(kubectl):
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "pv-of-core", "labels": {"type": "local"}},
    }
    volume["spec"] = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/tmp/data"},
    }
    kubectl("create -f -", stdin=json.dumps(volume))
    assert kubectl.out("get pv pv-of-core -o jsonpath={.spec.persistentVolumeReclaimPolicy}") == "Retain"
    assert "Capacity:        10Gi" in kubectl.out("describe pv pv-of-core")
    deleted = kubectl("delete pv pv-of-core -n default")
    assert "Warning: deleting cluster-scoped resources, not scoped to the provided namespace" in deleted.err
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"}}
    claim["spec"] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "3Gi"}},
        "storageClassName": "none",
    }
    kubectl("create -f -", stdin=json.dumps(claim))
    assert "StorageClass:  none" in kubectl.out("describe pvc claim")
    assert kubectl.out("delete pvc claim") == 'persistentvolumeclaim "claim" deleted\n'
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "sc-of-core"}}
    kubectl("create -f -", stdin=json.dumps({**storage_class, "provisioner": "example.com/none"}))
    assert re.search(r"sc-of-core +example.com/none +Delete +Immediate +false", kubectl.out("get sc"))
    assert kubectl.out("delete sc sc-of-core") == 'storageclass.storage.k8s.io "sc-of-core" deleted\n'


def test_autoscalers_name_their_manager(kubectl):
    kubectl("create deployment scaled --image=nginx")
    assert kubectl.out("autoscale deployment scaled --min=2 --max=3 --dry-run=server").endswith("(server dry run)\n")
    assert kubectl.out("get hpa -o name") == ""
    kubectl("autoscale deployment scaled --min=2 --max=3 --cpu-percent=80")
    path = ".spec.minReplicas} {.spec.maxReplicas} {.spec.metrics[0].resource.target.averageUtilization"
    assert got(kubectl, "hpa scaled", path) == "2 3 80"
    assert managers(kubectl, "hpa scaled")[0] == "kubectl-autoscale"


def test_scale_by_its_subresource(kubectl):
    kubectl("create deployment scaled --image=nginx --replicas=1")
    for mode in ("client", "server"):
        kubectl(f"scale deployment scaled --replicas=3 --dry-run={mode}")
        assert got(kubectl, "deployment scaled", ".spec.replicas") == "1"
    assert "/scale" in kubectl("scale deployment scaled --replicas=2 -v=6").err
    assert got(kubectl, "deployment scaled", ".spec.replicas") == "2"


def test_run_refuses_a_bad_image(kubectl):
    refused = kubectl.refused("run bad --image=validname@sha256:bad")
    assert 'Invalid image name "validname@sha256:bad": invalid reference format' in refused
    assert kubectl.out("run dry --image=nginx --dry-run=server") == "pod/dry created (server dry run)\n"
    assert kubectl.out("get pods -o name") == ""
