"""A pod's volumes as directories in memory: configMap, secret, emptyDir, projected, downwardAPI, hostPath.

Models pkg/volume. Differs: attached and networked volumes are not there, and a pod that asks for one waits with
FailedMount; files of configMaps are plain files, without the ``..data`` link; a claim's volume is this node's own.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from kube_nb.cri.files import Directory, File
from kube_nb.cri.runtime import Mount
from kube_nb.kubelet import environment
from kube_nb.kubelet.environment import ConfigFault, Fetch
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: How long between looks at what configMaps and secrets hold now; upstream's sync period.
REFRESH_S = 60.0


class MountFault(Exception):
    """A volume cannot be set up now. volume: its name; the text goes into a FailedMount event."""

    def __init__(self, volume: str, why: str) -> None:
        super().__init__(why)
        self.volume = volume
        self.why = why

    def __str__(self) -> str:
        return f'MountVolume.SetUp failed for volume "{self.volume}" : {self.why}'


@dataclass(slots=True)
class NodeVolumes:
    """What pods of one node share: its host paths and the claims mounted on it."""

    host: Directory = field(default_factory=Directory)
    claims: dict[str, Directory] = field(default_factory=dict)

    def host_path(self, path: str, type: str) -> Directory | File:
        """The node's file or directory; made if the type allows it. Raises FileNotFoundError."""
        node: Directory | File = self.host
        parts = [part for part in path.split("/") if part]
        for index, part in enumerate(parts):
            if not isinstance(node, Directory):
                raise FileNotFoundError(path)
            child = node.entries.get(part)
            if child is None:
                if type in ("Directory", "File", "Socket", "CharDevice", "BlockDevice"):
                    raise FileNotFoundError(path)
                last = index + 1 == len(parts)
                child = node.entries[part] = File() if last and type == "FileOrCreate" else Directory()
            node = child  # type: ignore[assignment]  # no devices lie in a node's own tree
        return node


TokenSource = Callable[[Obj, Obj], Awaitable[str]]


