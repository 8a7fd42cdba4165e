"""Kubeconfig files: which clusters there are, as whom to speak to them, and which one is meant.

Models client-go tools/clientcmd: merging of several files, relative paths, error texts. Differs: no auth-provider, no
interactive passwords.
"""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from kube_nb.machinery.types import Json, Obj

#: Where `load` looks without a path and without KUBECONFIG.
DEFAULT_PATH = Path("~/.kube/config")
_LISTS = ("clusters", "users", "contexts")


@dataclass(frozen=True, slots=True)
class RestConfig:
    """All that a transport must know to reach one server as one user. Certificates and keys are PEM."""

    server: str
    namespace: str = "default"
    certificate_authority: bytes = b""
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    impersonate_user: str = ""
    impersonate_groups: Sequence[str] = ()
    #: The user's exec credential plugin (client.authentication.k8s.io ExecConfig), None if there is none.
    exec: Obj | None = None


class Kubeconfig:
    """One or several files in wire form; paths inside are absolute. `data` is not changed, `with_context` copies."""

    def __init__(self, data: Obj) -> None:
        self.data = data

    @property
    def current_context(self) -> str:
        return str(self.data.get("current-context") or "")

    @property
    def contexts(self) -> list[str]:
        return [entry["name"] for entry in self.data.get("contexts") or ()]

    def with_context(self, name: str) -> "Kubeconfig":
        """The same with another current context. ValueError if there is none of this name."""
        self._context(name)
        return Kubeconfig({**self.data, "current-context": name})

    def rest_config(self, context: str = "") -> RestConfig:
        """How to reach the context's cluster; the current context's if none is named. ValueError as kubectl says it."""
        chosen = self._context(context or self.current_context)
        cluster = self._entry("clusters", chosen.get("cluster", ""), "cluster")
        user = self._entry("users", chosen["user"], "user") if chosen.get("user") else {}
        server = str(cluster.get("server") or "")
        if not server:
            raise ValueError(f'invalid configuration: no server found for cluster "{chosen.get("cluster", "")}"')
        return RestConfig(
            server=server.rstrip("/"),
            namespace=chosen.get("namespace") or "default",
            certificate_authority=_pem(cluster, "certificate-authority"),
            certificate=_pem(user, "client-certificate"),
            key=_pem(user, "client-key"),
            token=user.get("token") or "",
            token_file=user.get("tokenFile") or "",
            username=user.get("username") or "",
            password=user.get("password") or "",
            insecure=bool(cluster.get("insecure-skip-tls-verify")),
            tls_server_name=cluster.get("tls-server-name") or "",
            proxy_url=cluster.get("proxy-url") or "",
            impersonate_user=user.get("as") or "",
            impersonate_groups=tuple(user.get("as-groups") or ()),
            exec=user.get("exec"),
        )

    def _context(self, name: str) -> Obj:
        if not name:
            raise ValueError("invalid configuration: no configuration has been provided, try setting KUBECONFIG")
        return self._entry("contexts", name, "context")

    def _entry(self, entries: str, name: str, singular: str) -> Obj:
        for entry in self.data.get(entries) or ():
            if entry.get("name") == name:
                found: Obj = entry.get(singular) or {}
                return found
        raise ValueError(f'{singular} "{name}" does not exist')

    def dump(self) -> str:
        """The file's text."""
        return str(yaml.safe_dump(self.data, sort_keys=False))


def load(path: str | Path | None = None, environment: Mapping[str, str] | None = None) -> Kubeconfig:
    """The kubeconfig of a file; else of all files in KUBECONFIG, merged; else of ``~/.kube/config``.

    Of several files the first that names a thing wins. A named path must exist, the others may be missing. ValueError
    for a file that is none.
    """
    if path is not None:
        return Kubeconfig(_read(Path(path)))
    named = (os.environ if environment is None else environment).get("KUBECONFIG", "")
    paths = [Path(each) for each in named.split(os.pathsep) if each] or [DEFAULT_PATH]
    return Kubeconfig(merge([_read(each) for each in paths if each.expanduser().exists()]))


def loads(text: str | bytes) -> Kubeconfig:
    """The kubeconfig in a text; relative paths in it stay relative to the working directory."""
    return Kubeconfig(_checked(yaml.safe_load(text), "kubeconfig"))


def merge(configs: Sequence[Obj]) -> Obj:
    """One configuration out of several: of equal names the first one's entry holds."""
    merged: Obj = {"apiVersion": "v1", "kind": "Config", "current-context": "", "preferences": {}}
    for entries in _LISTS:
        rows: dict[str, Obj] = {}
        for row in [row for config in configs for row in config.get(entries) or ()]:
            rows.setdefault(row["name"], row)
        merged[entries] = list(rows.values())
    for config in configs:
        merged["current-context"] = merged["current-context"] or config.get("current-context") or ""
        merged["preferences"] = {**(config.get("preferences") or {}), **merged["preferences"]}
    return merged


def _read(path: Path) -> Obj:
    path = path.expanduser()
    try:
        config = _checked(yaml.safe_load(path.read_bytes()), str(path))
    except yaml.YAMLError as error:
        raise ValueError(f'error loading config file "{path}": {error}') from error
    return _with_absolute_paths(config, path.absolute().parent)


def _checked(config: Json, where: str) -> Obj:
    if config is None:
        return {}
    if not isinstance(config, dict) or not all(_is_named_list(config.get(entries)) for entries in _LISTS):
        raise ValueError(f'error loading config file "{where}": it is no kubeconfig')
    return config


def _is_named_list(entries: Json) -> bool:
    return entries is None or (
        isinstance(entries, list) and all(isinstance(entry, dict) and "name" in entry for entry in entries)
    )


_PATHS = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}


def _with_absolute_paths(config: Obj, folder: Path) -> Obj:
    """Paths in a kubeconfig are relative to its own folder."""
    changed = dict(config)
    for entries, fields in _PATHS.items():
        if config.get(entries):
            singular = entries.removesuffix("s")
            changed[entries] = [_absolute(entry, singular, fields, folder) for entry in config[entries]]
    return changed


def _absolute(entry: Obj, singular: str, fields: Sequence[str], folder: Path) -> Obj:
    body = entry.get(singular) or {}
    paths = {name: str(folder / body[name]) for name in fields if body.get(name)}
    return {**entry, singular: {**body, **paths}} if paths else entry


def _pem(entry: Obj, name: str) -> bytes:
    """The PEM of ``<name>-data`` or of the file ``<name>``; data comes first, as upstream."""
    if data := entry.get(f"{name}-data"):
        try:
            return base64.b64decode(data, validate=True)
        except ValueError:
            raise ValueError(f"invalid configuration: {name}-data is no base64") from None
    if path := entry.get(name):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise ValueError(f"invalid configuration: unable to read {name} {path}: {error.strerror}") from None
    return b""
