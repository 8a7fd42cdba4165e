"""Objects that kubectl makes from flags: pods, deployments, services. Models kubectl's generators."""

from collections.abc import Sequence

from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.types import Obj


def pod(name: str, image: str, *, labels: Obj, command: Sequence[str], args: Sequence[str], spec: Obj) -> Obj:
    """What ``kubectl run`` creates; spec: further fields, e.g. restartPolicy."""
    container: Obj = {"image": image, "name": name, "resources": {}}
    if command:
        container["command"] = list(command)
    if args:
        container["args"] = list(args)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": labels, "name": name},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", **spec},
        "status": {},
    }


def deployment(name: str, images: Sequence[str], *, replicas: int, port: int, command: Sequence[str]) -> Obj:
    """What ``kubectl create deployment`` creates."""
    labels = {"app": name}
    containers = [_container(image, port, command) for image in images]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"labels": labels, "name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {},
    }


def _container(image: str, port: int, command: Sequence[str]) -> Obj:
    container: Obj = {"image": image, "name": container_name(image), "resources": {}}
    if port >= 0:
        container["ports"] = [{"containerPort": port}]
    if command:
        container["command"] = list(command)
    return container


def container_name(image: str) -> str:
    """``docker.io/library/nginx:1.25`` -> ``nginx``."""
    bare = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    return "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in bare.lower())


def service(
    name: str, *, selector: Obj, ports: Sequence[Obj], labels: Obj, type: str = "", spec: Obj | None = None
) -> Obj:
    """A Service; without a type the server fills in ClusterIP."""
    body: Obj = {**({"ports": list(ports)} if ports else {}), "selector": selector}
    if type:
        body["type"] = type
    metadata: Obj = {**({"labels": labels} if labels else {}), "name": name}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {**body, **(spec or {})},
        "status": {"loadBalancer": {}},
    }


def port_number(text: str) -> int:
    """A flag's port; KubectlError in strconv's words."""
    if not text.strip().isdecimal():
        raise KubectlError(f'error: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def target_port(text: str) -> int | str:
    """A port's number or name."""
    return int(text) if text.isdecimal() else text
