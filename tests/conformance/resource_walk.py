"""One resource through every verb and each type of patch, as upstream's test/e2e/framework/conformance walks it."""

from collections.abc import Iterator
from typing import Any

from kube_nb.machinery.patch import merge
from tests.conformance.scenario import Kube

Obj = dict[str, Any]
_LABEL = "resourcetest.e2e.k8s.io"
_PATCHES = ("strategic-merge-patch+json", "merge-patch+json", "json-patch+json", "apply-patch+yaml")


class ResourceWalk:
    """The requests to one resource, raw, and a watch that must tell every change.

    plural: ``resourceclaims``; namespaced: whether in the scenario's namespace.
    """

    def __init__(self, kube: Kube, group: str, version: str, plural: str, *, namespaced: bool) -> None:
        self._kube = kube
        self._root = f"/apis/{group}/{version}"
        self._plural = plural
        self._collection = (
            f"{self._root}/namespaces/{kube.namespace}/{plural}" if namespaced else f"{self._root}/{plural}"
        )
        self._path = ""

    def check(self, initial: Obj, change: Obj, status: Obj | None = None) -> None:
        """initial: with its name; change: a merge patch of spec or labels; status: the status to write, if there is one."""
        resources = {row["name"] for row in self._kube.get(self._root)["resources"]}
        assert self._plural in resources
        assert (f"{self._plural}/status" in resources) == (status is not None)
        initial = merge.apply(initial, {"metadata": {"labels": {_LABEL: "walk"}}})
        self._path = f"{self._collection}/{initial['metadata']['name']}"
        self._check_updates(initial, change, status)
        for type in _PATCHES:
            self._check_patch(type, initial, change)
        for type in _PATCHES if status is not None else ():
            self._check_patch(type, initial, {"status": status}, "/status")
        self._create(initial)
        self._ok("DELETE", f"{self._collection}?labelSelector={_LABEL}=walk")
        assert self._kube.request("GET", self._path).status == 404
        assert self._listed() == []

    def _check_updates(self, initial: Obj, change: Obj, status: Obj | None) -> None:
        made = self._create(initial)
        assert self._ok("GET", self._path) == made
        assert [item["metadata"]["uid"] for item in self._listed()] == [made["metadata"]["uid"]]
        updated = self._ok("PUT", self._path, merge.apply(made, change))
        assert contains(updated, merge.apply(initial, change))
        assert int(updated["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
        types = ["MODIFIED"]
        if status is not None:
            answered = self._ok("PUT", f"{self._path}/status", {**updated, "status": status})
            assert contains(answered, {**merge.apply(initial, change), "status": status})
            assert self._ok("GET", f"{self._path}/status") == answered
            types.append("MODIFIED")
        self._ok("DELETE", self._path)
        assert self._told(made["metadata"]["resourceVersion"], len(types) + 1) == [*types, "DELETED"]

    def _check_patch(self, type: str, initial: Obj, change: Obj, subresource: str = "") -> None:
        made = self._create(initial)
        body: Any = change
        if type == "json-patch+json":
            body = list(_operations(made, change))
        elif type == "apply-patch+yaml":
            body = merge.apply({field: made[field] for field in ("apiVersion", "kind")}, change)
            body = merge.apply(body, {"metadata": {"name": made["metadata"]["name"]}})
        query = "?fieldValidation=Strict" + ("&fieldManager=test-apply&force=true" if type.startswith("apply") else "")
        headers = {"content-type": f"application/{type}"}
        answer = self._kube.request("PATCH", self._path + subresource + query, body, headers=headers)
        assert answer.status == 200, answer.text
        assert contains(answer.obj, merge.apply(initial, change)), (type, answer.text)
        self._ok("DELETE", self._path)

    # -- requests --------------------------------------------------------------------------------------------------

    def _ok(self, method: str, path: str, body: Obj | None = None) -> Obj:
        answer = self._kube.request(method, path, body)
        assert answer.status in (200, 201), answer.text
        found: Obj = answer.obj
        return found

    def _create(self, initial: Obj) -> Obj:
        made = self._ok("POST", f"{self._collection}?fieldValidation=Strict", initial)
        assert contains(made, initial)
        return made

    def _listed(self) -> list[Obj]:
        items: list[Obj] = self._ok("GET", f"{self._collection}?labelSelector={_LABEL}=walk")["items"]
        return items

    def _told(self, version: str, count: int) -> list[str]:
        """The types of the events that a watch of the whole resource tells after a version."""
        events = self._kube.watch(
            self._kube.custom.list_cluster_custom_object,
            *self._root.removeprefix("/apis/").split("/"),
            self._plural,
            resource_version=version,
            label_selector=f"{_LABEL}=walk",
        )
        with events as watch:
            return [watch.next().type for _ in range(count)]


def contains(found: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; defaults and entries of others may be there, too."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and contains(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(contains(*pair) for pair in zip(found, wanted, strict=True))
    return bool(found == wanted)


def _operations(obj: Any, change: Obj, path: str = "") -> Iterator[Obj]:
    """A JSON patch that does what a merge patch without deletions does."""
    for key, value in change.items():
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        present = obj.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            yield from _operations(present, value, place)
        else:
            yield {"op": "add", "path": place, "value": value}
