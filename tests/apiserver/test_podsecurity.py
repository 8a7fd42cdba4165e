"""PodSecurity and ABAC: what namespaces' labels and policy files allow."""

import pytest

from kube_nb.apiserver.authz.abac import Abac
from kube_nb.machinery.exchange import User
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import DEPLOYMENTS, PODS, deployment, pod, serving

RESTRICTED_FAULTS = (
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
    '"Localhost")'
)
GOOD: Obj = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def container(**security: object) -> list[Obj]:
    return [{"name": "main", "image": "nginx", "securityContext": security}]


@pytest.mark.parametrize(
    ("level", "spec", "fault"),
    [
        pytest.param("privileged", {"hostNetwork": True}, "", id="privileged takes all"),
        pytest.param("baseline", {}, "", id="a plain pod is baseline"),
        pytest.param("baseline", {"hostPID": True}, "host namespaces (hostPID=true)", id="host namespaces"),
        pytest.param(
            "baseline",
            {"containers": container(privileged=True)},
            'privileged (container "main" must not set securityContext.privileged=true)',
            id="privileged",
        ),
        pytest.param(
            "baseline",
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
            'hostPath volumes (volume "v")',
            id="a path of the host",
        ),
        pytest.param("restricted", {}, RESTRICTED_FAULTS, id="a plain pod is not restricted"),
        pytest.param("restricted", {"containers": container(**GOOD)}, "", id="a careful pod is"),
    ],
)
async def test_a_namespace_enforces_a_standard(level: str, spec: Obj, fault: str) -> None:
    async with serving() as api:
        label = {"pod-security.kubernetes.io/enforce": level}
        await api.patch("/api/v1/namespaces/default", {"metadata": {"labels": label}})
        response = await api.ask("POST", PODS, pod(**spec))
        if not fault:
            assert response.status == 201
        else:
            assert response.status == 403
            wanted = f'pods "web" is forbidden: violates PodSecurity "{level}:latest": {fault}'
            assert response.object()["message"] == wanted


async def test_a_workload_is_warned_of() -> None:
    async with serving() as api:
        label = {"pod-security.kubernetes.io/warn": "restricted", "pod-security.kubernetes.io/enforce": "restricted"}
        await api.patch("/api/v1/namespaces/default", {"metadata": {"labels": label}})
        response = await api.ask("POST", DEPLOYMENTS, deployment())
        assert response.status == 201
        assert list(response.warnings) == [f'would violate PodSecurity "restricted:latest": {RESTRICTED_FAULTS}']


POLICIES = """
{"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": {"user": "alice", "namespace": "*", "resource": "*", "apiGroup": "*"}}
{"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": {"group": "readers", "namespace": "default", "resource": "pods", "readonly": true}}
"""  # noqa: E501  # a policy is a line


@pytest.mark.parametrize(
    ("user", "method", "code"),
    [
        pytest.param(User("alice"), "POST", 201, id="everything for alice"),
        pytest.param(User("bob", ("readers",)), "GET", 200, id="reading for readers"),
        pytest.param(User("bob", ("readers",)), "POST", 403, id="but not writing"),
        pytest.param(User("carol"), "GET", 403, id="nothing for others"),
    ],
)
async def test_a_policy_file_allows(user: User, method: str, code: int) -> None:
    async with serving(authorizer=Abac.of(POLICIES)) as api:
        assert (await api.ask(method, PODS, pod() if method == "POST" else None, user=user)).status == code


def test_a_bad_policy_is_named_by_its_line() -> None:
    with pytest.raises(ValueError, match="error reading policy file, line 2: "):
        Abac.of("# comment\nnonsense")
