"""ConfigMaps, Secrets and ServiceAccounts."""

import base64

from kube_nb.api.resources import SECRETS
from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.subject import Subject

_TOKEN_TYPE = "kubernetes.io/service-account-token"


async def config_map(s: Subject) -> None:
    s.head()
    s.labels_and_annotations()
    s.out.raw("\nData\n====")
    data = s.obj.get("data") or {}
    for key in sorted(data):
        s.out.raw(f"{key}:\n----\n{data[key]}\n")
    s.out.raw("\nBinaryData\n====")
    binary = s.obj.get("binaryData") or {}
    for key in sorted(binary):
        s.out.raw(f"{key}: {len(base64.b64decode(binary[key]))} bytes")
    s.out.blank()
    await events.write(s)


async def secret(s: Subject) -> None:
    s.head()
    s.labels_and_annotations()
    s.out.blank()
    s.out.line(0, "Type:", s.obj.get("type", ""))
    s.out.raw("\nData\n====")
    data = s.obj.get("data") or {}
    for key in sorted(data):
        value = base64.b64decode(data[key] or "")
        shown = value.decode() if key == "token" and s.obj.get("type") == _TOKEN_TYPE else f"{len(value)} bytes"
        s.out.line(0, f"{key}:", shown)


async def service_account(s: Subject) -> None:
    secrets = await s.find_or_none(SECRETS, s.namespace)
    s.head()
    s.labels_and_annotations()
    named = {field: [each["name"] for each in s.obj.get(field) or ()] for field in ("imagePullSecrets", "secrets")}
    known = {each["metadata"]["name"] for each in secrets or ()}
    tokens = [each["metadata"]["name"] for each in secrets or () if _is_token_of(each, s)]
    rows = (
        ("Image pull secrets:", named["imagePullSecrets"]),
        ("Mountable secrets: ", named["secrets"]),
        ("Tokens:            ", tokens),
    )
    for title, names in rows:
        texts = [name if secrets is None or name in known else f"{name} (not found)" for name in names] or ["<none>"]
        for number, text in enumerate(texts):
            s.out.line(0, " " * len(title) if number else title, text)
    await events.write(s)


def _is_token_of(secret: dict[str, object], s: Subject) -> bool:
    metadata = secret.get("metadata")
    annotations = (metadata.get("annotations") if isinstance(metadata, dict) else None) or {}
    wanted = (s.name, s.metadata.get("uid"))
    found = tuple(annotations.get(f"kubernetes.io/service-account.{field}") for field in ("name", "uid"))
    return secret.get("type") == _TOKEN_TYPE and found == wanted
