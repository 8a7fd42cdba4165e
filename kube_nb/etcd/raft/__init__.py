"""Raft: one log on many members, agreed entry by entry.

`core.Raft` is a plain state machine: `step` takes a message, `tick` the passing of time, `ready` tells what has to be
saved, sent and applied; it does no I/O and knows no clock. `member.RaftMember` drives one with a store behind it, on a
`network.Network`; `cluster.RaftCluster` is a handful of them. What a member must not forget is in a `stable.Stable`:
in memory, or with `disk.DiskStable` in a file, written before anything is sent or acknowledged because of it.

Guarantees, checked after every step in the tests: one leader a term; logs that agree at an entry agree before it; a
leader has every committed entry; no two members apply different entries at one place.
After Ongaro's thesis and go.etcd.io/raft: pre-vote, check-quorum, read index, learners, one membership change a time.
"""
