"""The chain as a table, in upstream's recommended order. Models pkg/kubeapiserver/options/plugins.go."""

from collections.abc import Sequence

from kube_nb.apiserver.admission.attributes import Plugin
from kube_nb.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
    ClusterTrustBundleAttest,
)
from kube_nb.apiserver.admission.ingresses import DefaultIngressClass
from kube_nb.apiserver.admission.lifecycle import NamespaceLifecycle
from kube_nb.apiserver.admission.limits import LimitRanger
from kube_nb.apiserver.admission.mutating import MutatingAdmissionPolicy
from kube_nb.apiserver.admission.noderestriction import NodeRestriction
from kube_nb.apiserver.admission.nodes import PodTopologyLabels, TaintNodesByCondition
from kube_nb.apiserver.admission.pods import DefaultTolerationSeconds, Priority
from kube_nb.apiserver.admission.podsecurity import PodSecurity
from kube_nb.apiserver.admission.policies import ValidatingAdmissionPolicy
from kube_nb.apiserver.admission.quota import ResourceQuota
from kube_nb.apiserver.admission.runtimeclass import RuntimeClass
from kube_nb.apiserver.admission.serviceaccount import ServiceAccount
from kube_nb.apiserver.admission.volumes import (
    DefaultStorageClass,
    PersistentVolumeClaimResize,
    StorageObjectInUseProtection,
)
from kube_nb.apiserver.admission.webhooks import MutatingAdmissionWebhook, ValidatingAdmissionWebhook

#: Every plugin there is, in the order in which they run: those that upstream has on by default, and NodeRestriction,
#: which kubeadm adds.
CHAIN: tuple[type[Plugin], ...] = (
    NamespaceLifecycle,
    LimitRanger,
    ServiceAccount,
    NodeRestriction,
    TaintNodesByCondition,
    PodSecurity,
    Priority,
    DefaultTolerationSeconds,
    DefaultStorageClass,
    StorageObjectInUseProtection,
    PersistentVolumeClaimResize,
    RuntimeClass,
    CertificateApproval,
    CertificateSigning,
    ClusterTrustBundleAttest,
    CertificateSubjectRestriction,
    DefaultIngressClass,
    PodTopologyLabels,
    MutatingAdmissionPolicy,
    MutatingAdmissionWebhook,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionWebhook,
    ResourceQuota,
)


def chain(disabled: Sequence[str] = ()) -> list[Plugin]:
    """The plugins of a server, but for those whose names are given."""
    return [plugin() for plugin in CHAIN if plugin.name not in disabled]
