import copy
from collections.abc import Callable
from typing import Any

import pytest

from kube_nb.api.schema import Schema, schemas, strict_error
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "nginx",
                        "image": "nginx:1.25",
                        "ports": [{"containerPort": 80}],
                        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    }
                ]
            },
        },
    },
}


def deployment_schema() -> Schema:
    schema = schemas().for_gvk(GVK("apps", "v1", "Deployment"))
    assert schema is not None
    return schema


def changed(change: Callable[[Any], object]) -> Obj:
    obj = copy.deepcopy(DEPLOYMENT)
    change(obj)
    return obj


def container(obj: Any) -> Any:
    return obj["spec"]["template"]["spec"]["containers"][0]


def test_a_sound_object_is_handed_back_as_it_is() -> None:
    decoded, unknown = deployment_schema().decode(DEPLOYMENT)
    assert decoded is DEPLOYMENT
    assert unknown == []


def test_what_equals_the_stored_object_is_taken_from_it() -> None:
    stored = copy.deepcopy(DEPLOYMENT)
    decoded, _ = deployment_schema().decode(changed(lambda obj: obj["metadata"].update(name="other")), stored)
    assert decoded["spec"] is stored["spec"]
    assert decoded["metadata"]["name"] == "other"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda obj: obj["spec"].update(replicas="three"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="a string for a number",
        ),
        pytest.param(
            lambda obj: obj["spec"].update(replicas=1.5),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="a fraction for an integer",
        ),
        pytest.param(
            lambda obj: obj["spec"].update(replicas=1 << 31),
            "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="a number beyond 32 bits",
        ),
        pytest.param(
            lambda obj: container(obj)["ports"][0].update(containerPort="80"),
            "json: cannot unmarshal string into Go struct field "
            "ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
            id="deep in lists, the path has no indexes",
        ),
        pytest.param(
            lambda obj: container(obj).update(args=[1]),
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.args "
            "of type string",
            id="a number among strings",
        ),
        pytest.param(
            lambda obj: container(obj).update(imagePullPolicy=1),
            "json: cannot unmarshal number into Go struct field "
            "Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy",
            id="a named string type",
        ),
        pytest.param(
            lambda obj: obj["metadata"].update(labels={"a": 1}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
            id="a number as a label",
        ),
        pytest.param(
            lambda obj: obj["spec"]["template"]["spec"].update(containers={}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers "
            "of type []v1.Container",
            id="an object for a list",
        ),
        pytest.param(
            lambda obj: container(obj)["resources"].update(limits={"cpu": "abc"}),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            id="no quantity",
        ),
        pytest.param(
            lambda obj: container(obj)["readinessProbe"]["httpGet"].update(port=True),
            "json: cannot unmarshal bool into Go value of type int32",
            id="neither int nor string",
        ),
    ],
)
def test_a_wrong_type_is_refused_in_go_s_words(change: Callable[[Any], object], message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        deployment_schema().decode(changed(change))
    assert refusal.value.code == 400
    assert refusal.value.message == f'Deployment in version "v1" cannot be handled as a Deployment: {message}'


def test_unknown_fields_are_dropped_and_named_with_their_paths() -> None:
    obj = changed(lambda obj: (obj["spec"].update(foo=1), container(obj).update(imagee="x")))
    decoded, unknown = deployment_schema().decode(obj)
    assert decoded == DEPLOYMENT
    assert sorted(unknown) == [
        'unknown field "spec.foo"',
        'unknown field "spec.template.spec.containers[0].imagee"',
    ]
    assert "foo" in obj["spec"]


def test_a_strict_refusal_lists_all_faults() -> None:
    error = strict_error(GVK("apps", "v1", "Deployment"), ['unknown field "a"', 'duplicate field "b"'])
    assert error.message == (
        'Deployment in version "v1" cannot be handled as a Deployment: '
        'strict decoding error: unknown field "a", duplicate field "b"'
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param({"image": "x", "command": None}, {"image": "x"}, id="null"),
        pytest.param({"image": "x", "env": []}, {"image": "x"}, id="an empty list"),
        pytest.param({"image": ""}, {}, id="an empty string"),
        pytest.param({"tty": False}, {}, id="false where Go has no pointer"),
        pytest.param(
            {"ports": [{"containerPort": 0, "hostPort": 0}]},
            {"ports": [{"containerPort": 0}]},
            id="zero unless required",
        ),
        pytest.param({"securityContext": {}}, {"securityContext": {}}, id="an empty struct stays"),
        pytest.param(
            {"securityContext": {"privileged": False}}, {"securityContext": {"privileged": False}}, id="pointers stay"
        ),
        pytest.param(
            {"resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}},
            {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}},
            id="quantities become canonical",
        ),
        pytest.param({"args": ["a", None]}, {"args": ["a", ""]}, id="null among strings"),
    ],
)
def test_an_object_is_kept_as_go_would_write_it(given: Obj, kept: Obj) -> None:
    schema = schemas().of("io.k8s.api.core.v1.Container")
    assert schema.decode(given)[0] == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-01-01T00:00:05Z", "2026-01-01T00:00:05Z"),
        ("2026-01-01T01:00:05.25+01:00", "2026-01-01T00:00:05Z"),
    ],
)
def test_times_are_kept_in_whole_seconds_of_utc(given: str, kept: str) -> None:
    schema = schemas().of("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    assert schema.decode({"creationTimestamp": given})[0] == {"creationTimestamp": kept}


@pytest.mark.parametrize(
    ("data", "message"),
    [("%%%%", "illegal base64 data at input byte 0"), ("YWJ", "illegal base64 data at input byte 0")],
)
def test_secret_data_must_be_base64(data: str, message: str) -> None:
    schema = schemas().for_gvk(GVK("", "v1", "Secret"))
    assert schema is not None
    with pytest.raises(ApiError, match=message):
        schema.decode({"kind": "Secret", "apiVersion": "v1", "data": {"key": data}})


def test_patches_find_list_keys_and_merge_rules() -> None:
    spec = deployment_schema().field("spec")
    assert spec is not None
    containers = spec.field("template").field("spec").field("containers")  # type: ignore[union-attr]  # they exist
    assert containers is not None
    assert (containers.kind, containers.list_type, containers.map_keys) == ("list", "map", ("name",))
    assert (containers.merge_key, containers.patch_strategy) == ("name", {"merge"})
    ports = containers.element().field("ports")  # type: ignore[union-attr]  # they exist
    assert ports is not None
    assert ports.map_keys == ("containerPort", "protocol")
    assert ports.default_for("protocol") == "TCP"
    assert ports.default_for("containerPort") is None


def test_a_crd_s_own_recursive_schema_is_decoded() -> None:
    schema = schemas().of("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    given = {"properties": {"a": {"items": {"type": "string", "foo": 1}}}, "additionalProperties": True}
    decoded, unknown = schema.decode(given)
    assert decoded["properties"]["a"]["items"] == {"type": "string"}
    assert decoded["additionalProperties"] is True
    assert len(unknown) <= 1


def test_an_object_too_deep_is_refused_not_chewed_on() -> None:
    schema = schemas().of("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    deep: Obj = {}
    for _ in range(5000):
        deep = {"not": deep}
    with pytest.raises(ApiError, match="exceeded max depth"):
        schema.decode(deep)


def test_a_null_amount_reads_as_zero():
    quota = schemas().for_gvk(GVK("", "v1", "ResourceQuota"))
    assert quota is not None
    obj, _ = quota.decode({"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": None}}})
    assert obj["spec"]["hard"] == {"pods": "0"}
