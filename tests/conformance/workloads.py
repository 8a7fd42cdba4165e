"""What scenarios of workloads share: images, pods and templates, and waiting for one object."""

from collections.abc import Callable
from typing import Any

from tests.conformance.scenario import Kube

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.53"
BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1"
HTTPD, HTTPD_NEW = (f"registry.k8s.io/e2e-test-images/httpd:2.4.{patch}-4" for patch in (38, 39))
PAUSE = "registry.k8s.io/pause:3.10"
#: The registry is there, the image is not.
BROKEN = "registry.k8s.io/e2e-test-images/httpd:404"


def pod(
    name: str,
    image: str = PAUSE,
    *,
    labels: dict[str, str] | None = None,
    command: list[str] | None = None,
    container: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A pod of one container called ``main``. container: more of its fields."""
    given = template(labels or {}, image, command=command, container=container, **spec)
    return {"metadata": {"name": name, **given["metadata"]}, "spec": given["spec"]}


def template(
    labels: dict[str, str],
    image: str = HTTPD,
    *,
    command: list[str] | None = None,
    container: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    main = {"name": "main", "image": image, **({"command": command} if command else {}), **(container or {})}
    return {"metadata": {"labels": labels}, "spec": {"containers": [main], "terminationGracePeriodSeconds": 0, **spec}}


def workload(name: str, image: str = HTTPD, *, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A DaemonSet, Deployment, ReplicaSet or StatefulSet, but for its kind."""
    labels = labels or {"app": name}
    body = {"selector": {"matchLabels": labels}, "template": template(labels, image), **spec}
    return {"metadata": {"name": name, "labels": labels}, "spec": body}


def shell(script: str, image: str = BUSYBOX, **container: Any) -> dict[str, Any]:
    """A template's arguments for a container that runs a shell script."""
    return {"image": image, "command": ["/bin/sh", "-c", script], "container": container}


def when(kube: Kube, listing: Callable[..., Any], name: str, condition: Callable[[Any], Any]) -> Any:
    """The object of this name in the scenario's namespace, as soon as it fulfils the condition."""
    return kube.until(
        listing,
        lambda event: event.name == name and event.type != "DELETED" and condition(event.object),
        kube.namespace,
    ).object


def running(kube: Kube, name: str) -> Any:
    """The pod, once it runs and is ready."""
    return when(kube, kube.core.list_namespaced_pod, name, is_ready)


def is_ready(found: Any) -> bool:
    return found.status.phase == "Running" and condition_of(found, "Ready").status == "True"


def condition_of(found: Any, type: str) -> Any:
    """The row of status.conditions; None if it is not there."""
    return next((row for row in found.status.conditions or () if row.type == type), None)


def pods(kube: Kube, selector: str = "", namespace: str = "") -> list[Any]:
    """Those that are not being deleted, by name."""
    found = kube.core.list_namespaced_pod(namespace or kube.namespace, label_selector=selector).items
    return sorted((each for each in found if not each.metadata.deletion_timestamp), key=lambda each: each.metadata.name)


def names(found: list[Any]) -> list[str]:
    return [each.metadata.name for each in found]


def images(found: list[Any]) -> set[str]:
    return {container.image for each in found for container in each.spec.containers}


def owner(found: Any) -> Any:
    """The controlling ownerReference; None if there is none."""
    return next((each for each in found.metadata.owner_references or () if each.controller), None)


def condition_row(type: str, **fields: str) -> dict[str, str]:
    return {"type": type, "status": "True", "reason": "E2E", "message": "Set from e2e test", **fields}
