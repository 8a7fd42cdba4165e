"""`TokensController`: a Secret of type kubernetes.io/service-account-token holds its account's token while both live.

Models pkg/controller/serviceaccount/tokens_controller.go.
"""

import base64
import contextlib
from collections.abc import Iterator

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "serviceaccount-token-controller"
TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"


class TokensController:
    """A key is a secret of that type."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._token = context.options.token
        self._root_ca = context.options.root_ca
        self._secrets = context.informers.informer(resources.SECRETS, field_selector=f"type={TYPE}")
        self._accounts = context.informer(resources.SERVICE_ACCOUNTS)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        #: Secrets that are gone, until their accounts do not name them any more.
        self._gone: dict[str, Obj] = {}
        self._secrets.add_handler(
            self._controller.enqueue, lambda old, new: self._controller.enqueue(new), self._deleted
        )
        self._accounts.add_handler(on_delete=self._account_gone)

    async def run(self) -> None:
        """Returns at once if there is no key to sign with."""
        if self._token is None:
            return
        await self._accounts.wait_synced()
        await self._secrets.wait_synced()
        await self._controller.run()

    def _deleted(self, secret: Obj) -> None:
        self._gone[objects.key(secret)] = secret
        self._controller.enqueue(secret)

    def _account_gone(self, account: Obj) -> None:
        for secret in self._secrets.list():
            named = objects.annotations(secret).get(ACCOUNT_NAME)
            if (objects.namespace(secret), named) == (objects.namespace(account), objects.name(account)):
                self._controller.enqueue(secret)

    async def reconcile(self, key: str) -> None:
        secret = self._secrets.get_key(key)
        gone = self._gone.pop(key, None)
        if secret is None:
            if gone is not None:
                await self._forget(gone)
            return
        account = await self._account(secret)
        if account is None:
            await self._delete(secret)
            return
        data = self._completed(secret, account)
        if data != (secret.get("data") or {}):
            uid = {ACCOUNT_NAME: objects.name(account), ACCOUNT_UID: objects.uid(account)}
            annotations = {**objects.annotations(secret), **uid}
            with _overtaken():
                await self._client.update(
                    resources.SECRETS, objects.with_metadata({**secret, "data": data}, annotations=annotations)
                )

    def _completed(self, secret: Obj, account: Obj) -> Obj:
        """The secret's data with what is missing: a token, the namespace, the cluster's CA."""
        data = dict(secret.get("data") or {})
        if self._root_ca:
            data["ca.crt"] = _encoded(self._root_ca)
        if not data.get("namespace"):
            data["namespace"] = _encoded(objects.namespace(secret))
        if not data.get("token") and self._token is not None:
            data["token"] = _encoded(self._token(account, secret))
        return data

    async def _account(self, secret: Obj) -> Obj | None:
        """The account that the secret names, asked for at the server before it is taken for gone."""
        annotations, namespace = objects.annotations(secret), objects.namespace(secret)
        name, uid = annotations.get(ACCOUNT_NAME, ""), annotations.get(ACCOUNT_UID)
        account = self._accounts.get(namespace, name)
        if account is None or uid not in (None, "", objects.uid(account)):
            try:
                account = await self._client.get(resources.SERVICE_ACCOUNTS, name, namespace)
            except ApiError as error:
                if errors.is_not_found(error):
                    return None
                raise
        return account if uid in (None, "", objects.uid(account)) else None

    async def _delete(self, secret: Obj) -> None:
        name, namespace = objects.name(secret), objects.namespace(secret)
        with _overtaken():
            await self._client.delete(resources.SECRETS, name, namespace, uid=objects.uid(secret))

    async def _forget(self, secret: Obj) -> None:
        """Take a secret that is gone out of its account's list."""
        name = objects.annotations(secret).get(ACCOUNT_NAME, "")
        account = self._accounts.get(objects.namespace(secret), name)
        if account is None or objects.annotations(secret).get(ACCOUNT_UID) not in (None, "", objects.uid(account)):
            return
        kept = [row for row in account.get("secrets") or () if row.get("name") != objects.name(secret)]
        if kept == list(account.get("secrets") or ()):
            return
        try:
            await self._client.update(resources.SERVICE_ACCOUNTS, {**account, "secrets": kept})
        except ApiError as error:
            if not errors.is_not_found(error):
                self._gone[objects.key(secret)] = secret
                raise


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextlib.contextmanager
def _overtaken() -> Iterator[None]:
    """What somebody else has changed or deleted meanwhile needs nothing from us: the next event tells."""
    try:
        yield
    except ApiError as error:
        if not errors.is_not_found(error) and not errors.is_conflict(error):
            raise
