"""What-if: policies against workloads, by the thousand, with the live scheduler's own engine and no API.

Data flow::

    Workload (nodes, tasks: openb, dump, cluster, generated) --+
                                                               +--> fill / replay --> Run --> compare --> Comparison
    Policy (a profile of plugins, a tie rule) -----------------+      |                        .df .plot()
                                                                      +--> compact, experiments, capacity

- Where controllers matter, `compare_futures` lets forks of a running cluster live on, each under another policy.
- The same workload, policy and seed give the same result, in one process or on eight.
- Every result names the tie rule: it alone moves allocation by points.
- Nothing here reads a clock; durations are the workload's own.

Read first: `workload` and `policy`, then `fill` (place everything once), `replay` (arrivals and departures in virtual
time), `compare` (many runs, in parallel), `compact` (how few machines would do), `capacity` and `experiments`.

>>> from kube_nb.whatif import Workload, compare, dask_executor
>>> cell = Workload.generate("borg", machines=50, seed=1)
>>> found = compare(["best-fit", "worst-fit"], cell, seeds=3)
>>> found.summary("stranded_memory"), found.plot("allocation"), found.first_divergence("best-fit", "worst-fit").text
>>> with dask_executor("tcp://scheduler:8786") as machines:
...     compare(["fgd", "gpu-best-fit"], Workload.openb(), inflate=1.3, shuffle_nodes=True, executor=machines)
"""

from kube_nb.whatif import capacity, experiments
from kube_nb.whatif.compact import Compaction, compact
from kube_nb.whatif.compare import compare, compare_replays
from kube_nb.whatif.comparison import Comparison, Divergence, ReplayComparison
from kube_nb.whatif.fill import Run, fill
from kube_nb.whatif.futures import Futures, compare_futures
from kube_nb.whatif.parallel import dask_executor
from kube_nb.whatif.policy import POLICIES, Policy
from kube_nb.whatif.replay import Replay, replay
from kube_nb.whatif.workload import Task, Workload, WorkloadError

__all__ = [
    "POLICIES",
    "Compaction",
    "Comparison",
    "Divergence",
    "Futures",
    "Policy",
    "Replay",
    "ReplayComparison",
    "Run",
    "Task",
    "Workload",
    "WorkloadError",
    "capacity",
    "compact",
    "compare",
    "compare_futures",
    "compare_replays",
    "dask_executor",
    "experiments",
    "fill",
    "replay",
]
