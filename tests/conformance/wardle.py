"""The sample API server of upstream's aggregator test as a program: flunders of wardle.example.com/v1alpha1."""

import itertools
from typing import Any

import orjson

from kube_nb import program
from kube_nb.cri import http

Obj = dict[str, Any]
GROUP, VERSION = "wardle.example.com", "v1alpha1"
IMAGE = "registry.k8s.io/e2e-test-images/sample-apiserver"
PORT = 443
_API_VERSION = f"{GROUP}/{VERSION}"
_ROOT = f"/apis/{_API_VERSION}"
_VERBS = ["create", "delete", "deletecollection", "get", "list"]
_RESOURCES: Obj = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": _API_VERSION,
    "resources": [
        {"name": "flunders", "singularName": "flunder", "namespaced": True, "kind": "Flunder", "verbs": _VERBS}
    ],
}


class Flunders:
    """Keeps flunders by namespace and name, and answers requests for them."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Obj] = {}
        self._versions = itertools.count(1)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Obj]:
        if path == _ROOT:
            return 200, _RESOURCES
        _, _, rest = path.partition(f"{_ROOT}/namespaces/")
        namespace, _, plural_and_name = rest.partition("/")
        plural, _, name = plural_and_name.partition("/")
        if plural != "flunders":
            return 404, _status(404, "NotFound", "the server could not find the requested resource")
        if method == "POST":
            return self._create(namespace, orjson.loads(body))
        return self._one(method, namespace, name) if name else self._all(method, namespace)

    def _create(self, namespace: str, obj: Obj) -> tuple[int, Obj]:
        version = next(self._versions)
        metadata = {
            **obj["metadata"],
            "namespace": namespace,
            "uid": f"flunder-{version}",
            "resourceVersion": str(version),
        }
        obj = self._objects[namespace, metadata["name"]] = {**obj, "metadata": metadata}
        return 201, obj

    def _one(self, method: str, namespace: str, name: str) -> tuple[int, Obj]:
        found = self._objects.get((namespace, name))
        if found is None:
            return 404, _status(404, "NotFound", f'flunders.{GROUP} "{name}" not found')
        if method == "DELETE":
            del self._objects[namespace, name]
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        return 200, found

    def _all(self, method: str, namespace: str) -> tuple[int, Obj]:
        found = {key: obj for key, obj in self._objects.items() if key[0] == namespace}
        if method == "DELETE":
            for key in found:
                del self._objects[key]
        metadata = {"resourceVersion": str(next(self._versions))}
        return 200, {
            "kind": "FlunderList",
            "apiVersion": _API_VERSION,
            "metadata": metadata,
            "items": list(found.values()),
        }


def _status(code: int, reason: str, message: str) -> Obj:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


@program("sample-apiserver", IMAGE)
async def sample_apiserver(p: Any) -> None:
    flunders = Flunders()

    async def handler(ask: http.Ask) -> http.Answer:
        p.print(ask.method, ask.path, ask.headers.get("x-remote-user"))
        status, obj = flunders.answer(ask.method, ask.path, ask.body)
        return http.Answer(status, orjson.dumps(obj), {"Content-Type": "application/json"})

    p.net.serve_http(PORT, handler)
    await p.terminated()
