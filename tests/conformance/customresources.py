"""CustomResourceDefinitions for scenarios, as upstream's test/utils/crd makes them."""

import copy
from collections.abc import Mapping
from typing import Any

from tests.conformance.scenario import Kube

Obj = dict[str, Any]
#: Anything goes; what a CRD needs that says nothing of its fields.
OPEN: Obj = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(
    plural: str = "e2e-tests",
    group: str = "crd-test.example.com",
    *,
    versions: Mapping[str, Obj] | None = None,
    kind: str = "E2eTest",
    scope: str = "Namespaced",
    **version_fields: Any,
) -> Obj:
    """A definition. versions: name -> its schema, the first one is stored. version_fields: put into each version."""
    rows = [
        {
            "name": name,
            "served": True,
            "storage": number == 0,
            "schema": {"openAPIV3Schema": copy.deepcopy(schema)},
            **version_fields,
        }
        for number, (name, schema) in enumerate((versions or {"v1": OPEN}).items())
    ]
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": scope, "names": names, "versions": rows},
    }


class Custom:
    """The custom resource of one definition, in the scenario's namespace if it is namespaced."""

    def __init__(self, kube: Kube, body: Obj, version: str = "") -> None:
        self._kube = kube
        spec = body["spec"]
        self.name = body["metadata"]["name"]
        self.group = spec["group"]
        self.version = version or spec["versions"][0]["name"]
        self.plural = spec["names"]["plural"]
        self.kind = spec["names"]["kind"]
        self.namespaced = spec["scope"] == "Namespaced"
        self.api_version = f"{self.group}/{self.version}"

    def at(self, version: str) -> "Custom":
        """The same resource in another version."""
        other = copy.copy(self)
        other.version, other.api_version = version, f"{self.group}/{version}"
        return other

    @property
    def where(self) -> tuple[str, ...]:
        """The leading arguments of CustomObjectsApi's methods, the plural last."""
        namespace = (self._kube.namespace,) if self.namespaced else ()
        return (self.group, self.version, *namespace, self.plural)

    @property
    def path(self) -> str:
        namespace = f"/namespaces/{self._kube.namespace}" if self.namespaced else ""
        return f"/apis/{self.api_version}{namespace}/{self.plural}"

    def _method(self, verb: str, suffix: str = "") -> Any:
        scope = "namespaced" if self.namespaced else "cluster"
        return getattr(self._kube.custom, f"{verb}_{scope}_custom_object{suffix}")

    def body(self, name: str, **fields: Any) -> Obj:
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": name}, **fields}

    def create(self, name: str, **fields: Any) -> Any:
        return self._method("create")(*self.where, self.body(name, **fields))

    def read(self, name: str) -> Any:
        return self._method("get")(*self.where, name)

    def patch(self, name: str, body: Any) -> Any:
        return self._method("patch")(*self.where, name, body)

    def replace(self, name: str, body: Any) -> Any:
        return self._method("replace")(*self.where, name, body)

    def delete(self, name: str) -> Any:
        return self._method("delete")(*self.where, name)

    @property
    def list(self) -> Any:
        return self._method("list")


def define(kube: Kube, body: Obj) -> Custom:
    """Create a definition and wait until it is served."""
    kube.extensions.create_custom_resource_definition(body)
    name = body["metadata"]["name"]

    def established(event: Any) -> bool:
        rows = event.object.status.conditions if event.object.status else None
        return any(row.type == "Established" and row.status == "True" for row in rows or ())

    kube.until(kube.extensions.list_custom_resource_definition, established, field_selector=f"metadata.name={name}")
    return Custom(kube, body)
