"""What the server keeps of requests: counts and an audit log."""

from kube_nb.apiserver.audit import Audit
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, PODS, config_map, pod, serving


async def test_requests_and_objects_are_counted() -> None:
    async with serving() as api:
        await api.create(PODS, pod())
        await api.refused("GET", f"{PODS}/other")
        await api.watch(PODS)
        text = (await api.ask("GET", "/metrics")).encode().decode()
        labels = 'code="201",group="",resource="pods",subresource="",verb="CREATE",version="v1"'
        assert f"apiserver_request_total{{{labels}}} 1\n" in text
        assert 'code="404",group="",resource="pods"' in text
        assert 'apiserver_storage_objects{resource="pods"} 1\n' in text
        assert 'apiserver_longrunning_requests{verb="WATCH",resource="pods"} 1\n' in text


async def test_the_audit_log_holds_what_its_policy_says() -> None:
    log: list[Obj] = []
    policy = {
        "rules": [
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "RequestResponse", "resources": [{"group": "", "resources": ["configmaps"]}]},
            {"level": "Metadata"},
        ]
    }
    async with serving() as api:
        api.server.audit = Audit(log.append, policy)
        await api.create(CONFIG_MAPS, config_map(a="b"))
        await api.get(CONFIG_MAPS)
        await api.refused("POST", PODS, {})
    made, refused = log
    assert (made["verb"], made["user"]["username"], made["responseStatus"]["code"]) == ("create", "admin", 201)
    assert made["objectRef"] == {"resource": "configmaps", "namespace": "default", "apiVersion": "v1"}
    assert made["responseObject"]["data"] == {"a": "b"}
    assert refused["level"] == "Metadata"
    assert refused["responseStatus"]["reason"] == "Invalid"
    assert "requestObject" not in refused
