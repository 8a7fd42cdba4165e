"""What every other package is written in: time, names, selectors, quantities, errors, patches, field ownership.

Guarantees: plain values in, plain values out. Objects are dicts in wire form and are never changed here: whatever
changes one returns a copy that shares all that stayed. Nothing waits, opens a file or a socket, reads the wall clock or
draws a random number, except the loop itself; equal inputs give equal outputs, ties and orders included. What a user
can get wrong is a ValueError, `patch.PatchError` or `errors.ApiError` in upstream's own words, since people search for
them. What runs on every write (selectors, quantities, ownership) is cached or cut short by identity.

    time       loop      the event loop whose time is the cluster's      clock    now, streams of chance, periodic work
               times     RFC 3339 timestamps                             duration Go's durations, kubectl's ages
    objects    types     `Obj`, a dict in wire form                      gvk      kinds' and resources' names
               objects   metadata, owners, conditions                    names    made and checked
    asking     labels    label selectors                                 fields   field selectors
               quantity  500m, 128Mi
    changing   patch     JSON, merge and strategic merge patches         managed  who owns which field; apply
    calling    exchange  request, response, watch stream, session        errors   `ApiError`, which is a Status
               cause     what made a write happen
    printing   pflag     command-line flags as kubectl parses them       tabwriter aligned columns

Read `loop` and `exchange` first: all else in the project hangs between them. `patch` and `managed` know types only by
the protocol `patch.TypeSchema`, which the schemas of `kube_nb.api` implement. Models k8s.io/apimachinery.
"""
