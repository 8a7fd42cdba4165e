"""Pod templates: whether two are the same, and a short name for one."""

import hashlib

import orjson

from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

HASH_LABEL = "pod-template-hash"


def labels_of(template: Obj) -> dict[str, str]:
    return (template.get("metadata") or {}).get("labels") or {}


def equal(one: Obj, other: Obj) -> bool:
    """Whether they are the same but for the hash label. Models EqualIgnoreHash."""
    if one["spec"] != other["spec"]:
        return False
    return _bare(one) == _bare(other)


def _bare(template: Obj) -> Obj:
    """metadata without the hash label and without what is empty or never filled in a template."""
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    metadata.pop("creationTimestamp", None)
    if HASH_LABEL in metadata.get("labels", ()):
        metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key != HASH_LABEL}
    return metadata


def hash_of(template: Obj, collisions: int | None) -> str:
    """What sets the ReplicaSets of one Deployment apart: ``6b474476c4``.

    collisions: the Deployment's status.collisionCount. Models ComputeHash. Differs: hashes the canonical JSON, not
    Go's memory layout, so the values are other ones.
    """
    digest = hashlib.blake2s(orjson.dumps(template, option=orjson.OPT_SORT_KEYS), digest_size=4)
    if collisions is not None:
        digest.update(collisions.to_bytes(8, "little"))
    return names.safe_encode(str(int.from_bytes(digest.digest(), "big")))


def with_hash(template: Obj, hash: str) -> Obj:
    """The template with the hash among its labels."""
    metadata = template.get("metadata") or {}
    return {**template, "metadata": {**metadata, "labels": {**labels_of(template), HASH_LABEL: hash}}}


def selector_with_hash(selector: Obj, hash: str) -> Obj:
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: hash}}


def replica_set_name(deployment_name: str, hash: str) -> str:
    """``web-6b474476c4``; the Deployment's part is cut so that the whole is a valid name."""
    return f"{deployment_name[: 253 - len(hash) - 1]}-{hash}"
