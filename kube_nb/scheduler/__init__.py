"""The scheduler: filter, score, bind; every decision kept whole.

Data flow::

    informers --> event_handlers --> columns (snapshot: nodes and their pods as numpy columns, row by row)
                        |                 |
                        v                 v
                      queue --pod--> engine.schedule --> Attempt (node, or who refused; all scores) --> decisions
                        ^             search  select              |
                        |                                         v
                        +----- refused, faulted ------------ binding (Reserve .. PostBind) --> the API

Guarantees:

- Decisions equal kube-scheduler's with parallelism 1: node order, adaptive percentage, rotating start, integer
  arithmetic, tie rule of the served version.
- The engine (columns, pod_class, search, selection, engine) is plain and synchronous and knows no API: `whatif` runs
  the very same. Pods alike share an equivalence class; after a placement one row is looked at again.
- A plugin's plain form (one node a call) and its column form (all nodes a call) are held equal by a test.
- A plugin that throws, is slow or answers nonsense is reported with the pod's attempt; the scheduler goes on.

Read first: `framework` (the plugin protocols), then `engine`, then `scheduler` (the shell around it).
numpy is imported by the modules, not by this package's ``__init__``.
"""
