from kube_nb.api import resources
from kube_nb.controllers import Options
from kube_nb.controllers.namespaces.root_ca import CONFIG_MAP
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, template


def namespace(name="team"):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


async def test_every_namespace_has_a_default_service_account_again_and_again():
    async with cluster("serviceaccount-controller") as c:
        await c.create(namespace())
        await c.settle()
        first = await c.get(resources.SERVICE_ACCOUNTS, "default", "team")
        await c.client.delete(resources.SERVICE_ACCOUNTS, "default", "team")
        await c.settle()
        second = await c.get(resources.SERVICE_ACCOUNTS, "default", "team")
        assert objects.uid(first) != objects.uid(second)


async def test_every_namespace_has_the_root_ca_and_changes_to_it_are_undone():
    async with cluster("root-ca-certificate-publisher-controller", options=Options(root_ca="PEM")) as c:
        await c.create(namespace())
        await c.settle()
        assert (await c.get(resources.CONFIG_MAPS, CONFIG_MAP, "team"))["data"] == {"ca.crt": "PEM"}
        await c.client.patch(resources.CONFIG_MAPS, CONFIG_MAP, {"data": {"ca.crt": "FORGED"}}, "team")
        await c.settle()
        assert (await c.get(resources.CONFIG_MAPS, CONFIG_MAP, "team"))["data"] == {"ca.crt": "PEM"}


async def test_a_deleted_namespace_is_emptied_tells_what_remains_and_goes():
    async with cluster("namespace-controller") as c:
        c.kubelet.grace_s = 30.0
        await c.create(namespace())
        await c.settle()
        pod = {"apiVersion": "v1", "kind": "Pod", **template(), "metadata": {"name": "web"}}
        await c.client.create(resources.PODS, pod, "team")
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
        await c.client.create(resources.CONFIG_MAPS, config_map, "team")
        await c.settle()
        started_s = c.now_s
        await c.client.delete(resources.NAMESPACES, "team")
        await c.until(started_s + 6)
        found = await c.get(resources.NAMESPACES, "team", None)
        assert found["status"]["phase"] == "Terminating"
        # pods go first, all else waits for them
        assert await c.find(resources.CONFIG_MAPS, "settings", "team") is not None
        rows = {row["type"]: (row["status"], row["reason"], row["message"]) for row in found["status"]["conditions"]}
        assert rows["NamespaceContentRemaining"] == (
            "True",
            "SomeResourcesRemain",
            "Some resources are remaining: pods. has 1 resource instances",
        )
        assert rows["NamespaceDeletionContentFailure"][:2] == ("False", "ContentDeleted")
        assert rows["NamespaceFinalizersRemaining"][:2] == ("False", "ContentHasNoFinalizers")
        # after 5 s the first sweep; the pod, deleted then, has 30 s: sweeps follow 16 s and less after that
        assert await c.settle() - started_s < 5 + 30 + 16
        assert await c.find(resources.NAMESPACES, "team", None) is None
