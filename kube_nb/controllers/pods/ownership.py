"""Adoption and release: which of the candidates an owner controls, by controllerRef and selector.

Models pkg/controller/controller_ref_manager.go.
"""

from collections.abc import Iterable

from kube_nb.client import Client, errors
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.labels import Selector
from kube_nb.machinery.types import Obj


class Claims:
    """One owner's claims on objects of one resource, for one reconcile.

    finalizers: what an adopted object gets besides the reference. Raises the first refusal after all were tried.
    """

    def __init__(
        self,
        client: Client,
        owner: Obj,
        owner_gvr: GVR,
        selector: Selector,
        gvr: GVR,
        *,
        finalizers: tuple[str, ...] = (),
    ) -> None:
        self._client = client
        self._owner = owner
        self._owner_gvr = owner_gvr
        self._selector = selector
        self._gvr = gvr
        self._finalizers = finalizers
        self._may_adopt: bool | None = None
        self._uid = objects.uid(owner)
        self._deleting = objects.is_deleting(owner)

    async def claim(self, candidates: Iterable[Obj]) -> list[Obj]:
        """Those that are the owner's: kept, or adopted just now. What no longer matches is released."""
        claimed: list[Obj] = []
        failure: ApiError | None = None
        for candidate in candidates:
            if self._has(candidate):
                claimed.append(candidate)
                continue
            try:
                if await self._claim(candidate):
                    claimed.append(candidate)
            except ApiError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return claimed

    def _has(self, candidate: Obj) -> bool:
        """Whether it is the owner's and stays so: the rule, and thousands in one reconcile."""
        reference = objects.owner(candidate)
        return (
            reference is not None
            and reference["uid"] == self._uid
            and self._selector.matches(candidate["metadata"].get("labels"))
        )

    async def _claim(self, candidate: Obj) -> bool:
        reference = objects.owner(candidate)
        matches = self._selector.matches(objects.labels(candidate))
        if reference is not None:
            if reference["uid"] != self._uid:
                return False
            if not matches and not self._deleting:
                await self._release(candidate)
            return matches
        if self._deleting or not matches or objects.is_deleting(candidate):
            return False
        return await self._adopt(candidate)

    async def _adopt(self, candidate: Obj) -> bool:
        if not await self._owner_may_adopt():
            return False
        reference = objects.owner_reference(self._owner)
        metadata: Obj = {"uid": objects.uid(candidate), "ownerReferences": [reference]}
        if self._finalizers:
            metadata["finalizers"] = list(self._finalizers)
        return await self._patch(candidate, metadata)

    async def _release(self, candidate: Obj) -> bool:
        metadata: Obj = {
            "uid": objects.uid(candidate),
            "ownerReferences": [{"$patch": "delete", "uid": self._uid}],
        }
        if self._finalizers:
            metadata["$deleteFromPrimitiveList/finalizers"] = list(self._finalizers)
        return await self._patch(candidate, metadata, ignore_invalid=True)

    async def _patch(self, candidate: Obj, metadata: Obj, *, ignore_invalid: bool = False) -> bool:
        """False if the candidate is gone."""
        name, namespace = objects.name(candidate), objects.namespace(candidate)
        try:
            await self._client.patch(self._gvr, name, {"metadata": metadata}, namespace, type="strategic")
        except ApiError as error:
            if errors.is_not_found(error) or (ignore_invalid and error.reason == "Invalid"):
                return False
            raise
        return True

    async def _owner_may_adopt(self) -> bool:
        """Ask the server, not the cache, whether the owner still is there and wanted; once."""
        if self._may_adopt is None:
            try:
                fresh = await self._client.get(
                    self._owner_gvr, objects.name(self._owner), objects.namespace(self._owner)
                )
            except ApiError as error:
                if not errors.is_not_found(error):
                    raise
                self._may_adopt = False
            else:
                self._may_adopt = objects.uid(fresh) == self._uid and not objects.is_deleting(fresh)
        return self._may_adopt
