"""An API server in a pod: its group is served by the cluster's own."""

import json

from kube_nb import Cluster, program
from kube_nb.cri import http
from tests.apiserver.flunders import Flunders, api_service, flunder

SAMPLE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: sample-api}
spec:
  selector: {matchLabels: {app: sample-api}}
  template:
    metadata: {labels: {app: sample-api}}
    spec: {containers: [{name: server, image: docker.io/me/flunders, ports: [{containerPort: 8443}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: sample-api}
spec: {selector: {app: sample-api}, ports: [{port: 443, targetPort: 8443}]}
"""


@program("flunders", "docker.io/me/flunders")
async def serve_flunders(p):
    flunders = Flunders()

    async def handler(ask: http.Ask) -> http.Answer:
        status, raw = flunders.answer(ask.method, ask.path, ask.headers["x-remote-user"], ask.body)
        p.print(ask.method, ask.path, ask.headers["x-remote-user"], ask.headers["x-remote-group"])
        return http.Answer(status, raw, {"Content-Type": "application/json"})

    p.net.serve_http(8443, handler)
    await p.terminated()


def test_kubectl_works_with_a_group_that_a_pod_serves():
    with Cluster(nodes=1) as cluster:
        cluster.apply(SAMPLE)
        cluster.apply(api_service())
        cluster.wait("apiservice/v1.wardle.example.com", "condition=Available")
        row = cluster.kubectl("get apiservice v1.wardle.example.com --no-headers").text.split()
        assert row[:3] == ["v1.wardle.example.com", "default/sample-api", "True"]
        cluster.kubectl("create -f -", stdin=json.dumps(flunder("a")))
        assert cluster.kubectl("get flunders -o name").text == "flunder.wardle.example.com/a\n"
        log = cluster.kubectl("logs deployment/sample-api").text
        assert "POST /apis/wardle.example.com/v1/namespaces/default/flunders kubernetes-admin system:masters" in log
        cluster.kubectl("scale deployment sample-api --replicas=0")
        cluster.advance("35s")
        row = cluster.kubectl("get apiservice v1.wardle.example.com --no-headers").text.split()
        assert row[2:4] == ["False", "(MissingEndpoints)"]
