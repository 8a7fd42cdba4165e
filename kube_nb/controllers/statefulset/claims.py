"""The volume claims of stateful pods: made before their pod, kept or handed over as the set's policy says.

persistentVolumeClaimRetentionPolicy works through ownerReferences, so that the garbage collector does the deleting:

| whenScaled | whenDeleted | the claim of a pod in range is owned by | of a pod scaled away |
|---|---|---|---|
| Retain | Retain | nobody | nobody |
| Retain | Delete | the set | the set |
| Delete | Retain | nobody | its pod |
| Delete | Delete | the set | its pod |

Models pkg/controller/statefulset/stateful_pod_control.go and stateful_set_utils.go.
"""

from collections.abc import Iterator

from kube_nb.api import resources
from kube_nb.client import Client, EventRecorder, Informer, errors
from kube_nb.controllers.statefulset import identity
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

_KINDS = ("StatefulSet", "Pod")


class ClaimsNotReady(Exception):
    """Some claims of a pod could not be made; the messages of all, joined."""


class ClaimControl:
    """Makes and hands over claims, with events on the set. informer: of PersistentVolumeClaims."""

    def __init__(self, client: Client, informer: Informer, recorder: EventRecorder) -> None:
        self._client = client
        self._claims = informer
        self._recorder = recorder

    async def create_missing(self, stateful_set: Obj, pod: Obj) -> None:
        """Raises `ClaimsNotReady` after all were tried."""
        failures: list[str] = []
        for wanted in _claims_of(stateful_set, pod):
            found = self._find(wanted)
            name = objects.name(wanted)
            if found is not None:
                if objects.is_deleting(found):
                    failures.append(f"pvc {name} is being deleted")
                continue
            try:
                await self._client.create(resources.PERSISTENT_VOLUME_CLAIMS, wanted)
            except ApiError as error:
                failures.append(f"failed to create PVC {name}: {error}")
                if not errors.is_already_exists(error):
                    self._say(stateful_set, pod, name, error)
            else:
                self._say(stateful_set, pod, name, None)
        if failures:
            raise ClaimsNotReady(failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]")

    def are_stale(self, stateful_set: Obj, pod: Obj) -> bool:
        """Whether a claim still belongs to an earlier pod of this name: it will be deleted with that, so wait."""
        if _policy(stateful_set)[0] == "Retain":
            return False
        found = (self._find(wanted) for wanted in _claims_of(stateful_set, pod))
        return any(
            reference["kind"] == "Pod"
            and reference["name"] == objects.name(pod)
            and reference["uid"] != objects.uid(pod)
            for claim in found
            if claim is not None
            for reference in objects.owner_references(claim)
        )

    async def hand_over(self, stateful_set: Obj, pod: Obj) -> None:
        """Give each claim of the pod the owner that the policy asks for, where it differs."""
        for wanted in _claims_of(stateful_set, pod):
            claim = self._find(wanted)
            if claim is None or _is_controlled_by_others(claim, stateful_set, pod):
                continue
            references = _owners(stateful_set, pod, claim)
            if references != list(objects.owner_references(claim)):
                changed = objects.with_metadata(claim, ownerReferences=references)
                await self._client.update(resources.PERSISTENT_VOLUME_CLAIMS, changed)

    def _find(self, claim: Obj) -> Obj | None:
        return self._claims.get(objects.namespace(claim), objects.name(claim))

    def _say(self, stateful_set: Obj, pod: Obj, claim: str, error: Exception | None) -> None:
        names = f"Claim {claim} Pod {objects.name(pod)} in StatefulSet {objects.name(stateful_set)}"
        if error is None:
            self._recorder.event(stateful_set, "Normal", "SuccessfulCreate", f"create {names} success")
        else:
            names = names.replace(" Pod ", " for Pod ", 1)
            self._recorder.event(stateful_set, "Warning", "FailedCreate", f"create {names} failed error: {error}")


def _claims_of(stateful_set: Obj, pod: Obj) -> Iterator[Obj]:
    """What the templates make for a pod."""
    matched = stateful_set["spec"]["selector"].get("matchLabels") or {}
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        given = template["metadata"]
        metadata = {
            **given,
            "name": identity.claim_name(stateful_set, template, identity.ordinal(pod)),
            "namespace": objects.namespace(stateful_set),
            "labels": {**(given.get("labels") or {}), **matched},
        }
        yield {**template, "metadata": metadata}


def _policy(stateful_set: Obj) -> tuple[str, str]:
    """(whenScaled, whenDeleted)"""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenScaled") or "Retain", policy.get("whenDeleted") or "Retain"


def _is_controlled_by_others(claim: Obj, stateful_set: Obj, pod: Obj) -> bool:
    reference = objects.owner(claim)
    return reference is not None and not _names(reference, stateful_set, pod)


def _names(reference: Obj, stateful_set: Obj, pod: Obj) -> bool:
    """Whether it is a reference to the set or to the pod, of whichever incarnation."""
    wanted = dict(zip(_KINDS, (objects.name(stateful_set), objects.name(pod)), strict=True))
    return reference["kind"] in wanted and reference["name"] == wanted[reference["kind"]]


def _owners(stateful_set: Obj, pod: Obj, claim: Obj) -> list[Obj]:
    """The ownerReferences that the claim should have: others' as they are, then the one of the policy."""
    others = [each for each in objects.owner_references(claim) if not _names(each, stateful_set, pod)]
    scaled, deleted = _policy(stateful_set)
    in_range = identity.ordinal(pod) in identity.ordinals(stateful_set)
    if scaled == "Delete" and not in_range:
        return [*others, objects.owner_reference(pod)]
    if deleted == "Delete":
        return [*others, objects.owner_reference(stateful_set)]
    return others
