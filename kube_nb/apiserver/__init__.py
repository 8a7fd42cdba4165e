"""The API server: every request to the cluster, from whoever it comes, on one way through the same stations.

Guarantees: `ApiServer.handle` answers every request with a `Response` and never raises; a refusal changes nothing; an
object in a response is a view that is shared with the store's cache and with all other readers; what two watchers see
of one change is one event, encoded at most once; a change costs nothing to watchers that do not match it.

::

    socket -> serving.http.Front -+                 (TLS, client certificate -> User, WebSocket, SPDY for port-forward)
    in-kernel transport ----------+--> ApiServer.handle(Request)
                                   requestinfo.parse       what the URL asks for: verb, resource, name, subresource
                                   deadline                the query's timeout, a minute over sockets; 504
                                   authn                   who asks: certificate, bearer token of any sort, anonymous
                                   audit.received          the log's first stage, if there is a log
                                   fairness                flow schema, priority level, seats: now, in turn, or 429
                                   authz                   may they: Node, RBAC; system:masters may everything
                                   aggregation             a group of another server: the request goes there; 503
                                   nonresource             /healthz /version /metrics /apis /openapi ... end here
                                   routing                 the handler by resource, subresource and verb; 404, 405
       GET                         handlers.get  -> reading.get -> storage.get -> Cacher entry
       GET (list)                  handlers.list_ -> reading.page -> Cacher.select, or storage.at an older revision
       GET ?watch                  handlers.watch -> watching.watch -> Cacher.add(Watcher)
       POST, PUT, PATCH            decode -> typed (kind, fields, defaults) -> patching -> writing:
                                     strategy.prepare_for_*   status and generation rules   strategies/ by kind
                                     ownership                metadata.managedFields, server-side apply
                                     admission.admit          LimitRanger, ServiceAccount, policies, webhooks ...
                                     api.validation, apiextensions.rules, admission.validate
                                     strategy.begin_*         cluster IPs, node ports, escalation checks
                                     Resource.to_storage      the stored version: conversion, apiextensions.conversion
                                     storage.put              optimistic, encoded once
       DELETE                      deleting: grace, finalizers, preconditions; namespaces in two steps
       .../binding eviction log    subresources -> eviction, connecting, scaling, authn.tokens, reviews
                                   rendering               object, Table, metadata only, JSON or YAML
                                 metrics.count, audit.answered
    store commits -> storage._committed -> Cacher.put/remove -> each matching Watcher -> its WatchStream
                       (a version that is not the stored one: `Resource.served` on reads and lists, `converting` on
                        watches; both ask the definition's webhook where it has one)

Beside the requests run `apiextensions.customresources` (definitions -> kinds), `aggregation.apiservices` (what other
servers serve, and whether they answer), `fairness.configuration` and the bookmarks of `watching`. Programs of others,
be they functions in this kernel, pods or HTTPS servers, are asked through `callout` (webhooks) and `aggregation`.

One GET and one POST are followed best from `server.ApiServer._serve`. Then read `storage` and `cacher` (what is known,
how changes fan out), `writing` and `deleting` (what a write is), `strategy`.

Differs: see the modules; as a whole: responses are JSON or YAML, never protobuf or CBOR.
"""

from kube_nb.apiserver.server import ApiServer

__all__ = ["ApiServer"]
