"""The machine's kubectl in a namespace of the test's own, against one served cluster per module."""

import re

import pytest

from kube_nb import Cluster
from tests.scenarios.real import WEB, Kubectl


@pytest.fixture(scope="module")
def served():
    with Cluster(nodes=3, seed=4, pace=20) as cluster:
        yield cluster.serve().kubeconfig


@pytest.fixture
def kubectl(served, request):
    """kubectl in an empty namespace, which goes with all that is in it."""
    admin = Kubectl(served)
    own = re.sub("memory|members|etcd", "", request.node.name.removeprefix("test_"))  # not the store's name
    name = re.sub(r"(\W|_)+", "-", own)[:40].strip("-")
    admin(f"create namespace {name}")
    yield Kubectl(served, name)
    admin(f"delete namespace {name} --wait=false")


@pytest.fixture
def web(kubectl):
    """The same with a Deployment that is rolled out, and its service."""
    assert kubectl.out("apply -f -", stdin=WEB) == "deployment.apps/web created\nservice/web created\n"
    assert kubectl.out("rollout status deployment/web --timeout=50s").endswith('"web" successfully rolled out\n')
    return kubectl
