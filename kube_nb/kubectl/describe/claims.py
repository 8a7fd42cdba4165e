"""PersistentVolumeClaims, whole and as templates."""

from kube_nb.api.printers import cells
from kube_nb.api.resources import PODS
from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import Writer, amount, rfc1123
from kube_nb.machinery.types import Obj

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


async def persistent_volume_claim(s: Subject) -> None:
    s.head()
    s.out.line(0, "StorageClass:", storage_class(s.obj))
    deleting = s.metadata.get("deletionTimestamp")
    s.out.line(0, "Status:", f"Terminating (lasts {s.age(deleting)})" if deleting else s.status.get("phase", ""))
    _body(s.out, s.obj, full=True)
    s.out.several("Used By", await _users(s))
    _conditions(s)
    await events.write(s)


def storage_class(claim: Obj) -> str:
    annotations = (claim.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(BETA_CLASS) or (claim.get("spec") or {}).get("storageClassName") or "")


def template(out: Writer, claim: Obj, level: int) -> None:
    """The claim that an ephemeral volume makes, indented."""
    inner = Writer()
    inner.line(0, "StorageClass:", storage_class(claim))
    _body(inner, claim, full=False)
    for line in inner.lines():
        out.raw("  " * level + line)


def _body(out: Writer, claim: Obj, *, full: bool) -> None:
    metadata, spec, status = claim.get("metadata") or {}, claim.get("spec") or {}, claim.get("status") or {}
    bound = bool(spec.get("volumeName"))
    out.line(0, "Volume:", spec.get("volumeName", ""))
    out.labels("Labels", metadata.get("labels"))
    out.annotations("Annotations", metadata.get("annotations"))
    if full:
        out.line(0, "Finalizers:", metadata.get("finalizers") or [])
    out.line(0, "Capacity:", amount((status.get("capacity") or {}).get("storage")) if bound else "")
    out.line(0, "Access Modes:", cells.access_modes(status.get("accessModes") or []) if bound else "")
    if spec.get("volumeMode"):
        out.line(0, "VolumeMode:", spec["volumeMode"])
    data_source = spec.get("dataSource")
    if data_source:
        out.line(0, "DataSource:")
        for title, field in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
            if field in data_source:
                out.line(1, f"{title}:", data_source[field])


async def _users(s: Subject) -> list[str]:
    """The pods that mount the claim."""
    found = []
    for pod in await s.find(PODS, s.namespace):
        for volume in pod["spec"].get("volumes") or ():
            if (volume.get("persistentVolumeClaim") or {}).get("claimName") == s.name:
                found.append(pod["metadata"]["name"])
    return sorted(found)


def _conditions(s: Subject) -> None:
    rows = s.status.get("conditions")
    if not rows:
        return
    s.out.line(0, "Conditions:")
    s.out.line(1, "Type", "Status", "LastProbeTime", "LastTransitionTime", "Reason", "Message")
    s.out.line(1, "----", "------", "-----------------", "------------------", "------", "-------")
    for row in rows:
        moments = [f"{rfc1123(row.get(field))} " for field in ("lastProbeTime", "lastTransitionTime")]
        s.out.line(
            1, f"{row['type']} ", f"{row['status']} ", *moments, f"{row.get('reason', '')} ", row.get("message", "")
        )
