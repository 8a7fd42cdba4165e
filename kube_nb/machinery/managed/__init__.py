"""Who owns which field: ``metadata.managedFields``, server-side apply, and the tracking of every other write.

    update(live, new, manager, ...)      after a POST, PUT or PATCH: what changed now belongs to `manager`
    apply(live, applied, manager, ...)   a server-side apply: merge, drop what is applied no longer, find conflicts

Guarantees: an applier never changes what another manager owns unless it forces, and never removes what another manager
or nobody owns; a manager's timestamp moves only when its write changed something; objects are never changed, results
share every part that did not change, and an update that changed nothing returns the object it was given.

A set of fields is kept in its wire form, FieldsV1, as nested dicts that nobody changes (`sets`): entries go from store
to store without being decoded, and unions and differences share their untouched branches. That and skipping equal
parts by identity make `update` cheap enough to run on every status write.

Read `sets`, then `comparing`, `updating`, `applying`. Models apimachinery pkg/util/managedfields and
sigs.k8s.io/structured-merge-diff. Differs: field sets of several versions of one kind are not converted into each
other, and a list or map that turned from granular to atomic keeps its old entries until they are written again.
"""

from kube_nb.machinery.managed.applying import apply
from kube_nb.machinery.managed.conflicts import Conflict
from kube_nb.machinery.managed.entries import ANCIENT_CHANGES, APPLY, BEFORE_FIRST_APPLY, MAX_UPDATE_MANAGERS, UPDATE
from kube_nb.machinery.managed.last_applied import LAST_APPLIED
from kube_nb.machinery.managed.merging import merge
from kube_nb.machinery.managed.migration import upgrade
from kube_nb.machinery.managed.sets import Fields
from kube_nb.machinery.managed.typed import faults
from kube_nb.machinery.managed.updating import update

__all__ = [
    "ANCIENT_CHANGES",
    "APPLY",
    "BEFORE_FIRST_APPLY",
    "LAST_APPLIED",
    "MAX_UPDATE_MANAGERS",
    "UPDATE",
    "Conflict",
    "Fields",
    "apply",
    "faults",
    "merge",
    "update",
    "upgrade",
]
