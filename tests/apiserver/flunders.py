"""A little API server of somebody else: wardle.example.com/v1, as upstream's sample-apiserver serves it."""

import orjson

from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

GROUP = "/apis/wardle.example.com/v1"
RESOURCES: Obj = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": "wardle.example.com/v1",
    "resources": [
        {
            "name": "flunders",
            "singularName": "flunder",
            "namespaced": True,
            "kind": "Flunder",
            "verbs": ["create", "delete", "get", "list"],
        },
        {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
    ],
}


class Flunders:
    """Answers one request after the other: status and body."""

    def __init__(self) -> None:
        self.objects: dict[str, Obj] = {}
        #: (method, path, X-Remote-User) of each request.
        self.asked: list[tuple[str, str, str]] = []

    def answer(self, method: str, path: str, user: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((method, path, user))
        status, obj = self._answer(method, path, body)
        return status, orjson.dumps(obj)

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Obj]:
        if path == GROUP:
            return 200, RESOURCES
        if path == "/openapi/v3":
            return 200, {"paths": {GROUP[1:]: {"serverRelativeURL": f"/openapi/v3{GROUP}?hash=1"}}}
        if path == f"/openapi/v3{GROUP}":
            return 200, {"openapi": "3.0.0", "info": {"title": "Wardle"}, "paths": {}}
        if path == "/openapi/v2":
            return 200, {"swagger": "2.0", "definitions": {"wardle.Flunder": {"type": "object"}}, "paths": {}}
        name = path.rpartition("/flunders")[2].strip("/")
        if method == "POST":
            obj = orjson.loads(body)
            self.objects[obj["metadata"]["name"]] = obj
            return 201, obj
        if not name:
            items = list(self.objects.values())
            return 200, {"kind": "FlunderList", "apiVersion": "wardle.example.com/v1", "metadata": {}, "items": items}
        found = self.objects.get(name)
        message = f'flunders.wardle.example.com "{name}" not found'
        return (200, found) if found else (404, errors.ApiError(404, "NotFound", message).status())


def api_service(**more: object) -> Obj:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.wardle.example.com"},
        "spec": {
            "group": "wardle.example.com",
            "version": "v1",
            "groupPriorityMinimum": 2000,
            "versionPriority": 200,
            "service": {"namespace": "default", "name": "sample-api", "port": 443},
            "insecureSkipTLSVerify": True,
            **more,
        },
    }


def service(**spec: object) -> Obj:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "sample-api"}, "spec": spec}


def flunder(name: str) -> Obj:
    return {"apiVersion": "wardle.example.com/v1", "kind": "Flunder", "metadata": {"name": name}}
