"""The virtual network: addresses, byte streams and datagrams between pods, service addresses, names.

Nothing here opens a socket. `fabric.VirtualNetwork` is the wire: it knows every node and every network stack (a node's
or a pod's). A connection goes from a `namespace.Namespace` through its node's `dataplane.Dataplane`, which turns a
service's address into an endpoint's as iptables rules would, to the listener of another stack. What a real kernel says
is said here: connection refused where nobody listens or a service has no endpoints, no route to host for a pod address
that is gone, a time-out for the rest.

`proxy.KubeProxy` keeps one node's dataplane in step with Services and EndpointSlices; `dns.ClusterDns` answers for the
cluster's names; `resolver` is the stub resolver of a pod (search path, ndots). Read `fabric` first.

Differs: links have no bandwidth and, unless asked for, no latency; only IPv4; iptables' view of services only.
"""
