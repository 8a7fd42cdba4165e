"""What the transcript tests' cluster holds: a node, a Deployment with its pods, a Service, and their likes."""

from pathlib import Path

import yaml

_MANIFESTS = """
apiVersion: v1
kind: Node
metadata:
  name: node-1
  labels: {kubernetes.io/hostname: node-1, node-role.kubernetes.io/control-plane: "", zone: a}
  annotations: {node.alpha.kubernetes.io/ttl: "0"}
spec:
  podCIDR: 10.244.1.0/24
  podCIDRs: [10.244.1.0/24]
  providerID: sim://node-1
  taints: [{key: dedicated, value: web, effect: PreferNoSchedule}]
status:
  addresses: [{type: InternalIP, address: 192.168.1.1}, {type: Hostname, address: node-1}]
  capacity: {cpu: "4", memory: 8Gi, ephemeral-storage: 100Gi, pods: "110"}
  allocatable: {cpu: "4", memory: 8Gi, ephemeral-storage: "95", pods: "110"}
  conditions:
  - {type: MemoryPressure, status: "False", reason: KubeletHasSufficientMemory, message: has enough,
     lastHeartbeatTime: "2026-01-01T00:00:00Z", lastTransitionTime: "2026-01-01T00:00:00Z"}
  - {type: Ready, status: "True", reason: KubeletReady, message: kubelet is posting ready status,
     lastHeartbeatTime: "2026-01-01T00:00:00Z", lastTransitionTime: "2026-01-01T00:00:00Z"}
  nodeInfo: {machineID: m1, systemUUID: s1, bootID: b1, kernelVersion: 6.1.0, osImage: Debian 12,
    operatingSystem: linux, architecture: amd64, containerRuntimeVersion: "simulated://1", kubeletVersion: v1.37.0,
    kubeProxyVersion: v1.37.0}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: node-1, namespace: kube-node-lease}
spec: {holderIdentity: node-1, leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:00.000000Z"}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
imagePullSecrets: [{name: absent}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {color: blue}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: lines}
data: {text: "two\\nlines"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: long}
data:
  long: a line that is long enough to be folded when it is printed as YAML, because it passes the eightieth column
  quoted: "a: line with a colon, that is long enough to be folded when it is printed as YAML, in quotes this time"
  number: "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 # 0123456789"
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
type: Opaque
data: {password: c2VjcmV0}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  clusterIP: 10.96.0.80
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: metrics, port: 9090, targetPort: metrics}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-abcde, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.2], conditions: {ready: true}, nodeName: node-1,
   targetRef: {kind: Pod, name: web-1, namespace: default}}
- {addresses: [10.244.1.3], conditions: {ready: false}}
---
apiVersion: v1
kind: Endpoints
metadata: {name: web}
subsets:
- {addresses: [{ip: 10.244.1.2}], notReadyAddresses: [{ip: 10.244.1.3}], ports: [{name: http, port: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {deployment.kubernetes.io/revision: "1"}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {checksum: abc}}
    spec:
      serviceAccountName: robot
      nodeSelector: {zone: a}
      tolerations: [{key: dedicated, operator: Equal, value: web, effect: NoSchedule}]
      containers:
      - name: nginx
        image: nginx:1.25
        ports: [{containerPort: 8080, name: http}, {containerPort: 9090, name: metrics}]
        resources: {limits: {cpu: "1", memory: 128Mi}, requests: {cpu: 250m, memory: 64Mi}}
        env:
        - {name: PLAIN, value: x}
        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: password}}}
        - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
        - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
        envFrom: [{configMapRef: {name: settings}, prefix: S_}]
        readinessProbe: {httpGet: {path: /ready, port: http}}
        livenessProbe: {exec: {command: [sh, -c, "true"]}, initialDelaySeconds: 5}
        volumeMounts: [{name: settings, mountPath: /etc/settings, readOnly: true}, {name: tmp, mountPath: /tmp}]
      volumes:
      - {name: settings, configMap: {name: settings}}
      - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
      - {name: host, hostPath: {path: /var/log}}
      - {name: claim, persistentVolumeClaim: {claimName: data}}
status:
  {observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1,
   unavailableReplicas: 1, conditions: [{type: Available, status: "True", reason: MinimumReplicasAvailable},
   {type: Progressing, status: "True", reason: NewReplicaSetAvailable}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web, env: prod}}
spec:
  nodeName: node-1
  serviceAccountName: robot
  priority: 0
  initContainers: [{name: prepare, image: busybox, command: [sh, -c, "echo one\\necho two"]}]
  containers:
  - name: nginx
    image: nginx:1.25
    args: [--verbose]
    ports: [{containerPort: 8080}]
    resources: {limits: {cpu: "1", memory: 128Mi}, requests: {cpu: 250m, memory: 64Mi}}
    env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
  - {name: side, image: busybox}
  tolerations:
  - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}
  - {operator: Exists}
  volumes:
  - name: api
    projected:
      sources:
      - serviceAccountToken: {expirationSeconds: 3607, path: token}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
      - secret: {name: keys}
status:
  phase: Running
  hostIP: 192.168.1.1
  podIP: 10.244.1.2
  podIPs: [{ip: 10.244.1.2}]
  qosClass: Burstable
  startTime: "2026-01-01T00:00:00Z"
  conditions: [{type: Ready, status: "False"}, {type: PodScheduled, status: "True"}]
  initContainerStatuses:
  - {name: prepare, image: busybox, imageID: sha256:0, containerID: "sim://0", ready: true, restartCount: 0,
     state: {terminated: {exitCode: 0, reason: Completed, startedAt: "2026-01-01T00:00:00Z",
     finishedAt: "2026-01-01T00:00:01Z"}}}
  containerStatuses:
  - {name: nginx, image: nginx, imageID: sha256:1, containerID: "sim://1", ready: true, restartCount: 2,
     state: {running: {startedAt: "2026-01-01T00:00:00Z"}},
     lastState: {terminated: {exitCode: 1, reason: Error, startedAt: "2026-01-01T00:00:00Z",
     finishedAt: "2026-01-01T00:00:01Z"}}}
  - {name: side, image: busybox, imageID: "", ready: false, restartCount: 0,
     state: {waiting: {reason: ImagePullBackOff, message: no such image}}}
---
apiVersion: v1
kind: Pod
metadata: {name: loose, labels: {app: other}}
spec:
  nodeName: node-1
  containers: [{name: main, image: busybox, command: [sleep, "5"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: pi}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: pi, image: perl}]}
status: {active: 1, ready: 0, startTime: "2026-01-01T00:00:00Z"}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 0 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: OnFailure, containers: [{name: backup, image: busybox}]}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  local: {path: /mnt/disk}
  nodeAffinity:
    required:
      nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-1]}]}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 5Gi}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: sim.io/disk
parameters: {type: ssd}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front}
spec:
  tls: [{hosts: [example.com], secretName: keys}]
  rules:
  - host: example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /none, pathType: Prefix, backend: {service: {name: none, port: {name: http}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: wall}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: other}}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
    ports: [{port: 80, protocol: TCP}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: postgres}]}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {nodeSelector: {zone: a}, containers: [{name: agent, image: agent}]}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: old}
spec:
  replicas: 1
  selector: {app: old}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: old, image: old}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
description: before the others
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {pods: "50", services: "20"}}
status: {hard: {pods: "50", services: "20"}, used: {pods: "2", services: "1"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits, namespace: kube-public}
spec: {limits: [{type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 100m}, max: {memory: 1Gi}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [pods, pods/log], verbs: [get, list, watch]}
- {apiGroups: [apps], resources: [deployments], verbs: ["*"], resourceNames: [web]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robots}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: robot, namespace: default}
- {kind: User, name: jane, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: v1
kind: Event
metadata: {name: web-1.1}
involvedObject: {apiVersion: v1, kind: Pod, name: web-1, namespace: default}
type: Warning
reason: BackOff
message: Back-off pulling image
count: 4
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-02T00:00:00Z"
source: {component: kubelet, host: node-1}
"""

OBJECTS = list(yaml.safe_load_all(_MANIFESTS))

_FILES = {
    "pod.yaml": """\
apiVersion: v1
kind: Pod
metadata: {name: fresh, labels: {app: fresh}}
spec: {containers: [{name: main, image: busybox}]}
""",
    "deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 1
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: api, image: "api:1"}]}
""",
    "deployment-2.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: api, image: "api:2"}]}
""",
    "several.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: two}
stringData: {b: "2"}
""",
    "broken.yaml": "apiVersion: v1\nkind: Pod\nmetadata: [\n",
    "unknown.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n",
    "invalid.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: Bad_Name}\nspec: {ports: [{port: 99999}]}\n",
    "strict.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: strict}\nspoon: there is none\n",
    "app.properties": "color=blue\nsize=large\n",
}


def files(folder: Path) -> None:
    """Write the files that command lines name with ``$DIR``."""
    for name, text in _FILES.items():
        (folder / name).write_text(text)
