"""What-if: policies against workloads, by the thousand, with the live scheduler's own engine and no API.

Data flow::

    Workload (nodes, tasks: openb, dump, cluster, generated) --+
                                                               +--> fill / replay --> Run --> compare --> Comparison
    Policy (a profile of plugins, a tie rule) -----------------+      |                        .df .plot()
                                                                      +--> compact, experiments, capacity

- The same workload, policy and seed give the same result, in one process or on eight.
- Every result names the tie rule: it alone moves allocation by points.
- Nothing here reads a clock; durations are the workload's own.

Read first: `workload` and `policy`, then `fill` (place everything once), `replay` (arrivals and departures in virtual
time), `compare` (many runs, in parallel), `compact` (how few machines would do).
"""

from kube_nb.whatif.compact import Compaction, compact
from kube_nb.whatif.compare import Comparison, compare, compare_replays
from kube_nb.whatif.fill import Run, fill
from kube_nb.whatif.policy import POLICIES, Policy
from kube_nb.whatif.replay import Replay, replay
from kube_nb.whatif.workload import Task, Workload

__all__ = [
    "POLICIES",
    "Compaction",
    "Comparison",
    "Policy",
    "Replay",
    "Run",
    "Task",
    "Workload",
    "compact",
    "compare",
    "compare_replays",
    "fill",
    "replay",
]
