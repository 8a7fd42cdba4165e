"""Which pods are behind a service: Endpoints (`endpoints`) and EndpointSlices (`slices`), as their controllers write
them. `selection` says which service selects which pod, `ports` what a target port is in a pod, `trigger_time` when
the change happened that a write answers. Models pkg/controller/endpoint and staging/src/k8s.io/endpointslice.
"""
