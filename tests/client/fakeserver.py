"""A tiny apiserver for the client's tests: paths are keys, every write is a revision, watches replay history.

It lets a test do what a real server seldom does: vanish, forget history, refuse, answer oddly.
"""

from collections.abc import Callable

from kube_nb.client.rest import Client
from kube_nb.client.transport import InKernelTransport
from kube_nb.machinery import errors
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Request, Response, WatchEvent, WatchStream
from kube_nb.machinery.patch import merge
from kube_nb.machinery.types import Obj


class FakeServer:
    def __init__(self) -> None:
        self.revision = 0
        self.objects: dict[str, Obj] = {}
        self.history: list[tuple[int, str, WatchEvent]] = []
        self.compacted = 0
        self.streams: list[tuple[str, WatchStream]] = []
        self.requests: list[Request] = []
        self.up = True
        self.answer: Callable[[Request], Response | None] = lambda request: None

    def client(self, field_manager: str = "") -> Client:
        return Client(InKernelTransport(lambda: self.handle if self.up else None), field_manager=field_manager)

    def go_down(self) -> None:
        self.up = False
        self.end_watches()

    def end_watches(self) -> None:
        streams, self.streams = self.streams, []
        for _, stream in streams:
            stream.close()

    def count(self, method: str, watch: bool = False) -> int:
        return sum(1 for each in self.requests if each.method == method and bool(each.param("watch")) == watch)

    def put(self, path: str, obj: Obj) -> Obj:
        """Write without a request: ``/api/v1/namespaces/default/pods/web``."""
        before = self.objects.get(path)
        collection, _, name = path.rpartition("/")
        parts = collection.split("/")
        meta = {**obj.get("metadata", {}), "name": name}
        if "namespaces" in parts[:-1]:
            meta["namespace"] = parts[parts.index("namespaces") + 1]
        return self._commit(path, {**obj, "metadata": meta}, "ADDED" if before is None else "MODIFIED")

    def remove(self, path: str) -> Obj:
        return self._commit(path, self.objects.pop(path), "DELETED")

    def _commit(self, path: str, obj: Obj, type: str) -> Obj:
        self.revision += 1
        obj = {"apiVersion": "v1", "kind": "Thing", **obj}
        obj["metadata"] = {**obj["metadata"], "resourceVersion": str(self.revision)}
        if type != "DELETED":
            self.objects[path] = obj
        event = WatchEvent(type, obj)
        self.history.append((self.revision, path, event))
        for collection, stream in self.streams:
            if _in(path, collection):
                stream.push(event)
        return obj

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        try:
            return self.answer(request) or self._serve(request)
        except ApiError as error:
            return Response.of_error(error)

    def _serve(self, request: Request) -> Response:
        path = request.path
        if request.param("watch"):
            return self._watch(path, int(request.param("resourceVersion", "0")))
        if request.method == "GET" and path in self.objects:
            return Response(obj=self.objects[path])
        if request.method == "GET" and path.rpartition("/")[2].endswith("s"):
            items = [obj for key, obj in self.objects.items() if _in(key, path)]
            meta = {"resourceVersion": str(self.revision)}
            return Response(obj={"kind": "ThingList", "apiVersion": "v1", "metadata": meta, "items": items})
        if request.method == "POST":
            path = f"{path}/{request.body['metadata']['name']}"
            if path in self.objects:
                raise errors.already_exists("things", path)
            return Response(201, obj=self.put(path, request.body))
        if path not in self.objects:
            raise errors.not_found("things", path.rpartition("/")[2])
        if request.method == "DELETE":
            return Response(obj=self.remove(path))
        if request.method == "PATCH":
            return Response(obj=self.put(path, merge.apply(self.objects[path], request.body)))
        sent = request.body["metadata"].get("resourceVersion")
        if sent not in (None, self.objects[path]["metadata"]["resourceVersion"]):
            raise errors.conflict("things", path, errors.OBJECT_WAS_MODIFIED)
        return Response(obj=self.put(path, request.body))

    def _watch(self, path: str, revision: int) -> Response:
        if revision < self.compacted:
            raise errors.gone(f"too old resource version: {revision} ({self.revision})")
        stream = WatchStream()
        for at, key, event in self.history:
            if at > revision and _in(key, path):
                stream.push(event)
        self.streams.append((path, stream))
        return Response(watch=stream)


def _in(path: str, collection: str) -> bool:
    """Whether the object at `path` belongs to the collection, which may be one over all namespaces."""
    parts = path.split("/")
    if "namespaces" in parts[:-2] and "namespaces" not in collection.split("/")[:-1]:
        at = parts.index("namespaces")
        parts[at : at + 2] = []
    return "/".join(parts[:-1]) == collection or path.rpartition("/")[0] == collection
