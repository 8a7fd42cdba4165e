"""The plugins that upstream has on by default, and NodeRestriction: what they add, what they refuse, in what words."""

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kube_nb.apiserver.admission.plugins import chain
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from tests.apiserver.nodes import EchoNode
from tests.apiserver.serving import PODS, Api, pod, serving

NODE = User("system:node:node-1", ("system:nodes", "system:authenticated"))
NODES = "/api/v1/nodes"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


async def node(api: Api, name: str = "node-1", **labels: str) -> Obj:
    return await api.create(NODES, {"metadata": {"name": name, "labels": labels}})


# -- NodeRestriction ---------------------------------------------------------------------------------------------------


def mirror(owner: Obj, /, **change: Any) -> Obj:
    """A mirror pod of node-1 as its kubelet makes it, with a part changed."""
    made = pod("mirror", nodeName=change.pop("nodeName", "node-1"))
    reference = {
        "apiVersion": "v1",
        "kind": "Node",
        "name": "node-1",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    made["metadata"]["annotations"] = change.pop("annotations", {"kubernetes.io/config.mirror": "x"})
    made["metadata"]["ownerReferences"] = change.pop("owners", [{**reference, **change.pop("owner", {})}])
    made["spec"] |= change
    return made


CONFIG = {"name": "v", "configMap": {"name": "c"}}
SECRET = {"name": "v", "secret": {"secretName": "s"}}
CLAIM = {"name": "v", "persistentVolumeClaim": {"claimName": "p"}}
MIRRORS = [
    (
        {"annotations": {}},
        'pod does not have "kubernetes.io/config.mirror" annotation, node "node-1" can only create mirror pods',
    ),
    ({"nodeName": "node-2"}, 'node "node-1" can only create pods with spec.nodeName set to itself'),
    ({"owners": []}, 'node "node-1" can only create pods with an owner reference set to itself'),
    (
        {"owner": {"controller": False}},
        'node "node-1" can only create pods with a controller owner reference set to itself',
    ),
    ({"owner": {"blockOwnerDeletion": True}}, 'node "node-1" must not set blockOwnerDeletion on an owner reference'),
    ({"owner": {"name": "node-2"}}, 'node "node-1" can only create pods with an owner reference set to itself'),
    ({"volumes": [CONFIG]}, 'node "node-1" can not create pods that reference configmaps'),
    ({"volumes": [SECRET]}, 'node "node-1" can not create pods that reference secrets'),
    ({"volumes": [CLAIM]}, 'node "node-1" can not create pods that reference persistentvolumeclaims'),
    ({}, ""),
]


@pytest.mark.parametrize(("change", "why"), MIRRORS, ids=[why[-50:] or "as it must be" for _, why in MIRRORS])
async def test_a_node_makes_mirror_pods_of_its_own(change: Obj, why: str) -> None:
    async with serving() as api:
        body = mirror(await node(api), **change)
        answer = await api.ask("POST", PODS, body, user=NODE)
        assert answer.object().get("message", "") == (f'pods "mirror" is forbidden: {why}' if why else "")
        assert answer.status == (403 if why else 201)


async def test_a_node_touches_only_pods_that_run_on_it() -> None:
    async with serving() as api:
        await api.create(PODS, pod("mine", nodeName="node-1"))
        await api.create(PODS, pod("other", nodeName="node-2"))
        body = {"status": {"phase": "Running"}}
        await api.patch(f"{PODS}/mine/status", body, user=NODE)
        for method, path, sent, why in (
            ("PATCH", "other/status", body, 'node "node-1" can only update pod status for pods with spec.nodeName'),
            (
                "PATCH",
                "mine/status",
                {"metadata": {"labels": {"a": "b"}}},
                'node "node-1" cannot update labels through',
            ),
            ("DELETE", "other", None, 'node "node-1" can only delete pods with spec.nodeName set to itself'),
            ("POST", "other/eviction", {}, "node node-1 can only evict pods with spec.nodeName set to itself"),
            ("PATCH", "mine", {"metadata": {"labels": {"a": "b"}}}, 'unexpected operation "UPDATE", node "node-1" can'),
        ):
            status = await api.refused(
                method, f"{PODS}/{path}", sent, user=NODE, type="merge" if method == "PATCH" else ""
            )
            assert (status["code"], why in status["message"]) == (403, True), status["message"]
        await api.ok("DELETE", f"{PODS}/mine", user=NODE, gracePeriodSeconds="0")


NODE_CHANGES = [
    ({"spec": {"taints": []}}, 'node "node-1" is not allowed to modify taints'),
    (
        {"metadata": {"labels": {"node-restriction.kubernetes.io/a": "b"}}},
        "is not allowed to modify labels: node-restriction.kubernetes.io/a",
    ),
    ({"metadata": {"labels": {"x.k8s.io/a": "b"}}}, "is not allowed to modify labels: x.k8s.io/a"),
    ({"metadata": {"labels": {"kubernetes.io/os": "linux", "example.com/a": "b"}}}, ""),
    ({"metadata": {"labels": {"kubelet.kubernetes.io/a": "b"}}}, ""),
]


@pytest.mark.parametrize(("change", "why"), NODE_CHANGES, ids=[why[-40:] or "allowed" for _, why in NODE_CHANGES])
async def test_a_node_changes_itself_within_limits(change: Obj, why: str) -> None:
    async with serving() as api:
        await node(api)
        headers = {"content-type": "application/merge-patch+json"}
        answer = await api.ask("PATCH", f"{NODES}/node-1", change, headers=headers, user=NODE)
        assert answer.object().get("message", "") == (f'nodes "node-1" is forbidden: {why}' if why else "")


async def test_a_node_leaves_other_nodes_and_leases_alone() -> None:
    async with serving() as api:
        await node(api, "node-2")
        for path, body, why in (
            (f"{NODES}/node-2", {"metadata": {"labels": {"a": "b"}}}, 'is not allowed to modify node "node-2"'),
        ):
            assert why in (await api.refused("PATCH", path, body, type="merge", user=NODE))["message"]
        for namespace, name, why in (
            ("default", "node-1", 'can only access leases in the "kube-node-lease" system namespace'),
            ("kube-node-lease", "node-2", "can only access node lease with the same name as the requesting node"),
        ):
            status = await api.refused("POST", LEASES.format(namespace), {"metadata": {"name": name}}, user=NODE)
            assert status["message"].endswith(why)
        await api.ok("POST", LEASES.format("kube-node-lease"), {"metadata": {"name": "node-1"}}, user=NODE)


# -- RuntimeClass ------------------------------------------------------------------------------------------------------


RUNTIME: Obj = {
    "metadata": {"name": "heavy"},
    "handler": "heavy",
    "overhead": {"podFixed": {"cpu": "100m"}},
    "scheduling": {"nodeSelector": {"kind": "big"}, "tolerations": [{"key": "big", "operator": "Exists"}]},
}


async def test_a_pod_gets_what_its_runtime_class_costs_and_where_it_runs() -> None:
    async with serving() as api:
        await api.create("/apis/node.k8s.io/v1/runtimeclasses", RUNTIME)
        spec = (await api.create(PODS, pod(runtimeClassName="heavy", nodeSelector={"a": "b"})))["spec"]
        assert (spec["overhead"], spec["nodeSelector"]) == ({"cpu": "100m"}, {"a": "b", "kind": "big"})
        assert {"key": "big", "operator": "Exists"} in spec["tolerations"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found'),
        (
            {"overhead": {"cpu": "1"}},
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            {"runtimeClassName": "heavy", "overhead": {"cpu": "1"}},
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            {"runtimeClassName": "heavy", "nodeSelector": {"kind": "small"}},
            "conflict: runtimeClass.scheduling.nodeSelector[kind] = big; pod.spec.nodeSelector[kind] = small",
        ),
    ],
)
async def test_a_pod_that_contradicts_its_runtime_class_is_refused(spec: Obj, why: str) -> None:
    async with serving() as api:
        await api.create("/apis/node.k8s.io/v1/runtimeclasses", RUNTIME)
        status = await api.refused("POST", PODS, pod(**spec))
        assert (status["code"], status["message"]) == (403, f'pods "web" is forbidden: {why}')


