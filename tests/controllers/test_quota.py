"""The status of a quota is what is used, whoever tells otherwise."""

from kube_nb import Cluster

QUOTA = """\
apiVersion: v1
kind: ResourceQuota
metadata: {name: limits}
spec: {hard: {count/widgets.example.com: "3", count/nothings.example.com: "1", pods: "4"}}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""


def widget(name):
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}}


def used(cluster):
    return cluster.get("resourcequota/limits")["status"]["used"]


def test_custom_objects_count_and_what_nobody_serves_is_left_out():
    with Cluster(nodes=1) as cluster:
        cluster.apply(DEFINITION)
        cluster.apply(widget("first"))
        cluster.apply(QUOTA)
        assert used(cluster) == {"count/widgets.example.com": "1", "pods": "0"}
        cluster.apply([widget("second"), widget("third")])
        assert used(cluster)["count/widgets.example.com"] == "3"
        refused = cluster.kubectl(
            "create -f -", stdin='{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x"}}'
        )
        assert "exceeded quota: limits, requested: count/widgets.example.com=1" in refused.stderr
        cluster.delete("widget/first")
        assert used(cluster)["count/widgets.example.com"] == "2"


def test_a_pod_that_ends_gives_back_what_it_used():
    with Cluster(nodes=1) as cluster:
        cluster.apply(QUOTA)
        cluster.kubectl("run once --image=busybox --restart=Never -- sleep 300")
        assert used(cluster)["pods"] == "1"
        cluster.advance("6m")
        assert cluster.get("pod/once")["status"]["phase"] == "Succeeded"
        assert used(cluster)["pods"] == "0"


def test_a_status_that_somebody_wrote_is_put_right():
    with Cluster(nodes=1) as cluster:
        cluster.apply(QUOTA)
        patch = '{"status": {"used": {"pods": "7"}, "hard": {"pods": "9"}}}'
        cluster.kubectl(["patch", "resourcequota", "limits", "--subresource=status", "--type=merge", "-p", patch])
        status = cluster.get("resourcequota/limits")["status"]
        assert (status["used"]["pods"], status["hard"]["pods"]) == ("0", "4")
