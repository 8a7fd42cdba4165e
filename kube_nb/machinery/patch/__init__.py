"""The patch types of the Kubernetes API: JSON patch, JSON merge patch, strategic merge patch.

Guarantees: documents and patches are plain JSON values and are never changed; a result shares every part that the patch
does not touch with the document it came from. What is wrong with a patch is a `PatchError`, worded as the Go library
that a real server uses words it.

Read `merge` first (the simplest), then `strategic`, which needs to know the types (`TypeSchema`). The fourth type,
server-side apply, is in `machinery.managed`.
"""

from kube_nb.machinery.patch import json_patch, merge, strategic
from kube_nb.machinery.patch.types import PatchError, TypeSchema

__all__ = ["PatchError", "TypeSchema", "json_patch", "merge", "strategic"]
