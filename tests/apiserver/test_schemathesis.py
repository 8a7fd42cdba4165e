"""Thousands of requests of the server's own OpenAPI: no 5xx, no hang, nothing stored that cannot be read.

20,000 at least; `KUBE_NB_REQUESTS=200000` for more. Each request is sent twice, the second time to the state that all
of the group's requests have left.
"""

import asyncio
import os

import pytest

from kube_nb.machinery.exchange import Request, Response
from kube_nb.machinery.types import Obj
from tests.apiserver import generated
from tests.apiserver.serving import ADMIN, Api, config_map, pod, serving

REQUESTS = int(os.environ.get("KUBE_NB_REQUESTS", "20000"))
#: Operations of all groups; `test_the_plan_has_enough_requests` counts them.
OPERATIONS = 660
PER_OPERATION = -(-REQUESTS // (2 * OPERATIONS))
#: Seconds of cluster time that any request may take.
LIMIT_S = 100
#: Where a real server answers with 5xx, too: (status, part of the message).
_UPSTREAMS_OWN = (
    (500, "resourceVersion should not be set on objects to be created"),
    (500, "failed to create typed patch object"),
    (500, "failed calling webhook"),
    (503, "the kubelet serves no HTTP"),
    (503, "no endpoints available for service"),
    (503, "no service port"),
    (503, "has no address"),
    (504, "Too large resource version"),
)
_FORMS = (
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
)


@pytest.mark.xdist_group("schemathesis-plan")
def test_the_plan_has_enough_requests() -> None:
    assert 2 * generated.operations() * PER_OPERATION >= REQUESTS


#: The groups with many operations are split, so that workers share them.
_SHARDS = {"api/v1": 6, "apis/apps/v1": 3}
_PARTS = [(group, shard) for group in generated.groups() for shard in range(_SHARDS.get(group, 1))]
#: How many requests pass until what they have to work on is made again.
_SEED_EVERY = 60


@pytest.mark.slow
@pytest.mark.parametrize(("group", "shard"), _PARTS)
async def test_no_request_breaks_the_server(group: str, shard: int) -> None:
    cases = list(generated.cases(group, PER_OPERATION, shard, _SHARDS.get(group, 1)))
    async with serving() as api:
        for number, case in enumerate([*cases, *reversed(cases)]):
            if number % _SEED_EVERY == 0:
                await seed(api)
            await check(api, case)
        await check_all_stored(api)


def labelled(name: str, **spec: object) -> Obj:
    """Anything with a pod template."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec}}


def seeds() -> list[tuple[str, Obj]]:
    """(path, object) of what PUT, PATCH and DELETE will find."""
    apps, batch = "/apis/apps/v1/namespaces/default", "/apis/batch/v1/namespaces/default"
    core, rbac = "/api/v1/namespaces/default", "/apis/rbac.authorization.k8s.io/v1"
    job = {"template": {"spec": {**pod()["spec"], "restartPolicy": "Never"}}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    rules: list[Obj] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    found: list[tuple[str, Obj]] = [("/api/v1/namespaces", {"metadata": {"name": "other"}})]
    for name in ("a", "b"):
        found += [
            ("/api/v1/nodes", {"metadata": {"name": name}}),
            ("/api/v1/namespaces", {"metadata": {"name": name}}),
            (f"{core}/pods", pod(name)),
            (f"{core}/configmaps", config_map(name, a="b")),
            (f"{core}/secrets", {"metadata": {"name": name}, "data": {"a": "eA=="}}),
            (f"{core}/serviceaccounts", {"metadata": {"name": name}}),
            (f"{core}/services", {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}),
            (f"{core}/persistentvolumeclaims", {"metadata": {"name": name}, "spec": claim}),
            (f"{apps}/deployments", labelled(name)),
            (f"{apps}/replicasets", labelled(name)),
            (f"{apps}/daemonsets", labelled(name)),
            (f"{apps}/statefulsets", labelled(name, serviceName="a")),
            (f"{batch}/jobs", {"metadata": {"name": name}, "spec": job}),
            (
                f"{batch}/cronjobs",
                {"metadata": {"name": name}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job}}},
            ),
            (f"{rbac}/clusterroles", {"metadata": {"name": name}, "rules": rules}),
            (f"{rbac}/namespaces/default/roles", {"metadata": {"name": name}, "rules": rules}),
            (
                "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
                {"metadata": {"name": name}, "spec": {"defaultBackend": backend}},
            ),
            ("/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": name}, "provisioner": "example.com/x"}),
            ("/apis/coordination.k8s.io/v1/namespaces/default/leases", {"metadata": {"name": name}}),
            ("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": 1}),
        ]
    return found


async def seed(api: Api) -> None:
    """Make what is not there (any more); what the requests have made of the rest stays."""
    for path, obj in seeds():
        await answered(api, Request("POST", path, {}, {}, obj))


async def check(api: Api, case: generated.Case) -> None:
    response = await answered(api, case.request)
    if 200 <= response.status < 300 and response.obj is not None and case.request.method in ("POST", "PUT", "PATCH"):
        await check_served(api, case, response.obj)


async def answered(api: Api, request: Request) -> Response:
    """The response, encoded once; fails on 5xx and on what does not end."""
    request.user = ADMIN
    async with asyncio.timeout(LIMIT_S):
        response = await api.server.handle(request)
    if response.watch is not None:
        response.watch.close()
    elif response.session is None and response.chunks is None:
        response.encode()
    if response.status >= 500:
        message = str(response.object().get("message"))
        own = any(response.status == status and part in message for status, part in _UPSTREAMS_OWN)
        assert own, f"{request.method} {request.path} {request.query} {request.body!r}: {response.status} {message}"
    return response


async def check_served(api: Api, case: generated.Case, obj: Obj) -> None:
    """What was stored is there in every form, unless it was a dry run or is something that is not stored."""
    metadata = obj.get("metadata") or {}
    part = case.template.partition("{name}")[2]
    path = case.request.path.removesuffix(part)
    if "dryRun" in case.request.query or not metadata.get("resourceVersion"):
        return
    if case.request.method == "POST":
        path = f"{path}/{metadata.get('name')}"
        if part:
            return
    for form in _FORMS:
        found = await answered(api, Request("GET", path, {}, {"accept": form}))
        gone = found.status == 404 and metadata.get("deletionTimestamp")
        assert found.status == 200 or gone, f"{path} as {form}: {found.status} {found.obj}"


async def check_all_stored(api: Api) -> None:
    for resource in api.server.resources():
        if "list" in resource.kind.verbs:
            for form in _FORMS:
                path = resource.kind.gvr.path()
                found = await answered(api, Request("GET", path, {}, {"accept": form}))
                assert found.status == 200, f"{path} as {form}: {found.obj}"
