"""A webhook in a pod behind a service, with the endpoints of upstream's ``agnhost webhook``, and configurations for it.

A review that its endpoints are to refuse has "webhook-disallow" in it; one labelled "wait-forever" gets no answer.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from kube_nb import program
from kube_nb.cri import http
from tests.conformance.customresources import Custom, define, definition
from tests.conformance.scenario import Kube

Obj = dict[str, Any]
_IMAGE = "registry.k8s.io/e2e-test-images/sample-webhook"
_SERVICE = "e2e-test-webhook"
_PORT = 8443
_LABELS = {"app": "sample-webhook"}
MARK = "webhook-e2e-test"


# -- the program ---------------------------------------------------------------------------------------------------


def _denied(message: str) -> Obj:
    return {"allowed": False, "status": {"message": message}}


def _patched(*operations: Obj) -> Obj:
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(orjson.dumps(operations)).decode()}


def _pods(request: Obj) -> Obj:
    pod, faults = request["object"], []
    if any("webhook-disallow" in container["name"] for container in pod["spec"]["containers"]):
        faults.append("the pod contains unwanted container name; ")
    if (pod["metadata"].get("labels") or {}).get(MARK) == "webhook-disallow":
        faults.append("the pod contains unwanted label; ")
    return _denied("".join(faults)) if faults else {"allowed": True}


def _mutate_pods(request: Obj) -> Obj:
    init = {"image": "webhook-added-image", "name": "webhook-added-init-container", "resources": {}}
    return _patched({"op": "add", "path": "/spec/initContainers", "value": [init]})


def _data(request: Obj) -> Obj:
    return (request["object"] or request["oldObject"]).get("data") or {}


def _config_maps(request: Obj) -> Obj:
    unwanted = _data(request).get(MARK) == "webhook-disallow"
    return _denied("the configmap contains unwanted key and value") if unwanted else {"allowed": True}


def _mutate_data(request: Obj) -> Obj:
    """The second stage is added only if the first is there."""
    data = _data(request)
    stages = [stage for stage, before in (("1", "start"), ("2", "stage-1")) if f"mutation-{before}" in data]
    return _patched(*({"op": "add", "path": f"/data/mutation-stage-{stage}", "value": "yes"} for stage in stages))


def _custom_resource(request: Obj) -> Obj:
    unwanted = _data(request).get(MARK) == "webhook-disallow"
    return _denied("the custom resource contains unwanted data") if unwanted else {"allowed": True}


def _crd(request: Obj) -> Obj:
    unwanted = (request["object"]["metadata"].get("labels") or {}).get(MARK) == "webhook-disallow"
    return _denied("the crd contains unwanted label") if unwanted else {"allowed": True}


def _converted(obj: Obj, wanted: str) -> Obj:
    """``hostPort: a:1`` in v1 is ``host: a, port: "1"`` in v2."""
    found = {**obj, "apiVersion": wanted}
    if wanted.endswith("/v2"):
        found["host"], _, found["port"] = found.pop("hostPort").partition(":")
    else:
        found["hostPort"] = f"{found.pop('host')}:{found.pop('port', '')}"
    return found


def _convert(request: Obj) -> Obj:
    objects = [_converted(obj, request["desiredAPIVersion"]) for obj in request["objects"]]
    return {"convertedObjects": objects, "result": {"status": "Success"}}


def _attach(request: Obj) -> Obj:
    unwanted = request["operation"] == "CONNECT" and request["name"] == "to-be-attached-pod"
    return _denied("attaching to pod 'to-be-attached-pod' is not allowed") if unwanted else {"allowed": True}


_ENDPOINTS: Mapping[str, Callable[[Obj], Obj]] = {
    "/always-deny": lambda request: _denied("this webhook denies all requests"),
    "/always-allow-delay-5s": lambda request: {"allowed": True},
    "/add-label": lambda request: _patched({"op": "add", "path": "/metadata/labels", "value": {"added-label": "yes"}}),
    "/pods": _pods,
    "/mutating-pods": _mutate_pods,
    "/configmaps": _config_maps,
    "/mutating-configmaps": _mutate_data,
    "/custom-resource": _custom_resource,
    "/mutating-custom-resource": _mutate_data,
    "/crd": _crd,
    "/pods/attach": _attach,
    "/crdconvert": _convert,
}


@program("sample-webhook", _IMAGE)
async def sample_webhook(p: Any) -> None:
    async def handler(ask: http.Ask) -> http.Answer:
        review = orjson.loads(ask.body)
        request = review["request"]
        p.print(
            ask.path, request.get("operation"), (request.get("resource") or {}).get("resource"), request.get("name")
        )
        if ask.path.endswith("delay-5s"):
            await asyncio.sleep(5)
        labels = ((request.get("object") or {}).get("metadata") or {}).get("labels") or {}
        if labels.get(MARK) == "wait-forever":
            await asyncio.sleep(3600)
        response = {"uid": request["uid"], **_ENDPOINTS[ask.path](request)}
        answer = {"kind": review["kind"], "apiVersion": review["apiVersion"], "response": response}
        return http.Answer(200, orjson.dumps(answer), {"Content-Type": "application/json"})

    p.net.serve_http(_PORT, handler)
    await p.terminated()


# -- in the cluster ------------------------------------------------------------------------------------------------


class Webhooks:
    """The deployed webhook, and the registering of its endpoints for the scenario's namespace."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self.namespace = kube.namespace
        self._label = {f"{kube.namespace}-is-checked": "true"}
        kube.core.patch_namespace(kube.namespace, {"metadata": {"labels": self._label}})
        container = {"name": "sample-webhook", "image": f"{_IMAGE}:1.0", "ports": [{"containerPort": _PORT}]}
        template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}}
        self._namespace = kube.new_namespace("webhook")
        spec = {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": template}
        kube.apps.create_namespaced_deployment(
            self._namespace, {"metadata": {"name": "sample-webhook-deployment"}, "spec": spec}
        )
        ports = [{"protocol": "TCP", "port": _PORT, "targetPort": _PORT}]
        kube.core.create_namespaced_service(
            self._namespace, {"metadata": {"name": _SERVICE}, "spec": {"selector": _LABELS, "ports": ports}}
        )
        kube.until(
            kube.discovery.list_namespaced_endpoint_slice,
            lambda event: any(row.conditions.ready for row in event.object.endpoints or ()),
            self._namespace,
        )

    def log(self) -> str:
        """A line per review: endpoint, operation, resource, name."""
        [pod] = self._kube.core.list_namespaced_pod(self._namespace).items
        return str(self._kube.core.read_namespaced_pod_log(pod.metadata.name, self._namespace))

    def client(self, path: str) -> Obj:
        """A WebhookClientConfig for one endpoint."""
        bundle = base64.b64encode(self._kube.cluster.engine.authority.certificate).decode()
        service = {"namespace": self._namespace, "name": _SERVICE, "path": path, "port": _PORT}
        return {"service": service, "caBundle": bundle}

    def row(self, path: str, resource: str, operations: tuple[str, ...] = ("CREATE",), **fields: Any) -> Obj:
        """One webhook. resource: ``configmaps`` or ``e2e-tests.example.com/v1``; limited to marked namespaces."""
        plural, _, group_version = resource.partition(".")
        group, _, version = group_version.partition("/")
        rule = {
            "operations": list(operations),
            "apiGroups": [group],
            "apiVersions": [version or "v1"],
            "resources": [plural],
        }
        return {
            "name": f"{path.strip('/').replace('/', '-')}.k8s.io",
            "rules": [rule],
            "clientConfig": self.client(path),
            "sideEffects": "None",
            "admissionReviewVersions": ["v1", "v1beta1"],
            "namespaceSelector": {"matchLabels": self._label},
            **fields,
        }

    def validating(self, *rows: Obj, name: str = "", labels: Mapping[str, str] | None = None) -> Any:
        metadata = {"name": name or f"{self.namespace}-validating", "labels": labels or {}}
        body = {"metadata": metadata, "webhooks": list(rows)}
        return self._kube.admission.create_validating_webhook_configuration(body)

    def mutating(self, *rows: Obj, name: str = "", labels: Mapping[str, str] | None = None) -> Any:
        metadata = {"name": name or f"{self.namespace}-mutating", "labels": labels or {}}
        body = {"metadata": metadata, "webhooks": list(rows)}
        return self._kube.admission.create_mutating_webhook_configuration(body)


def convertible(kube: Kube) -> Custom:
    """A resource stored in v1 (hostPort), which the webhook converts to v2 (host, port) and back.

    Every field of a version selects in that version.
    """
    versions = {"v1": ("hostPort",), "v2": ("host", "port")}
    schemas = {
        version: {"type": "object", "properties": {field: {"type": "string"} for field in fields}}
        for version, fields in versions.items()
    }
    body = definition("e2e-tests", "stable.example.com", versions=schemas)
    for row in body["spec"]["versions"]:
        row["selectableFields"] = [{"jsonPath": f".{field}"} for field in versions[row["name"]]]
    webhook = {"clientConfig": Webhooks(kube).client("/crdconvert"), "conversionReviewVersions": ["v1", "v1beta1"]}
    body["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    return define(kube, body)
