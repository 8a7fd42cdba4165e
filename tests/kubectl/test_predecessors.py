import pytest

from kube_nb.kubectl import manifest, predecessors

OLD_DEPLOYMENT = """\
apiVersion: extensions/v1beta1
kind: Deployment
metadata:
  name: mynginx
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: nginx}
    spec:
      containers: [{name: nginx, image: nginx}]
"""


def upgraded(text):
    text, warnings = predecessors.upgrade(text)
    return [document.obj for document in manifest.documents(text)], warnings


def test_an_old_deployment_gets_the_selector_that_used_to_be_its_default():
    objects, warnings = upgraded(OLD_DEPLOYMENT)
    assert objects[0]["apiVersion"] == "apps/v1"
    assert objects[0]["spec"]["selector"] == {"matchLabels": {"app": "nginx"}}
    assert warnings == [
        "Warning: extensions/v1beta1 Deployment is no longer served by Kubernetes; "
        "applied deployment/mynginx as apps/v1"
    ]


def test_an_old_ingress_gets_the_new_backends():
    old = {
        "apiVersion": "networking.k8s.io/v1beta1",
        "kind": "Ingress",
        "metadata": {"name": "x"},
        "spec": {"rules": [{"http": {"paths": [{"path": "/a", "backend": {"serviceName": "s", "servicePort": 80}}]}}]},
    }
    import json

    objects, _ = upgraded(json.dumps(old))
    path = objects[0]["spec"]["rules"][0]["http"]["paths"][0]
    assert path == {
        "path": "/a",
        "pathType": "ImplementationSpecific",
        "backend": {"service": {"name": "s", "port": {"number": 80}}},
    }


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Pod\n",
        "apiVersion: extensions/v1beta1\nkind: [\n",
        "apiVersion: x.io/v1beta1\nkind: Foo\n",
    ],
    ids=["still served", "does not parse", "somebody's own kind"],
)
def test_everything_else_stays_as_it_is(text):
    assert predecessors.upgrade(text) == (text, [])
