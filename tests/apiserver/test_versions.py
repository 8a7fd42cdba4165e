"""Objects that are served in more than one version or say who asked for them."""

from kube_nb.machinery.exchange import User
from tests.apiserver.serving import serving

SIGNING = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def autoscalers(version: str) -> str:
    return f"/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers"


async def test_an_autoscaler_is_the_same_in_both_versions() -> None:
    async with serving() as api:
        target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
        spec = {"scaleTargetRef": target, "maxReplicas": 5, "targetCPUUtilizationPercentage": 70}
        old = await api.create(autoscalers("v1"), {"metadata": {"name": "web"}, "spec": spec})
        assert old["apiVersion"] == "autoscaling/v1"
        new = await api.get(f"{autoscalers('v2')}/web")
        (metric,) = new["spec"]["metrics"]
        assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
        memory = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 50}}
        both = [metric, {"type": "Resource", "resource": memory}]
        await api.patch(f"{autoscalers('v2')}/web", {"spec": {"metrics": both}})
        seen = await api.get(f"{autoscalers('v1')}/web")
        assert seen["spec"]["targetCPUUtilizationPercentage"] == 70
        assert "autoscaling.alpha.kubernetes.io/metrics" in seen["metadata"]["annotations"]
        await api.ok("PUT", f"{autoscalers('v1')}/web", seen)
        assert (await api.get(f"{autoscalers('v2')}/web"))["spec"]["metrics"] == both


async def test_watches_and_lists_speak_the_asked_version() -> None:
    async with serving() as api:
        watch = await api.watch(autoscalers("v1"))
        spec = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5}
        await api.create(autoscalers("v2"), {"metadata": {"name": "web"}, "spec": spec})
        (event,) = await watch.stream.batch()
        assert event.object["apiVersion"] == "autoscaling/v1"
        (item,) = (await api.get(autoscalers("v1")))["items"]
        assert item["apiVersion"] == "autoscaling/v1"


async def test_a_signing_request_tells_who_asked_and_takes_decisions_at_its_own_endpoint() -> None:
    async with serving() as api:
        import base64

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bob")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name)
        pem = request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        encoded = base64.b64encode(pem.public_bytes(serialization.Encoding.PEM)).decode()
        spec = {
            "request": encoded,
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "username": "somebody else",
        }
        bob = User("bob", ("system:masters",))
        created = await api.ok("POST", SIGNING, {"metadata": {"name": "bob"}, "spec": spec}, user=bob)
        assert created["spec"]["username"] == "bob"
        approved = {"type": "Approved", "status": "True", "reason": "KubectlApprove"}
        decision = {**created, "status": {"conditions": [approved]}}
        refusal = await api.refused("PUT", f"{SIGNING}/bob/status", decision)
        assert 'updates may not add a condition of type "Approved"' in refusal["message"]
        assert "conditions" not in (await api.get(f"{SIGNING}/bob"))["status"]
        decided = await api.ok("PUT", f"{SIGNING}/bob/approval", {**decision, "metadata": {"name": "bob"}})
        assert [row["type"] for row in decided["status"]["conditions"]] == ["Approved"]


async def test_components_are_as_healthy_as_their_leases() -> None:
    async with serving() as api:
        found = await api.get("/api/v1/componentstatuses")
        health = {item["metadata"]["name"]: item["conditions"][0]["status"] for item in found["items"]}
        assert health == {"controller-manager": "False", "scheduler": "False", "etcd-0": "True"}
