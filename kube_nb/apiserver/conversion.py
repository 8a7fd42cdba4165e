"""Objects that are served in more versions than the one that is stored.

Differs: only events need more than another apiVersion among the built-in kinds served here.
"""

from collections.abc import Callable

from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

_EVENT = GVK("", "v1", "Event")
_NEW_EVENT = GVK("events.k8s.io", "v1", "Event")


def convert(obj: Obj, to: GVK) -> Obj:
    """The object in another version of its kind."""
    if obj.get("apiVersion") == to.api_version:
        return obj
    special = _SPECIAL.get((GVK.of(obj), to))
    converted = special(obj) if special is not None else obj
    return {**converted, "apiVersion": to.api_version}


#: core/v1 name -> events.k8s.io/v1 name; what is not here keeps its name. Models pkg/apis/events/v1/conversion.go.
_EVENT_FIELDS = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD_EVENT_FIELDS = {new: old for old, new in _EVENT_FIELDS.items()}


def _renamed(names: dict[str, str]) -> Callable[[Obj], Obj]:
    def converted(obj: Obj) -> Obj:
        return {names.get(field, field): value for field, value in obj.items()}

    return converted


_SPECIAL: dict[tuple[GVK, GVK], Callable[[Obj], Obj]] = {
    (_EVENT, _NEW_EVENT): _renamed(_EVENT_FIELDS),
    (_NEW_EVENT, _EVENT): _renamed(_OLD_EVENT_FIELDS),
}
