"""Models the conformance row of test/e2e/common/node/sysctl.go that validation decides."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube, refused


@conformance("[sig-node] Sysctls [LinuxOnly] should reject invalid sysctls [Conformance] [NodeConformance]")
def test_malformed_sysctls_are_refused_one_by_one(kube: Kube) -> None:
    names = ["foo-", "kernel.shmmax", "safe-and-unsafe", "bar..", "net.ipv4.ip_forward/"]
    sysctls = [{"name": name, "value": "1"} for name in names]
    spec = {"securityContext": {"sysctls": sysctls}, "containers": [{"name": "main", "image": "busybox"}]}
    with refused(422, reason="Invalid") as refusal:
        kube.core.create_namespaced_pod(kube.namespace, {"metadata": {"name": "sysctl"}, "spec": spec})
    fields = [cause["field"] for cause in refusal.status["details"]["causes"]]
    assert fields == [f"spec.securityContext.sysctls[{number}].name" for number in (0, 3, 4)]
    for name in ("foo-", "bar..", "net.ipv4.ip_forward/"):
        assert f'Invalid value: "{name}": must have at most 253 characters and match regex' in refusal.message
    assert kube.core.list_namespaced_pod(kube.namespace).items == []
