"""The Volumes of a pod, a pod template or a PersistentVolume."""

from collections.abc import Callable, Sequence

from kube_nb.kubectl.describe import claims
from kube_nb.kubectl.describe.writer import Writer, amount, shown
from kube_nb.machinery import quantity
from kube_nb.machinery.types import Json, Obj

#: One row: the title, the field, and what stands there if the field is missing.
_Row = tuple[str, str, Json]

#: Volume source -> its type as described, and its fields.
_SOURCES: dict[str, tuple[str, Sequence[_Row]]] = {
    "hostPath": ("HostPath (bare host directory volume)", (("Path", "path", ""), ("HostPathType", "type", "<none>"))),
    "secret": (
        "Secret (a volume populated by a Secret)",
        (("SecretName", "secretName", ""), ("Optional", "optional", False)),
    ),
    "configMap": (
        "ConfigMap (a volume populated by a ConfigMap)",
        (("Name", "name", ""), ("Optional", "optional", False)),
    ),
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        (("Server", "server", ""), ("Path", "path", ""), ("ReadOnly", "readOnly", False)),
    ),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        (("ClaimName", "claimName", ""), ("ReadOnly", "readOnly", False)),
    ),
    "image": (
        "Image (a container image or OCI artifact)",
        (("Reference", "reference", ""), ("PullPolicy", "pullPolicy", "")),
    ),
    "local": ("LocalVolume (a persistent volume backed by local storage on a node)", (("Path", "path", ""),)),
    "gcePersistentDisk": (
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        (
            ("PDName", "pdName", ""),
            ("FSType", "fsType", ""),
            ("Partition", "partition", 0),
            ("ReadOnly", "readOnly", False),
        ),
    ),
    "awsElasticBlockStore": (
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        (
            ("VolumeID", "volumeID", ""),
            ("FSType", "fsType", ""),
            ("Partition", "partition", 0),
            ("ReadOnly", "readOnly", False),
        ),
    ),
    "gitRepo": (
        "GitRepo (a volume that is pulled from git when the pod is created)",
        (("Repository", "repository", ""), ("Revision", "revision", "")),
    ),
}


def of_pod(out: Writer, volumes: Sequence[Obj] | None, indent: str = "") -> None:
    """Every volume by name; indent: "  " inside a pod template."""
    if not volumes:
        out.raw(f"{indent}Volumes:\t<none>")
        return
    out.raw(f"{indent}Volumes:")
    for volume in volumes:
        out.line(1, f"{' ' if indent else ''}{volume['name']}:")
        source(out, volume)


def source(out: Writer, holder: Obj) -> None:
    """The one volume source that a volume or a PersistentVolume's spec holds."""
    for field, write in _WRITERS.items():
        if holder.get(field) is not None:
            write(out, holder[field])
            return
    for field, (type, rows) in _SOURCES.items():
        if holder.get(field) is not None:
            out.line(2, "Type:", type)
            _fields(out, holder[field], rows)
            return
    out.line(1, "<unknown>")


def _fields(out: Writer, values: Obj, rows: Sequence[_Row]) -> None:
    for title, field, default in rows:
        value = values.get(field)
        out.line(2, f"{title}:", default if value is None else value)


def _empty_dir(out: Writer, volume: Obj) -> None:
    limit = volume.get("sizeLimit")
    out.line(2, "Type:", "EmptyDir (a temporary directory that shares a pod's lifetime)")
    out.line(2, "Medium:", volume.get("medium", ""))
    out.line(2, "SizeLimit:", amount(limit) if limit is not None and quantity.parse(limit) else "<unset>")


def _projected(out: Writer, volume: Obj) -> None:
    out.line(2, "Type:", "Projected (a volume that contains injected data from multiple sources)")
    for each in volume.get("sources") or ():
        if "secret" in each:
            _fields(out, each["secret"], (("SecretName", "name", ""), ("SecretOptionalName", "optional", None)))
        elif "downwardAPI" in each:
            out.line(2, "DownwardAPI:", True)
        elif "configMap" in each:
            # kubectl before 1.33 shows the pointer here: <nil> for what is not set.
            _fields(out, each["configMap"], (("ConfigMapName", "name", ""), ("ConfigMapOptional", "optional", None)))
        elif "serviceAccountToken" in each:
            out.line(2, "TokenExpirationSeconds:", each["serviceAccountToken"].get("expirationSeconds"))


def _downward_api(out: Writer, volume: Obj) -> None:
    out.line(2, "Type:", "DownwardAPI (a volume populated by information about the pod)")
    out.line(2, "Items:")
    for item in volume.get("items") or ():
        for field, key in (("fieldRef", "fieldPath"), ("resourceFieldRef", "resource")):
            if item.get(field):
                out.line(3, f"{item[field][key]} -> {item['path']}")


_EPHEMERAL = "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)"


def _ephemeral(out: Writer, volume: Obj) -> None:
    out.line(2, "Type:", _EPHEMERAL)
    template = volume.get("volumeClaimTemplate")
    if template:
        claims.template(out, template, level=2)


def _csi(out: Writer, volume: Obj) -> None:
    out.line(2, "Type:", "CSI (a Container Storage Interface (CSI) volume source)")
    out.line(2, "Driver:", volume.get("driver", ""))
    out.line(2, "FSType:", volume.get("fsType", ""))
    if "volumeHandle" in volume:
        out.line(2, "VolumeHandle:", volume["volumeHandle"])
    out.line(2, "ReadOnly:", volume.get("readOnly", False))
    attributes = volume.get("volumeAttributes") or {}
    pairs = [f"{key}={shown(attributes[key])}" for key in sorted(attributes)] or ["<none>"]
    out.line(2, "VolumeAttributes:", pairs[0] if attributes else "<none>")
    for pair in pairs[1:]:
        out.line(2, "", pair)


_WRITERS: dict[str, Callable[[Writer, Obj], None]] = {
    "emptyDir": _empty_dir,
    "projected": _projected,
    "downwardAPI": _downward_api,
    "ephemeral": _ephemeral,
    "csi": _csi,
}