class Volumes:
    """Sets up the volumes of pods on one node.

    fetch: reads configMaps and secrets. token: (pod, projection) -> a service account token.
    node: as `environment.variables` wants it.
    """

    def __init__(self, shared: NodeVolumes, fetch: Fetch, token: TokenSource, node: Mapping[str, str]):
        self._shared = shared
        self._fetch = fetch
        self._token = token
        self._node = node

    async def set_up(self, pod: Obj, ips: tuple[str, ...] = ()) -> dict[str, Directory]:
        """{volume name: its directory}. Raises MountFault for the first that fails."""
        found = {}
        for volume in pod["spec"].get("volumes") or ():
            name = volume["name"]
            try:
                found[name] = await self._one(pod, volume, ips)
            except ApiError as error:
                raise MountFault(name, error.message) from error
            except ConfigFault as fault:
                raise MountFault(name, str(fault)) from fault
            except FileNotFoundError as error:
                raise MountFault(name, f"hostPath type check failed: {error} is not a directory") from error
        return found

    async def refresh(self, pod: Obj, volumes: Mapping[str, Directory], ips: tuple[str, ...]) -> None:
        """Bring the files of configMaps, secrets and the downward API up to date; failures leave them as they are."""
        for volume in pod["spec"].get("volumes") or ():
            if not changeable(volume):
                continue
            try:
                volumes[volume["name"]].replace(await self._one(pod, volume, ips))
            except (ApiError, ConfigFault, MountFault):
                continue

    async def _one(self, pod: Obj, volume: Obj, ips: tuple[str, ...]) -> Directory:
        kind = next((key for key in volume if key != "name"), "emptyDir")
        source = volume.get(kind) or {}
        match kind:
            case "emptyDir":
                return Directory(mode=0o777)
            case "configMap" | "secret":
                return await self._keys(pod, kind, source)
            case "downwardAPI":
                return self._downward(pod, source, ips)
            case "projected":
                return await self._projected(pod, source, ips)
            case "hostPath":
                node = self._shared.host_path(source["path"], source.get("type") or "")
                return node if isinstance(node, Directory) else Directory({"": node})
            case "persistentVolumeClaim":
                return self._shared.claims.setdefault(f"{objects.namespace(pod)}/{source['claimName']}", Directory())
        raise MountFault(volume["name"], f"no volume plugin matched for {kind}")

    async def _keys(self, pod: Obj, kind: str, source: Obj) -> Directory:
        """The files of a configMap or secret: all keys, or those that `items` names."""
        plural = "configmaps" if kind == "configMap" else "secrets"
        name = str(source.get("name") or source.get("secretName"))
        try:
            obj = await self._fetch(plural, objects.namespace(pod), name)
        except ApiError as error:
            if error.code == 404 and source.get("optional"):
                return Directory()
            raise
        if kind == "configMap":
            data = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
            data |= {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
        else:
            data = {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
        directory = Directory(mode=0o777)
        mode = int(source.get("defaultMode") or 0o644)
        items = source.get("items")
        for item in items if items else [{"key": key, "path": key} for key in data]:
            if item["key"] in data:
                directory.put(item["path"], data[item["key"]], item.get("mode", mode))
            elif not source.get("optional"):
                raise ConfigFault(f"references non-existent {kind.lower()} key: {item['key']}")
        return directory

    def _downward(self, pod: Obj, source: Obj, ips: tuple[str, ...]) -> Directory:
        directory = Directory(mode=0o777)
        node = {**self._node, "pod_ip": ips[0] if ips else ""}
        for item in source.get("items") or ():
            if "fieldRef" in item:
                text = environment.field_value(pod, item["fieldRef"]["fieldPath"], node)
            else:
                text = environment.resource_value(pod, pod["spec"]["containers"][0], item["resourceFieldRef"], node)
            directory.put(item["path"], text.encode(), item.get("mode", source.get("defaultMode", 0o644)))
        return directory

    async def _projected(self, pod: Obj, source: Obj, ips: tuple[str, ...]) -> Directory:
        merged = Directory(mode=0o777)
        mode = source.get("defaultMode", 0o644)
        for projection in source.get("sources") or ():
            kind, inner = next(iter(projection.items()))
            if kind == "serviceAccountToken":
                token = await self._token(pod, inner)
                merged.put(inner["path"], token.encode(), mode)
                continue
            with_mode = {"defaultMode": mode, **inner}
            part = (
                self._downward(pod, with_mode, ips) if kind == "downwardAPI" else await self._keys(pod, kind, with_mode)
            )
            merged.entries.update(part.entries)
        return merged


def changeable(volume: Obj) -> bool:
    """Whether the volume's files follow objects of the API."""
    return any(kind in volume for kind in ("configMap", "secret", "downwardAPI"))


def mounts(container: Obj, volumes: Mapping[str, Directory], variables: Mapping[str, str]) -> list[Mount]:
    """The container's mounts. Raises ConfigFault for a subPath that leads nowhere."""
    found = []
    for mount in container.get("volumeMounts") or ():
        node: Directory | File = volumes[mount["name"]]
        if isinstance(node, Directory) and "" in node.entries:
            node = node.entries[""]  # type: ignore[assignment]  # a hostPath that is a file
        path = mount.get("subPath") or environment.expand(mount.get("subPathExpr") or "", variables)
        for part in _parts(path):
            if not isinstance(node, Directory):
                where = f'volumeMount "{mount["name"]}" of container "{container["name"]}"'
                raise ConfigFault(f"failed to create subPath directory for {where}")
            node = node.entries.setdefault(part, Directory())  # type: ignore[assignment]  # as above
        found.append(Mount(mount["mountPath"], node, bool(mount.get("readOnly"))))
    return found


def _parts(path: str) -> list[str]:
    """The names on a subPath; raises ConfigFault for one that would lead out of its volume."""
    if path.startswith("/"):
        raise ConfigFault(f"error SubPath `{path}` must not be an absolute path")
    parts = [part for part in path.split("/") if part]
    if ".." in parts:
        raise ConfigFault(f"unable to provision SubPath `{path}`: must not contain '..'")
    return parts
