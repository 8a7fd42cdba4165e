"""What printers have in common: ages, counts, selectors and lists as the cells of a table show them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kube_nb.machinery import duration, labels, times
from kube_nb.machinery.types import Json, Obj

NONE, UNSET, UNKNOWN = "<none>", "<unset>", "<unknown>"


def age(timestamp: str | None, now: datetime) -> str:
    """``5d21h`` since a timestamp; ``<unknown>`` without one. Models translateTimestampSince."""
    return duration.human(times.seconds_since(timestamp, now)) if timestamp else UNKNOWN


def created(obj: Obj, now: datetime) -> str:
    return age((obj.get("metadata") or {}).get("creationTimestamp"), now)


def at(obj: Json, path: str, default: Json = None) -> Json:
    """The value at a dotted path of fields; `default` where one is missing."""
    for name in path.split("."):
        if not isinstance(obj, dict) or obj.get(name) is None:
            return default
        obj = obj[name]
    return obj


def containers(pod_spec: Mapping[str, Json] | None) -> list[str]:
    """The two wide cells of workloads: names and images, each joined with commas."""
    found = (pod_spec or {}).get("containers") or ()
    return [",".join(container.get(key, "") for container in found) for key in ("name", "image")]


def label_map(selector: Mapping[str, str] | None) -> str:
    """``a=b,c=d`` in order of keys, or ``<none>``. Models labels.FormatLabels."""
    return ",".join(f"{key}={value}" for key, value in sorted((selector or {}).items())) or NONE


def label_selector(selector: Obj | None) -> str:
    """A LabelSelector as kubectl's ``-l`` takes it, or ``<none>``. Models metav1.FormatLabelSelector."""
    if not selector:
        return NONE
    try:
        return str(labels.from_label_selector(selector)) or NONE
    except ValueError:
        return "<error>"


def joined(items: Iterable[str], most: int) -> str:
    """``a,b,c + 2 more...``."""
    found = list(items)
    text = ",".join(found[:most])
    return f"{text} + {len(found) - most} more..." if len(found) > most else text


def condition(obj: Obj, kind: str) -> Obj | None:
    """A status condition by its type."""
    return next((found for found in at(obj, "status.conditions", ()) if found.get("type") == kind), None)


def is_true(obj: Obj, kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def boolean(value: bool | None) -> str:
    return UNSET if value is None else str(value)


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def access_modes(modes: Sequence[str]) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in modes)
