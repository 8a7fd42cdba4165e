"""Static pods: from manifests on the node, with mirrors of them in the API.

Models pkg/kubelet/config and pkg/kubelet/pod.
"""

import hashlib
import logging

import orjson

from kube_nb.api.resources import PODS
from kube_nb.client import Client, Unreachable
from kube_nb.kubelet.record import MIRROR, PodRecord
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

SOURCE = "kubernetes.io/config.source"
HASH = "kubernetes.io/config.hash"
SEEN = "kubernetes.io/config.seen"

_log = logging.getLogger(__name__)


def is_mirror(pod: Obj) -> bool:
    return MIRROR in objects.annotations(pod)


def from_manifest(manifest: Obj, node: str, clock: Clock) -> Obj:
    """The pod that a kubelet makes of a manifest: named after the node, bound to it, its uid a hash of its content."""
    digest = hashlib.md5(orjson.dumps([node, manifest], option=orjson.OPT_SORT_KEYS)).hexdigest()
    meta = objects.metadata(manifest)
    annotations = {**(meta.get("annotations") or {}), HASH: digest, SEEN: clock.timestamp_micro(), SOURCE: "file"}
    spec = manifest["spec"]
    tolerations = [*(spec.get("tolerations") or ()), {"operator": "Exists", "effect": "NoExecute"}]
    uid = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **meta,
            "name": f"{meta['name']}-{node}",
            "namespace": meta.get("namespace") or "default",
            "uid": uid,
            "annotations": annotations,
            "creationTimestamp": clock.timestamp(),
            "generation": 1,
        },
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            **spec,
            "nodeName": node,
            "tolerations": tolerations,
        },
    }


class Mirrors:
    """Makes and removes the mirror pods. known: key -> the mirror as the API last showed it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.known: dict[str, Obj] = {}

    async def ensure(self, record: PodRecord, node: Obj | None) -> bool:
        """Make the mirror if it is not there or outdated; False if that has to be tried again."""
        key = f"{record.namespace}/{record.name}"
        digest = objects.annotations(record.pod)[HASH]
        mirror = self.known.get(key)
        try:
            if mirror is not None and (
                objects.is_deleting(mirror) or objects.annotations(mirror).get(MIRROR) != digest
            ):
                await self.delete(record)
                mirror = None
            if mirror is None:
                mirror = await self._create(record, digest, node)
        except Unreachable:
            return False
        except ApiError as error:
            if error.code != 409:
                _log.debug("Failed creating a mirror pod", extra={"pod": key, "err": str(error)})
                return False
            mirror = await self._client.get(PODS, record.name, record.namespace)
        self.known[key] = mirror
        record.mirror_uid = objects.uid(mirror)
        return True

    async def _create(self, record: PodRecord, digest: str, node: Obj | None) -> Obj:
        meta = {k: v for k, v in record.pod["metadata"].items() if k in ("name", "namespace", "labels")}
        meta["annotations"] = {**objects.annotations(record.pod), MIRROR: digest}
        if node is not None:
            meta["ownerReferences"] = [{**objects.owner_reference(node, controller=False), "controller": True}]
        return await self._client.create(
            PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": record.pod["spec"]}
        )

    async def delete(self, record: PodRecord) -> None:
        """Remove the mirror of a pod whose manifest is gone or has changed."""
        mirror = self.known.pop(f"{record.namespace}/{record.name}", None)
        if mirror is None:
            return
        try:
            await self._client.delete(PODS, record.name, record.namespace, grace_period_s=0, uid=objects.uid(mirror))
        except Unreachable as error:
            _log.warning("Mirror pod was not removed, pod=%s, err=%s", record.name, error)
        except ApiError as error:
            if error.code not in (404, 409):
                _log.warning("Mirror pod was not removed, pod=%s, err=%s", record.name, error)
