"""Models test/e2e/apimachinery/chunking.go."""

import itertools

import orjson
import pytest
from kubernetes.client import ApiException

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube

_TOTAL = 200
_TEMPLATE = {"spec": {"containers": [{"name": "test", "image": "test2"}]}}


def _create_many(kube: Kube) -> list[str]:
    names = [f"template-{number:04d}" for number in range(_TOTAL)]
    for name in names:
        kube.core.create_namespaced_pod_template(kube.namespace, {"metadata": {"name": name}, "template": _TEMPLATE})
    return names


class _Pages:
    """Reads page after page and checks what each says of the rest."""

    def __init__(self, kube: Kube, found: list[str] | None = None) -> None:
        self._kube = kube
        self.found = list(found or ())
        self.version = ""

    def next(self, limit: int, token: str | None = None) -> str | None:
        page = self._kube.core.list_namespaced_pod_template(
            self._kube.namespace, limit=limit, **({"_continue": token} if token else {})
        )
        assert len(page.items) <= limit
        self.version = self.version or page.metadata.resource_version
        assert page.metadata.resource_version == self.version
        self.found += [item.metadata.name for item in page.items]
        remaining = page.metadata.remaining_item_count
        assert remaining == (_TOTAL - len(self.found) if page.metadata._continue else None)
        return page.metadata._continue

    def rest(self, token: str | None, limits: "itertools.cycle[int]") -> None:
        while token:
            token = self.next(next(limits), token)


@conformance(
    "[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]"
)
def test_pages_of_any_size_make_the_whole_list(kube: Kube) -> None:
    names = _create_many(kube)
    for sizes in ((20,), (1, 19, 7), (13, 2, 40)):
        limits = itertools.cycle(sizes)
        pages = _Pages(kube)
        pages.rest(pages.next(next(limits)), limits)
        assert pages.found == names
    whole = kube.core.list_namespaced_pod_template(kube.namespace, limit=_TOTAL + 1)
    assert [item.metadata.name for item in whole.items] == names


@conformance(
    "[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Conformance] [Slow]"
)
def test_a_list_goes_on_after_its_version_was_compacted_away(kube: Kube) -> None:
    names = _create_many(kube)
    first = _Pages(kube)
    token = first.next(_TOTAL // 10)
    kube.core.create_namespaced_config_map(kube.namespace, {"metadata": {"name": "later"}})
    revision = kube.cluster.engine.revision
    assert kube.cluster.etcdctl(f"compaction {revision}").exit_code == 0
    with pytest.raises(ApiException) as caught:
        kube.core.list_namespaced_pod_template(kube.namespace, limit=_TOTAL // 10, _continue=token)
    status = orjson.loads(caught.value.body)
    assert (status["code"], status["reason"]) == (410, "Expired")
    second = _Pages(kube, first.found)
    limits = itertools.cycle((_TOTAL // 10,))
    second.rest(second.next(_TOTAL // 10, status["metadata"]["continue"]), limits)
    assert second.version != first.version
    assert second.found == names
