"""PersistentVolumes, StorageClasses and CSINodes."""

from kube_nb.api.printers import cells
from kube_nb.kubectl.describe import events, volumes
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import amount, rfc1123, title_bool
from kube_nb.machinery.types import Obj

_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


async def persistent_volume(s: Subject) -> None:
    spec, annotations = s.spec, s.metadata.get("annotations") or {}
    s.head(namespaced=False)
    s.labels_and_annotations()
    s.out.line(0, "Finalizers:", s.metadata.get("finalizers") or [])
    s.out.line(0, "StorageClass:", annotations.get(_BETA_CLASS) or spec.get("storageClassName", ""))
    deleting = s.metadata.get("deletionTimestamp")
    s.out.line(0, "Status:", f"Terminating (lasts {s.age(deleting)})" if deleting else s.status.get("phase", ""))
    claim = spec.get("claimRef")
    s.out.line(0, "Claim:", f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "")
    s.out.line(0, "Reclaim Policy:", spec.get("persistentVolumeReclaimPolicy", ""))
    s.out.line(0, "Access Modes:", cells.access_modes(spec.get("accessModes") or []))
    if spec.get("volumeMode"):
        s.out.line(0, "VolumeMode:", spec["volumeMode"])
    s.out.line(0, "Capacity:", amount((spec.get("capacity") or {}).get("storage")))
    _node_affinity(s, (spec.get("nodeAffinity") or {}).get("required"))
    s.out.line(0, "Message:", s.status.get("message", ""))
    s.out.line(0, "Source:")
    volumes.source(s.out, spec)
    await events.write(s)


def _node_affinity(s: Subject, required: Obj | None) -> None:
    if not required:
        s.out.line(0, "Node Affinity:", "<none>")
        return
    s.out.line(0, "Node Affinity:", "")
    s.out.line(1, "Required Terms:", "")
    for number, term in enumerate(required.get("nodeSelectorTerms") or ()):
        rows = [_requirement(row, row["operator"].lower()) for row in term.get("matchExpressions") or ()]
        s.out.several(f"Term {number}", rows, "    ")


def _requirement(row: Obj, operator: str) -> str:
    values = row.get("values")
    return f"{row['key']} {operator}" + (f" [{', '.join(values)}]" if values else "")


async def storage_class(s: Subject) -> None:
    annotations = s.metadata.get("annotations") or {}
    s.head(namespaced=False)
    s.out.line(0, "IsDefaultClass:", "Yes" if "true" in [annotations.get(key) for key in _DEFAULT_CLASS] else "No")
    s.out.line(0, "Annotations:", cells.label_map(annotations))
    s.out.line(0, "Provisioner:", s.obj.get("provisioner", ""))
    s.out.line(0, "Parameters:", cells.label_map(s.obj.get("parameters")))
    s.out.line(0, "AllowVolumeExpansion:", title_bool(s.obj.get("allowVolumeExpansion")))
    options = s.obj.get("mountOptions")
    s.out.line(0, "MountOptions:", *(() if options else ("<none>",)))
    for option in options or ():
        s.out.line(1, option)
    for title, field in (("ReclaimPolicy:", "reclaimPolicy"), ("VolumeBindingMode:", "volumeBindingMode")):
        if s.obj.get(field):
            s.out.line(0, title, s.obj[field])
    _topologies(s)
    await events.write(s)


def _topologies(s: Subject) -> None:
    topologies = s.obj.get("allowedTopologies")
    if topologies is None:
        return
    s.out.line(0, "AllowedTopologies:", "" if topologies else "<none>")
    for number, term in enumerate(topologies):
        rows = [_requirement(row, "in") for row in term.get("matchLabelExpressions") or ()]
        s.out.several(f"Term {number}", rows, "  ")


async def csi_node(s: Subject) -> None:
    s.head(namespaced=False)
    s.labels_and_annotations()
    s.out.line(0, "CreationTimestamp:", rfc1123(s.metadata.get("creationTimestamp")))
    s.out.line(0, "Spec:")
    drivers = s.spec.get("drivers")
    if drivers is not None:
        s.out.line(1, "Drivers:")
    for driver in drivers or ():
        s.out.line(2, f"{driver['name']}:")
        s.out.line(3, "Node ID:", driver["nodeID"])
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            s.out.line(3, "Allocatables:")
            s.out.line(4, "Count:", count)
        if driver.get("topologyKeys") is not None:
            s.out.line(3, "Topology Keys:", driver["topologyKeys"])
    await events.write(s)
