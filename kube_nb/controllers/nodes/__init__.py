"""Nodes that come, fall silent and go: `lifecycle` watches heartbeats and taints, `eviction` follows NoExecute taints,
`ipam` hands out pod ranges, `ttl` says how long kubelets may cache, `pod_gc` removes pods that no kubelet looks after.

`health`, `taints` and `zones` hold the plain logic of `lifecycle`. Models pkg/controller/nodelifecycle,
pkg/controller/tainteviction, pkg/controller/nodeipam, pkg/controller/ttl and pkg/controller/podgc.
"""
