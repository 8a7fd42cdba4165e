"""What upstream asks of every API: it is in discovery, and each verb does what it says.

The scenarios "should support ... API operations" of all areas share this walk.
"""

from collections.abc import Callable
from typing import Any

from tests.conformance.scenario import Kube, refused

Obj = dict[str, Any]
_LABEL = "special-label"


def check_discovery(kube: Kube, group: str, version: str, plural: str) -> None:
    """The group, its version and the resource are where clients look for them."""
    if group:
        found = next(row for row in kube.get("/apis")["groups"] if row["name"] == group)
        assert {"groupVersion": f"{group}/{version}", "version": version} in found["versions"]
        assert kube.get(f"/apis/{group}") == {"kind": "APIGroup", "apiVersion": "v1", **found}
    resources = kube.get(f"/apis/{group}/{version}" if group else f"/api/{version}")["resources"]
    assert plural in [row["name"] for row in resources]


class Operations:
    """The verbs of one resource through the client's methods.

    api: a group of the client. noun: as its methods spell it ("flow_schema"). namespace: None for cluster scope.
    """

    def __init__(self, api: Any, noun: str, namespace: str | None = None) -> None:
        self._api = api
        self._noun = noun if namespace is None else f"namespaced_{noun}"
        self._where = () if namespace is None else (namespace,)

    def _method(self, verb: str, suffix: str = "") -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._api, f"{verb}_{self._noun}{suffix}")
        return method

    def create(self, body: Obj) -> Any:
        return self._method("create")(*self._where, body)

    def read(self, name: str, subresource: str = "") -> Any:
        return self._method("read", subresource and f"_{subresource}")(name, *self._where)

    def replace(self, name: str, body: Any, subresource: str = "") -> Any:
        return self._method("replace", subresource and f"_{subresource}")(name, *self._where, body)

    def patch(self, name: str, body: Any, subresource: str = "") -> Any:
        return self._method("patch", subresource and f"_{subresource}")(name, *self._where, body)

    def delete(self, name: str) -> Any:
        return self._method("delete")(name, *self._where)

    def delete_collection(self, **options: Any) -> Any:
        return getattr(self._api, f"delete_collection_{self._noun}")(*self._where, **options)

    @property
    def list(self) -> Callable[..., Any]:
        return self._method("list")

    def check(self, kube: Kube, make: Callable[[], Obj]) -> None:
        """Create, get, list, watch, patch, update, delete and deletecollection. make: a body without metadata."""
        select = {"label_selector": f"{_LABEL}=conformance"}

        def body() -> Obj:
            return {**make(), "metadata": {"generateName": "e2e-example-", "labels": {_LABEL: "conformance"}}}

        names = [self.create(body()).metadata.name for _ in range(3)]
        name = names[0]
        assert self.read(name).metadata.name == name
        listed = self.list(*self._where, **select)
        assert sorted(item.metadata.name for item in listed.items) == sorted(names)
        version = listed.metadata.resource_version
        with kube.watch(self.list, *self._where, resource_version=version, **select) as events:
            patched = self.patch(name, {"metadata": {"annotations": {"patched": "true"}}})
            assert patched.metadata.annotations["patched"] == "true"
            event = events.until(lambda event: event.name == name)
            assert event.type == "MODIFIED"
            assert event.object.metadata.annotations["patched"] == "true"
            patched.metadata.annotations["updated"] = "true"
            updated = self.replace(name, patched)
            assert updated.metadata.annotations == {**patched.metadata.annotations}
            event = events.until(lambda event: event.name == name)
            assert event.object.metadata.annotations["updated"] == "true"
            self.delete(name)
            events.until(lambda event: (event.type, event.name) == ("DELETED", name))
        with refused(404, reason="NotFound"):
            self.read(name)
        left = self.list(*self._where, **select).items
        assert sorted(item.metadata.name for item in left) == sorted(names[1:])
        self.delete_collection(**select)
        kube.settle()
        assert self.list(*self._where, **select).items == []
