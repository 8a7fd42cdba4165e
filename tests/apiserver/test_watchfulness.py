"""What the server keeps of requests: counts and an audit log."""

from kube_nb.apiserver.audit import Audit
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, PODS, config_map, pod, serving


async def test_requests_and_objects_are_counted() -> None:
    async with serving() as api:
        await api.create(PODS, pod())
        await api.refused("GET", f"{PODS}/other")
        await api.watch(PODS)
        await api.create(PODS, pod("b"))
        await api.ok("DELETE", f"{PODS}/b", gracePeriodSeconds="0")
        text = (await api.ask("GET", "/metrics")).encode().decode()
        labels = 'component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="",verb="{}"'
        made, missed = labels.format("POST"), labels.format("GET")
        assert f'apiserver_request_total{{code="201",{made},version="v1"}} 2\n' in text
        assert f'apiserver_request_total{{code="404",{missed},version="v1"}} 1\n' in text
        assert f'apiserver_request_duration_seconds_bucket{{{made},version="v1",le="0.005"}} 2\n' in text
        assert f'apiserver_request_duration_seconds_count{{{made},version="v1"}} 2\n' in text
        assert 'apiserver_storage_objects{resource="pods"} 1\n' in text
        watches = 'component="apiserver",group="",resource="pods",version="v1",scope="cluster",verb="WATCH"'
        assert f"apiserver_longrunning_requests{{{watches}}} 1\n" in text
        assert 'apiserver_watch_events_total{group="",resource="pods",version="v1"} 3\n' in text
        assert 'apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245\n' in text


async def test_the_audit_log_holds_what_its_policy_says() -> None:
    log: list[Obj] = []
    policy = {
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "RequestResponse", "resources": [{"group": "", "resources": ["configmaps"]}]},
            {"level": "Metadata"},
        ],
    }
    async with serving() as api:
        api.server.audit = Audit(log.append, policy)
        await api.create(CONFIG_MAPS, config_map(a="b"))
        await api.get(CONFIG_MAPS)
        await api.refused("POST", PODS, {})
    made, refused = log
    assert (made["verb"], made["user"]["username"], made["responseStatus"]["code"]) == ("create", "admin", 201)
    where = {"resource": "configmaps", "namespace": "default", "apiVersion": "v1"}
    assert made["objectRef"] == {**where, "name": "settings"}
    assert made["responseObject"]["data"] == {"a": "b"}
    assert refused["level"] == "Metadata"
    assert refused["responseStatus"]["reason"] == "Invalid"
    assert "requestObject" not in refused
