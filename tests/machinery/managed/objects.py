"""Objects and shorthands for the tests of field ownership."""

from tests.machinery import openapi

DEPLOYMENT = openapi.kind("apps.v1.Deployment")
POD = openapi.kind("core.v1.Pod")
CONFIG_MAP = openapi.kind("core.v1.ConfigMap")


def config_map(data=None, **metadata):
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default", **metadata}}
    return obj if data is None else {**obj, "data": data}


def deployment(replicas=None, labels=None, containers=(), **spec):
    metadata = {"name": "web", "namespace": "default", **({"labels": labels} if labels is not None else {})}
    if replicas is not None:
        spec["replicas"] = replicas
    if containers:
        spec["template"] = {"spec": {"containers": [dict(container) for container in containers]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def stored(obj):
    """As the server keeps it: with a uid."""
    return {**obj, "metadata": {**obj["metadata"], "uid": "u1"}}


def rows(obj):
    return obj["metadata"].get("managedFields", [])


def owners(obj):
    """{(manager, operation): FieldsV1} of an object."""
    return {(row["manager"], row["operation"]): row["fieldsV1"] for row in rows(obj)}


def times(obj):
    return {row["manager"]: row.get("time") for row in rows(obj)}


def bare(obj):
    """The object without its managedFields and uid."""
    hidden = ("managedFields", "uid")
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name not in hidden}}