# -- certificates ------------------------------------------------------------------------------------------------------


def request(name: str, *groups: str) -> str:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    signed = made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def signing_request(*groups: str) -> Obj:
    spec = {
        "request": request("bob", *groups),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    return {"metadata": {"name": "bob"}, "spec": spec}


async def test_no_certificate_makes_a_master() -> None:
    async with serving() as api:
        status = await api.refused("POST", REQUESTS, signing_request("system:masters"))
        assert status["message"] == (
            'certificatesigningrequests.certificates.k8s.io "bob" is forbidden: use of '
            "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
        )


@pytest.mark.parametrize("names", [["kubernetes.io/kube-apiserver-client"], ["kubernetes.io/*"]])
async def test_approving_takes_the_right_to_the_signer(names: list[str]) -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        await api.create(REQUESTS, signing_request("developers"))
        rules = [
            {
                "apiGroups": ["certificates.k8s.io"],
                "resources": [f"certificatesigningrequests{part}" for part in ("", "/approval", "/status")],
                "verbs": ["get", "update", "patch"],
            }
        ]
        role = {"metadata": {"name": "approver"}, "rules": rules}
        await api.create(f"{RBAC}/clusterroles", role)
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "approver"}
        subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}]
        await api.create(
            f"{RBAC}/clusterrolebindings", {"metadata": {"name": "e"}, "roleRef": reference, "subjects": subjects}
        )
        eve = User("eve", ("system:authenticated",))
        approved = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "x"}]}}
        status = await api.refused("PATCH", f"{REQUESTS}/bob/approval", approved, type="merge", user=eve)
        assert status["message"].endswith(
            'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"'
        )
        failed = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "x"}]}}
        status = await api.refused("PATCH", f"{REQUESTS}/bob/status", failed, type="merge", user=eve)
        assert 'user not permitted to sign requests with signerName "kubernetes.io/' in status["message"]
        signers = {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["signers"],
            "resourceNames": names,
            "verbs": ["approve"],
        }
        await api.patch(f"{RBAC}/clusterroles/approver", {"rules": [*rules, signers]})
        await api.patch(f"{REQUESTS}/bob/approval", approved, user=eve)


