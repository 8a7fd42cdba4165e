"""ControllerRevisions: what a set's template was, for rolling updates and ``kubectl rollout undo``.

Models pkg/controller/history/controller_history.go and pkg/controller/daemon/update.go.
"""

import hashlib
from collections.abc import Sequence

import orjson

from kube_nb.api import resources
from kube_nb.client import Client, errors
from kube_nb.machinery import names, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: On pods, and on a DaemonSet's revisions; StatefulSets' revisions have the other.
HASH_LABEL = "controller-revision-hash"
PLAIN_HASH_LABEL = "controller.kubernetes.io/hash"


class HashCollision(Exception):
    """Another revision has the name that this one would get: count it and look again."""


def data_of(template: Obj) -> Obj:
    """The patch that brings the template back."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def hash_of(data: Obj, collisions: int) -> str:
    """Differs: hashes the canonical JSON, so the values are not those of Go."""
    digest = hashlib.blake2s(orjson.dumps(data, option=orjson.OPT_SORT_KEYS), digest_size=4)
    if collisions:
        digest.update(collisions.to_bytes(8, "little"))
    return names.safe_encode(str(int.from_bytes(digest.digest(), "big")))


def hash_label(obj: Obj) -> str:
    return objects.labels(obj).get(HASH_LABEL, "")


def _order(revision: Obj) -> tuple[int, str, str]:
    return revision["revision"], objects.creation_timestamp(revision), objects.name(revision)


async def current(
    client: Client, owner: Obj, revisions: Sequence[Obj], collisions: int, *, hash_label: str = HASH_LABEL
) -> tuple[Obj, list[Obj]]:
    """(the revision of the owner's template, made or renumbered to be the newest; the others, oldest first).

    Raises `HashCollision` if another template has its name."""
    data = data_of(owner["spec"]["template"])
    in_order = sorted(revisions, key=_order)
    same = [revision for revision in in_order if revision["data"] == data]
    others = [revision for revision in in_order if revision["data"] != data]
    number = max((revision["revision"] for revision in others), default=0) + 1
    if not same:
        return await _create(client, owner, data, number, collisions, hash_label), others
    newest = same[-1]
    if newest["revision"] < number:
        newest = await client.update(resources.CONTROLLER_REVISIONS, {**newest, "revision": number})
    return newest, others + same[:-1]


async def _create(client: Client, owner: Obj, data: Obj, number: int, collisions: int, hash_label: str) -> Obj:
    hash = hash_of(data, collisions)
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    annotations = {key: value for key, value in objects.annotations(owner).items() if "last-applied" not in key}
    name = f"{objects.name(owner)[:223]}-{hash}"
    metadata: Obj = {
        "name": name,
        "namespace": objects.namespace(owner),
        "labels": {**labels, hash_label: hash},
        "ownerReferences": [objects.owner_reference(owner)],
    }
    if annotations:
        metadata["annotations"] = annotations
    revision: Obj = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }
    try:
        return await client.create(resources.CONTROLLER_REVISIONS, revision)
    except ApiError as error:
        if not errors.is_already_exists(error):
            raise
    there = await client.get(resources.CONTROLLER_REVISIONS, name, objects.namespace(owner))
    if there["data"] == data:
        return there
    raise HashCollision(name)


async def clean_up(client: Client, idle: Sequence[Obj], limit: int) -> None:
    """Delete the oldest revisions beyond the limit. idle: those that no pod has, oldest first."""
    for revision in idle[: max(0, len(idle) - limit)]:
        name, namespace = objects.name(revision), objects.namespace(revision)
        try:
            await client.delete(resources.CONTROLLER_REVISIONS, name, namespace)
        except ApiError as error:
            if not errors.is_not_found(error):
                raise
