"""Every controller by its name: the one place where one is added."""

from collections.abc import Callable, Mapping

from kube_nb.controllers.admissionpolicies import AdmissionPolicyStatus
from kube_nb.controllers.certificates import CertificateApprover, CertificateCleaner, CertificateSigner
from kube_nb.controllers.context import Context, Runnable
from kube_nb.controllers.cronjob import CronJobController
from kube_nb.controllers.daemonset import DaemonSetController
from kube_nb.controllers.deployment import DeploymentController
from kube_nb.controllers.disruption import DisruptionController
from kube_nb.controllers.garbagecollector import GarbageCollector
from kube_nb.controllers.job import JobController, TtlAfterFinishedController
from kube_nb.controllers.namespaces.deletion import NamespaceController
from kube_nb.controllers.namespaces.root_ca import RootCaPublisher
from kube_nb.controllers.namespaces.service_accounts import ServiceAccountsController
from kube_nb.controllers.namespaces.tokens import TokensController
from kube_nb.controllers.nodes.eviction import TaintEvictionController
from kube_nb.controllers.nodes.ipam import NodeIpamController
from kube_nb.controllers.nodes.lifecycle import NodeLifecycleController
from kube_nb.controllers.nodes.pod_gc import PodGarbageCollector
from kube_nb.controllers.nodes.ttl import NodeTtlController
from kube_nb.controllers.protection import ClaimProtection, VolumeProtection
from kube_nb.controllers.quota import ResourceQuotaController
from kube_nb.controllers.replicas import REPLICA_SET, REPLICATION_CONTROLLER, ReplicaController
from kube_nb.controllers.roles import ClusterRoleAggregation
from kube_nb.controllers.services.cidrs import ServiceCidrController
from kube_nb.controllers.services.endpoints import EndpointsController
from kube_nb.controllers.services.mirroring import EndpointSliceMirroringController
from kube_nb.controllers.services.slices import EndpointSliceController
from kube_nb.controllers.statefulset import StatefulSetController

#: Names as kube-controller-manager's ``--controllers`` flag takes them; all are on by default.
CONTROLLERS: Mapping[str, Callable[[Context], Runnable]] = {
    "serviceaccount-controller": ServiceAccountsController,
    "root-ca-certificate-publisher-controller": RootCaPublisher,
    "namespace-controller": NamespaceController,
    "serviceaccount-token-controller": TokensController,
    "clusterrole-aggregation-controller": ClusterRoleAggregation,
    "certificatesigningrequest-signing-controller": CertificateSigner,
    "certificatesigningrequest-approving-controller": CertificateApprover,
    "certificatesigningrequest-cleaner-controller": CertificateCleaner,
    "garbage-collector-controller": GarbageCollector,
    "resourcequota-controller": ResourceQuotaController,
    "node-ipam-controller": NodeIpamController,
    "node-lifecycle-controller": NodeLifecycleController,
    "ttl-controller": NodeTtlController,
    "taint-eviction-controller": TaintEvictionController,
    "pod-garbage-collector-controller": PodGarbageCollector,
    "deployment-controller": DeploymentController,
    "replicaset-controller": lambda context: ReplicaController(context, REPLICA_SET),
    "replicationcontroller-controller": lambda context: ReplicaController(context, REPLICATION_CONTROLLER),
    "statefulset-controller": StatefulSetController,
    "daemonset-controller": DaemonSetController,
    "job-controller": JobController,
    "cronjob-controller": CronJobController,
    "ttl-after-finished-controller": TtlAfterFinishedController,
    "disruption-controller": DisruptionController,
    "persistentvolumeclaim-protection-controller": ClaimProtection,
    "persistentvolume-protection-controller": VolumeProtection,
    "endpoints-controller": EndpointsController,
    "endpointslice-controller": EndpointSliceController,
    "endpointslice-mirroring-controller": EndpointSliceMirroringController,
    "service-cidr-controller": ServiceCidrController,
    "validatingadmissionpolicy-status-controller": AdmissionPolicyStatus,
}