# -- storage and network -----------------------------------------------------------------------------------------------


def claim(size: str = "1Gi", **spec: Any) -> Obj:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"metadata": {"name": "data"}, "spec": asked}


@pytest.mark.parametrize(
    ("phase", "expands", "why"),
    [
        (
            "Bound",
            False,
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc",
        ),
        ("Bound", True, ""),
    ],
)
async def test_a_claim_grows_where_its_class_allows_it(phase: str, expands: bool, why: str) -> None:
    async with serving() as api:
        await api.create(CLASSES, {"metadata": {"name": "fast"}, "provisioner": "x", "allowVolumeExpansion": expands})
        await api.create(CLAIMS, claim(storageClassName="fast"))
        await api.patch(f"{CLAIMS}/data/status", {"status": {"phase": phase}})
        growth = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
        answer = await api.ask(
            "PATCH", f"{CLAIMS}/data", growth, headers={"content-type": "application/merge-patch+json"}
        )
        assert (answer.status == 200) == (why == "")
        assert why in answer.object().get("message", "")


VOLUME: Obj = {
    "metadata": {"name": "disk"},
    "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}},
}


@pytest.mark.parametrize(
    ("path", "body", "finalizer"),
    [
        pytest.param(CLAIMS, claim(), "kubernetes.io/pvc-protection", id="claim"),
        pytest.param("/api/v1/persistentvolumes", VOLUME, "kubernetes.io/pv-protection", id="volume"),
    ],
)
async def test_claims_and_volumes_are_held_from_the_beginning(path: str, body: Obj, finalizer: str) -> None:
    async with serving() as api:
        assert (await api.create(path, body))["metadata"]["finalizers"] == [finalizer]
        for given, stored in ((["example.com/a"], ["example.com/a", finalizer]), ([finalizer], [finalizer])):
            again = {**body, "metadata": {"name": f"more-{len(stored)}", "finalizers": given}}
            assert (await api.create(path, again))["metadata"]["finalizers"] == stored


def test_in_use_protection_has_upstreams_place_and_can_be_switched_off() -> None:
    names = [plugin.name for plugin in chain()]
    place = names.index("StorageObjectInUseProtection")
    assert names[place - 1 : place + 2] == [
        "DefaultStorageClass",
        "StorageObjectInUseProtection",
        "PersistentVolumeClaimResize",
    ]
    assert "StorageObjectInUseProtection" not in [plugin.name for plugin in chain(["StorageObjectInUseProtection"])]


async def test_an_ingress_gets_the_default_class() -> None:
    async with serving() as api:
        annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
        made = {"metadata": {"name": "nginx", "annotations": annotations}, "spec": {"controller": "example.com/nginx"}}
        await api.create("/apis/networking.k8s.io/v1/ingressclasses", made)
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
        ingress = {"metadata": {"name": "web"}, "spec": {"defaultBackend": backend}}
        assert (await api.create(path, ingress))["spec"]["ingressClassName"] == "nginx"


async def test_a_bound_pod_learns_the_zone_of_its_node() -> None:
    async with serving() as api:
        zone = "topology.kubernetes.io/zone"
        await node(api, **{zone: "a", "topology.kubernetes.io/region": "eu", "other": "x"})
        await api.create(PODS, pod())
        await api.create(f"{PODS}/web/binding", {"target": {"kind": "Node", "name": "node-1"}})
        labels = (await api.get(f"{PODS}/web"))["metadata"]["labels"]
        assert labels == {"app": "web", zone: "a", "topology.kubernetes.io/region": "eu"}


async def test_a_policy_sees_a_connection() -> None:
    async with serving({"node-1": EchoNode()}) as api:
        await node(api)
        await api.create(PODS, pod(nodeName="node-1"))
        status = {"phase": "Running", "containerStatuses": []}
        await api.patch(f"{PODS}/web/status", {"status": status})
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"], "resources": ["pods/attach"]}
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [
                {"expression": "!has(object.stdin) && request.kind.kind == 'PodAttachOptions'", "message": "no"}
            ],
        }
        group = "/apis/admissionregistration.k8s.io/v1"
        await api.create(f"{group}/validatingadmissionpolicies", {"metadata": {"name": "look"}, "spec": spec})
        bound = {"policyName": "look", "validationActions": ["Deny"]}
        await api.create(f"{group}/validatingadmissionpolicybindings", {"metadata": {"name": "look"}, "spec": bound})
        refused = await api.refused("GET", f"{PODS}/web/attach", stdin="true")
        assert refused["message"].endswith("denied request: no")
        assert (await api.ask("GET", f"{PODS}/web/attach", stdin="false", stdout="true")).status == 101
