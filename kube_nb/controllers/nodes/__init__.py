"""Nodes that come, fall silent and go: `lifecycle` watches heartbeats and taints, `eviction` follows NoExecute taints,
`ipam` hands out pod ranges, `pod_gc` removes pods that no kubelet looks after any more.

`health`, `taints` and `zones` hold the plain logic of `lifecycle`. Models pkg/controller/nodelifecycle,
pkg/controller/tainteviction, pkg/controller/nodeipam and pkg/controller/podgc.
"""
