"""Subresources that do something of their own, in a table.

Models pkg/registry/core/pod/storage (binding, eviction), pkg/registry/core/namespace/storage (finalize) and
pkg/registry/apps/*/storage (scale).
"""

from dataclasses import replace

from kube_nb.apiserver import (
    componentstatuses,
    connecting,
    connections,
    decode,
    deleting,
    eviction,
    rendering,
    reviews,
    scaling,
    typed,
    writing,
)
from kube_nb.apiserver.admission import CREATE, Attributes
from kube_nb.apiserver.authn import tokens
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.handlers import Handler, delete_namespace
from kube_nb.machinery import errors, objects
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


async def bind(call: Call) -> Response:
    """POST pods/NAME/binding: the pod gets its node, once. Models BindingREST.setPodHostAndAnnotations."""
    return await bind_pod(call, typed.read(call))


async def bindings(call: Call) -> Response:
    """POST bindings, the older way: the pod's name is in the body."""
    body = typed.read(call)
    pods = call.server.resource("", "v1", "pods")
    info = replace(call.info, resource="pods", name=objects.name(body), subresource="binding")
    other = replace(call, info=info)
    other.resource = pods
    return await bind_pod(other, body)


async def bind_pod(call: Call, binding: Obj) -> Response:
    name, server = call.info.name, call.server
    target = binding.get("target") or {}
    if objects.name(binding) not in ("", name):
        raise errors.bad_request(f"name in URL does not match name in Binding object: {name}")
    if target.get("kind", "Node") not in ("", "Node"):
        fault = errors.FieldError(
            errors.NOT_SUPPORTED, "target.kind", target["kind"], 'supported values: "Node", "<empty>"'
        )
        raise errors.invalid("Binding", "", name, [fault])
    if not target.get("name"):
        raise errors.invalid("Binding", "", name, [errors.FieldError(errors.REQUIRED, "target.name", "")])
    binding = await server.admission.admitted(Attributes(CREATE, call, binding, None))
    entry = await server.storage.get(call.resource.cacher, call.key)
    if entry is None:
        raise call.not_found()
    pod = _bound(call, entry.obj, binding, target["name"])
    if not call.dry_run:
        written = await server.write(call.resource, call.key, pod, entry.revision)
        if written is None:
            return await bind_pod(call, binding)
    return Response(201, obj=SUCCESS)


def _bound(call: Call, pod: Obj, binding: Obj, node: str) -> Obj:
    metadata, spec = pod["metadata"], pod["spec"]
    name = call.info.name
    uid = objects.uid(binding)
    if uid and uid != metadata["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata['uid']}"
        raise errors.conflict("pods/binding", name, why)
    if metadata.get("deletionTimestamp"):
        raise errors.conflict("pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise errors.conflict("pods/binding", name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise errors.conflict("pods/binding", name, f"pod {name} has non-empty .spec.schedulingGates")
    for field in ("annotations", "labels"):
        more = (binding.get("metadata") or {}).get(field)
        if more:
            metadata = {**metadata, field: {**(metadata.get(field) or {}), **more}}
    status = pod.get("status") or {}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    conditions = [row for row in status.get("conditions") or () if row.get("type") != "PodScheduled"]
    conditions.append({**scheduled, "lastTransitionTime": call.server.clock.timestamp()})
    bound = {
        **pod,
        "metadata": metadata,
        "spec": {**spec, "nodeName": node},
        "status": {**status, "conditions": conditions},
    }
    return writing.with_generation(call, bound, pod) if spec.get("nodeName") else bound


async def finalize(call: Call) -> Response:
    """PUT namespaces/NAME/finalize: spec.finalizers change, and with the last one the namespace goes."""
    body = typed.decode(call, decode.of_kind(call.request, call.resource.kind.kind))
    entry = await call.server.storage.get(call.resource.cacher, call.key)
    if entry is None:
        raise call.not_found()
    wanted = objects.resource_version(body)
    if wanted and wanted != objects.resource_version(entry.obj):
        raise errors.conflict("namespaces", call.info.name, errors.OBJECT_WAS_MODIFIED)
    spec = {**(entry.obj.get("spec") or {}), "finalizers": (body.get("spec") or {}).get("finalizers") or []}
    obj = {**entry.obj, "spec": spec}
    done = not spec["finalizers"] and objects.is_deleting(obj) and not objects.finalizers(obj)
    if done and await deleting.remove(call, obj, entry.revision):
        return rendering.one(call, obj)
    written = await call.server.write(call.resource, call.key, obj, entry.revision)
    if written is None:
        raise errors.conflict("namespaces", call.info.name, errors.OBJECT_WAS_MODIFIED)
    return rendering.one(call, written)


#: Whole resources with a verb of their own: (group resource, verb).
RESOURCES: dict[tuple[str, str], Handler] = {
    ("bindings", "create"): bindings,
    ("componentstatuses", "get"): componentstatuses.get,
    ("componentstatuses", "list"): componentstatuses.list_,
    ("namespaces", "delete"): delete_namespace,
    ("tokenreviews.authentication.k8s.io", "create"): reviews.token_review,
    ("selfsubjectreviews.authentication.k8s.io", "create"): reviews.self_subject_review,
    ("selfsubjectaccessreviews.authorization.k8s.io", "create"): reviews.self_subject_access_review,
    ("subjectaccessreviews.authorization.k8s.io", "create"): reviews.subject_access_review,
    ("localsubjectaccessreviews.authorization.k8s.io", "create"): reviews.subject_access_review,
    ("selfsubjectrulesreviews.authorization.k8s.io", "create"): reviews.self_subject_rules_review,
}

#: (group resource, subresource), ``*`` for any resource. The verbs are those of the kind's row.
HANDLERS: dict[tuple[str, str], Handler] = {
    ("pods", "binding"): bind,
    ("pods", "eviction"): eviction.evict,
    ("pods", "log"): connecting.log,
    ("pods", "exec"): connections.admitted(connecting.exec_),
    ("pods", "attach"): connections.admitted(connecting.attach),
    ("pods", "portforward"): connections.admitted(connecting.port_forward),
    ("pods", "proxy"): connections.admitted(connecting.pod_proxy),
    ("services", "proxy"): connections.admitted(connecting.service_proxy),
    ("nodes", "proxy"): connections.admitted(connecting.node_proxy),
    ("namespaces", "finalize"): finalize,
    ("serviceaccounts", "token"): tokens.request_token,
    ("*", "scale"): scaling.scale,
}
