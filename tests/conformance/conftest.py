"""A fresh cluster, served over HTTPS, for each scenario."""

from collections.abc import Iterator

import pytest

from kube_nb import Cluster
from tests.conformance.scenario import Kube


@pytest.fixture
def kube(request: pytest.FixtureRequest) -> Iterator[Kube]:
    marker = request.node.get_closest_marker("conformance")
    _, nodes = marker.args if marker else ("", 2)
    with Cluster(nodes) as cluster, Kube(cluster) as found:
        yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A report carries its codename along, also from one of xdist's workers."""
    for item in items:
        if marker := item.get_closest_marker("conformance"):
            item.user_properties.append(("codename", marker.args[0]))
