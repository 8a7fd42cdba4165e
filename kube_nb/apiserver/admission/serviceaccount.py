"""ServiceAccount: every pod runs as one, and its token is mounted.

Models plugin/pkg/admission/serviceaccount/admission.go. Differs: enforce-mountable-secrets is not looked at.
"""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, Attributes
from kube_nb.machinery import errors, names, objects
from kube_nb.machinery.types import Obj

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
MIRROR = "kubernetes.io/config.mirror"
#: A token of an hour, and seven seconds by which those of admission are told from others.
EXPIRATION_S = 3607
#: How often, a tenth of a second apart, a default account is looked for that its controller is about to make.
_ATTEMPTS = 10


class ServiceAccount:
    """See the module's docstring."""

    name: ClassVar[str] = "ServiceAccount"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("pods",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        pod = attributes.new
        if MIRROR in objects.annotations(pod):
            return pod
        spec = pod["spec"]
        name = spec.get("serviceAccountName") or DEFAULT
        if spec.get("serviceAccountName") != name or spec.get("serviceAccount") != name:
            spec = {**spec, "serviceAccountName": name, "serviceAccount": name}
        account = await _account(attributes, name)
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec = {**spec, "imagePullSecrets": account["imagePullSecrets"]}
        if _mounts_token(spec, account):
            volume_name = names.generate_name("kube-api-access-", attributes.server.stream("volumes"))
            spec = _with_token(spec, volume_name)
        return {**pod, "spec": spec}

    async def validate(self, attributes: Attributes) -> None:
        pod = attributes.new
        if MIRROR in objects.annotations(pod):
            if (pod.get("spec") or {}).get("serviceAccountName"):
                raise errors.forbidden("pods", attributes.name, "a mirror pod may not reference service accounts")
            return
        await _account(attributes, pod["spec"]["serviceAccountName"])


async def _account(attributes: Attributes, name: str) -> Obj:
    """The account; 403 if it is not there."""
    accounts = attributes.server.cacher("serviceaccounts")
    for attempt in range(_ATTEMPTS if name == DEFAULT else 1):
        if attempt:
            await asyncio.sleep(0.1)
        entry = accounts.get(f"{attributes.namespace}/{name}")
        if entry is not None:
            return entry.obj
    why = f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
    raise errors.forbidden("pods", attributes.name, why)


def _mounts_token(spec: Obj, account: Obj) -> bool:
    for source in (spec, account):
        if source.get("automountServiceAccountToken") is not None:
            return bool(source["automountServiceAccountToken"])
    return True


def _with_token(spec: Obj, volume_name: str) -> Obj:
    """The spec with the token mounted in each container that has nothing of its own there."""
    changed: Obj = {}
    for field in ("initContainers", "containers"):
        containers = spec.get(field)
        if not containers:
            continue
        mounted = [_mounted(container, volume_name) for container in containers]
        if any(after is not before for after, before in zip(mounted, containers, strict=True)):
            changed[field] = mounted
    if not changed:
        return spec
    return {**spec, **changed, "volumes": [*(spec.get("volumes") or ()), _volume(volume_name)]}


def _mounted(container: Obj, volume_name: str) -> Obj:
    mounts = container.get("volumeMounts") or []
    if any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
        return container
    mount = {"name": volume_name, "readOnly": True, "mountPath": MOUNT_PATH}
    return {**container, "volumeMounts": [*mounts, mount]}


def _volume(name: str) -> Obj:
    """Models TokenVolumeSource: the token, the cluster's CA and the namespace in one folder."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    certificate = {"key": "ca.crt", "path": "ca.crt"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": EXPIRATION_S, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [certificate]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
