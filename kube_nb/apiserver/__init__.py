"""The API server: every request to the cluster, from whoever it comes, on one way through the same stations.

Guarantees: `ApiServer.handle` answers every request with a `Response` and never raises; a refusal changes nothing; an
object in a response is a view that is shared with the store's cache and with all other readers; what two watchers see
of one change is one event, encoded at most once; a change costs nothing to watchers that do not match it.

::

    socket -> http.Front ---+                      (TLS, client certificate -> User, WebSocket, SPDY for port-forward)
    in-kernel transport ----+--> ApiServer.handle(Request)
                                   requestinfo.parse       what the URL asks for: verb, resource, name, subresource
                                   authn, impersonation    who asks: certificate, token, service account, anonymous
                                   authz                   may they: Node, RBAC; system:masters may everything
                                   nonresource             /healthz /version /apis /openapi ... end here
                                   routing                 the handler by resource, subresource and verb; 404, 405
       GET                         handlers.get  -> reading.get -> storage.get -> Cacher entry
       GET (list)                  handlers.list_ -> reading.page -> Cacher.select, or storage.at an older revision
       GET ?watch                  handlers.watch -> watching.watch -> Cacher.add(Watcher)
       POST, PUT, PATCH            decode -> typed (kind, fields, defaults) -> patching -> writing:
                                     strategy.prepare_for_*   status and generation rules   strategies/ by kind
                                     ownership                metadata.managedFields, server-side apply
                                     admission.admit          LimitRanger, ServiceAccount, Priority ...
                                     api.validation, admission.validate
                                     strategy.begin_*         cluster IPs, node ports, escalation checks
                                     storage.put              optimistic, encoded once
       DELETE                      deleting: grace, finalizers, preconditions; namespaces in two steps
       .../binding eviction log    subresources -> eviction, connecting, scaling, tokens, reviews
                                   rendering               object, Table, metadata only, JSON or YAML
    store commits -> storage._committed -> Cacher.put/remove -> deliver -> each matching WatchStream

One GET and one POST are followed best from `server.ApiServer._serve`. Then read `storage` and `cacher` (what is known,
how changes fan out), `writing` and `deleting` (what a write is), `strategy`.

Differs: see the modules; as a whole there is no priority and fairness and no aggregated API; responses are JSON or
YAML, never protobuf or CBOR.
"""

from kube_nb.apiserver.server import ApiServer

__all__ = ["ApiServer"]
