"""Models test/e2e/common/node/pod_resize.go: what the API shows of it; there are no cgroups to look into."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import PAUSE, running

_CPU, _MORE_CPU, _LESS_CPU = 20, 25, 15
_MEM, _MORE_MEM, _LESS_MEM = 35, 40, 30
Containers = dict[str, dict[str, Any]]


def _resources(**amounts: str) -> dict[str, Any]:
    """``cpu="20m", mem_limit="50Mi"`` -> requests and limits."""
    names = {"cpu": ("requests", "cpu"), "mem": ("requests", "memory")}
    names |= {"cpu_limit": ("limits", "cpu"), "mem_limit": ("limits", "memory")}
    found: dict[str, Any] = {}
    for name, amount in amounts.items():
        what, resource = names[name]
        found.setdefault(what, {})[resource] = amount
    return found


def _guaranteed(*amounts: tuple[int, int]) -> Containers:
    """(milli-cpu, MiB) of each of three containers, which differ a little from each other."""
    found: Containers = {}
    for number, (cpu, mem) in enumerate(amounts):
        both = {"cpu": f"{cpu + 2 * number}m", "memory": f"{mem + 2 * number}Mi"}
        found[f"c{number + 1}"] = {"requests": both, "limits": both}
    return found


def _spec(containers: Containers) -> list[dict[str, Any]]:
    return [{"name": name, "image": PAUSE, "resources": wanted} for name, wanted in containers.items()]


def _read(kube: Kube) -> Any:
    return kube.get(f"/api/v1/namespaces/{kube.namespace}/pods/resize")


def _create(kube: Kube, containers: Containers) -> None:
    body = {"metadata": {"name": "resize"}, "spec": {"containers": _spec(containers)}}
    kube.core.create_namespaced_pod(kube.namespace, body)
    running(kube, "resize")
    _check(_read(kube), containers, 1)


def _check(pod: Any, containers: Containers, generation: int) -> None:
    """Spec, allocation and what runs are all at these resources, and nothing was restarted."""
    assert {each["name"]: each["resources"] for each in pod["spec"]["containers"]} == containers
    rows = pod["status"]["containerStatuses"]
    assert {row["name"]: row["resources"] for row in rows} == containers
    assert {row["name"]: row["allocatedResources"] for row in rows} == {
        name: wanted["requests"] for name, wanted in containers.items()
    }
    assert [row["restartCount"] for row in rows] == [0] * len(rows)
    assert (pod["metadata"]["generation"], pod["status"]["observedGeneration"]) == (generation, generation)
    assert not [row for row in pod["status"]["conditions"] if row["type"].startswith("PodResize")]


def _resize(kube: Kube, before: Containers, after: Containers) -> None:
    """There, by a patch of the resize subresource; requests and limits that are gone are taken away."""
    containers = []
    for name, wanted in after.items():
        removed = {what: dict.fromkeys(amounts) for what, amounts in before[name].items()}
        merged = {what: removed.get(what, {}) | wanted.get(what, {}) for what in {**removed, **wanted}}
        containers.append({"name": name, "resources": merged})
    kube.core.patch_namespaced_pod_resize("resize", kube.namespace, {"spec": {"containers": containers}})
    kube.settle()


def _there_and_back(kube: Kube, original: Containers, wanted: Containers) -> None:
    _create(kube, original)
    _resize(kube, original, wanted)
    _check(_read(kube), wanted, 2)
    _resize(kube, wanted, original)
    _check(_read(kube), original, 3)


@conformance(
    "[sig-node] Pod InPlace Resize Container guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_three_containers_grow_in_sum(kube: Kube) -> None:
    wanted = _guaranteed((_MORE_CPU, _MORE_MEM), (_MORE_CPU, _MORE_MEM), (_LESS_CPU, _LESS_MEM))
    _there_and_back(kube, _guaranteed(*[(_CPU, _MEM)] * 3), wanted)


@conformance(
    "[sig-node] Pod InPlace Resize Container guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_three_containers_shrink_in_sum(kube: Kube) -> None:
    wanted = _guaranteed((_MORE_CPU, _MORE_MEM), (_LESS_CPU, _LESS_MEM), (_LESS_CPU, _LESS_MEM))
    _there_and_back(kube, _guaranteed(*[(_CPU, _MEM)] * 3), wanted)


@conformance(
    "[sig-node] Pod InPlace Resize Container guaranteed pods with multiple containers 3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2) [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_three_containers_change_in_different_ways(kube: Kube) -> None:
    wanted = _guaranteed((_MORE_CPU, _MEM), (_LESS_CPU, _MORE_MEM), (_MORE_CPU, _MORE_MEM))
    _there_and_back(kube, _guaranteed(*[(_CPU, _MEM)] * 3), wanted)


@conformance(
    "[sig-node] Pod InPlace Resize Container burstable pods - extended 6 containers - various operations performed (including adding limits and requests) [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_requests_and_limits_are_added_raised_and_lowered(kube: Kube) -> None:
    before = {
        "c1": _resources(cpu="20m"),
        "c2": _resources(mem="35Mi"),
        "c3": _resources(cpu="20m", mem="35Mi"),
        "c4": _resources(cpu="20m"),
        "c5": _resources(mem="35Mi"),
        "c6": _resources(cpu="20m", mem="35Mi"),
    }
    after = {
        "c1": _resources(cpu="25m", cpu_limit="35m"),
        "c2": _resources(mem="30Mi", mem_limit="50Mi"),
        "c3": _resources(cpu="20m", mem="30Mi"),
        "c4": _resources(cpu="15m", mem="35Mi"),
        "c5": _resources(cpu="20m", mem="40Mi"),
        "c6": _resources(cpu="25m", mem="35Mi"),
    }
    _create(kube, before)
    _resize(kube, before, after)
    _check(_read(kube), after, 2)


@conformance(
    "[sig-node] Pod InPlace Resize Container burstable pods - extended resize with equivalents [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_tiny_amounts_are_shown_as_asked_for(kube: Kube) -> None:
    before = {"c1": _resources(cpu="2m", cpu_limit="10m")}
    _there_and_back(kube, before, {"c1": _resources(cpu="1m", cpu_limit="5m")})


@conformance(
    "[sig-node] Pod InPlace Resize Container resize pod via the replace endpoint [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_a_pod_is_resized_by_replacing_and_read_at_the_subresource(kube: Kube) -> None:
    wanted = {"c1": _resources(cpu="25m", mem="40Mi")}
    _create(kube, {"c1": _resources(cpu="20m", mem="35Mi")})
    pod = _read(kube)
    pod["spec"]["containers"][0]["resources"] = wanted["c1"]
    kube.core.replace_namespaced_pod_resize("resize", kube.namespace, pod)
    kube.settle()
    _check(_read(kube), wanted, 2)
    assert kube.get(f"/api/v1/namespaces/{kube.namespace}/pods/resize/resize") == _read(kube)
