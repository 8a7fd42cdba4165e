"""Admission: limit ranges, quotas, storage classes, new nodes."""

from tests.apiserver.serving import CONFIG_MAPS, PODS, config_map, pod, serving

LIMIT_RANGES = "/api/v1/namespaces/default/limitranges"
QUOTAS = "/api/v1/namespaces/default/resourcequotas"


async def test_a_limit_range_fills_in_and_limits() -> None:
    async with serving() as api:
        limit = {
            "type": "Container",
            "default": {"cpu": "500m"},
            "defaultRequest": {"cpu": "100m"},
            "max": {"cpu": "1"},
        }
        await api.create(LIMIT_RANGES, {"metadata": {"name": "limits"}, "spec": {"limits": [limit]}})
        created = await api.create(PODS, pod())
        assert created["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
        assert created["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu limit for container main; cpu request for container main"
        )
        greedy = [{"name": "main", "image": "nginx", "resources": {"limits": {"cpu": "2"}}}]
        status = await api.refused("POST", PODS, pod("greedy", containers=greedy))
        assert status["message"] == ('pods "greedy" is forbidden: maximum cpu usage per Container is 1, but limit is 2')


async def test_a_quota_counts_objects() -> None:
    async with serving() as api:
        await api.create(QUOTAS, {"metadata": {"name": "few"}, "spec": {"hard": {"count/configmaps": "2"}}})
        await api.create(CONFIG_MAPS, config_map("a"))
        await api.create(CONFIG_MAPS, config_map("b"))
        status = await api.refused("POST", CONFIG_MAPS, config_map("c"))
        assert status["message"] == (
            'configmaps "c" is forbidden: exceeded quota: few, requested: count/configmaps=1, used: '
            "count/configmaps=2, limited: count/configmaps=2"
        )
        await api.ok("DELETE", f"{CONFIG_MAPS}/a")
        await api.create(CONFIG_MAPS, config_map("c"))


async def test_a_quota_on_compute_makes_pods_say_what_they_need() -> None:
    async with serving() as api:
        await api.create(QUOTAS, {"metadata": {"name": "cpu"}, "spec": {"hard": {"requests.cpu": "1"}}})
        status = await api.refused("POST", PODS, pod())
        assert status["message"] == ('pods "web" is forbidden: failed quota: cpu: must specify requests.cpu for: main')
        asks = [{"name": "main", "image": "nginx", "resources": {"requests": {"cpu": "600m"}}}]
        await api.create(PODS, pod(containers=asks))
        status = await api.refused("POST", PODS, pod("more", containers=asks))
        assert status["message"] == (
            'pods "more" is forbidden: exceeded quota: cpu, requested: requests.cpu=600m, used: requests.cpu=600m, '
            "limited: requests.cpu=1"
        )


async def test_a_claim_gets_the_default_class() -> None:
    async with serving() as api:
        annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
        standard = {"metadata": {"name": "standard", "annotations": annotations}, "provisioner": "example.com/disk"}
        await api.create("/apis/storage.k8s.io/v1/storageclasses", standard)
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        path = "/api/v1/namespaces/default/persistentvolumeclaims"
        claim = await api.create(path, {"metadata": {"name": "data"}, "spec": spec})
        assert claim["spec"]["storageClassName"] == "standard"
        assert claim["status"] == {"phase": "Pending"}


async def test_a_new_node_takes_no_pods_yet() -> None:
    async with serving() as api:
        node = await api.create("/api/v1/nodes", {"metadata": {"name": "node-1"}})
        assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
