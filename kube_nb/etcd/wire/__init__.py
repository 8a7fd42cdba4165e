"""The v3 gRPC API, both ends of it.

`server.Server` puts a member's store on a socket for real etcdctl, kube-apiserver and client libraries: `http2` reads
frames, `calls` makes calls of them, the services are a module each; `gateway` gives the same methods as JSON over HTTP,
`health` tells how the member does.
`remote.connect` gives a `Backend` over somebody else's etcd. `codec` turns messages into the store's values and back;
grpcio is imported in `remote` only.
"""
