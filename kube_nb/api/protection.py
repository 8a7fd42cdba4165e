"""Storage objects that stay while they are used, and the finalizer that holds each kind.

Admission adds it, a controller takes it off. Models pkg/volume/util/finalizer.go.
"""

from collections.abc import Mapping

from kube_nb.api import resources
from kube_nb.machinery.gvk import GVR

FINALIZERS: Mapping[GVR, str] = {
    resources.PERSISTENT_VOLUME_CLAIMS: "kubernetes.io/pvc-protection",
    resources.PERSISTENT_VOLUMES: "kubernetes.io/pv-protection",
}
