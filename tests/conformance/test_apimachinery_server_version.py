"""Models test/e2e/apimachinery/server_version.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube


@conformance("[sig-api-machinery] server version should find the server version [Conformance]")
def test_the_version_is_two_numbers(kube: Kube) -> None:
    found = kube.version.get_code()
    assert found.major.isdigit()
    assert found.minor.isdigit()
