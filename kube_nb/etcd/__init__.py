"""An etcd: a key-value store that remembers every revision, with watches, leases, transactions, alone or in a cluster.

Guarantees: one order of revisions; a transaction's writes share one revision and are all there or none; a watcher sees
every event from its first revision on, in order, once, the events of one revision together, or is told that they are
compacted away, never silence; a lease's keys go with it in one revision; history stays until somebody compacts; a fork
from any revision takes the same time whatever the size. With a data directory, what is acknowledged, told or read is on
disk; with Raft, on a quorum.

A request's way: `local.LocalBackend` (async, on the loop's time) -> `store.Store` (plain, synchronous) -> `txn` and
`ranges` (checks, then reads and writes) -> `history.History` (versions by key and by revision) -> `watch.Audience`
(who hears of it). Read `backend` first: the values and the `Backend` protocol; then `history`, then `store`.

Around that: `durable`, `disk`, `loading`, `snapshots` keep a store in a file; `raft` makes members agree on the writes;
`wire` speaks the v3 gRPC API, as server and as client of a real etcd; `auth`, `guard`, `tokens` say who may;
`concurrency`, `stm` and `namespace` are recipes over any backend. Only `apiserver`, `etcdctl` and the wiring import
this package; it knows bytes only.
"""

#: The release whose API and behaviour this package follows; what `Maintenance.Status` tells.
VERSION = "3.6.0"
