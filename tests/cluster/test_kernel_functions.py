"""Functions of the notebook that the API server asks."""

import base64
import json

from kube_nb import Cluster

HOOK = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: label}
webhooks:
- name: label.example.com
  clientConfig: {url: "https://label.kernel"}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps]}]
  admissionReviewVersions: [v1]
  sideEffects: None
"""


def label(request):
    patch = [{"op": "add", "path": "/metadata/labels", "value": {"made-by": request["userInfo"]["username"]}}]
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}


def test_a_plain_function_is_a_webhook_also_after_the_api_server_has_started_again():
    with Cluster(nodes=1) as cluster:
        cluster.webhooks["label"] = label
        cluster.apply(HOOK)
        cluster.kubectl("create configmap a")
        cluster.stop_component("kube-apiserver")
        cluster.start_component("kube-apiserver")
        cluster.kubectl("create configmap b")
        for name in ("a", "b"):
            (found,) = [each for each in cluster.get("configmaps") if each["metadata"]["name"] == name]
            assert found["metadata"]["labels"] == {"made-by": "kubernetes-admin"}
