"""Cell compaction and the cost of not sharing, beside Borg's figures (Verma et al., EuroSys 2015, section 5).

Assumptions: generated cells (see kube_nb.whatif.generate), nothing leaves, at most 0.2 % pending, production uses 60 %
of its cpu and 85 % of its memory. No constant is fitted to Borg's figures; real cells have constraints and job sizes
that these have not.
"""

import os

from kube_nb.whatif import Workload, compact, experiments
from kube_nb.whatif.compact import Compaction
from kube_nb.whatif.experiments import Overhead
from tests.benchmarks.measure import Figures

MACHINES = int(os.environ.get("BORG_MACHINES", "60"))
SEEDS = int(os.environ.get("BORG_SEEDS", "11"))


def bench() -> Figures:
    figures = Figures(f"Borg: machines that {MACHINES} could be compacted to, 90th percentile of {SEEDS} seeds")
    for kind in ("borg", "batch"):
        workload = Workload.generate(kind, machines=MACHINES, seed=1)
        for policy in ("best-fit", "worst-fit", "hybrid"):
            _count(figures, compact(workload, policy, SEEDS, processes=None))
    workload = Workload.generate("borg", machines=MACHINES, seed=1)
    apart = experiments.segregate(workload, "hybrid", SEEDS, processes=None)
    _more(figures, "production and the rest apart, with reclamation", apart, "Borg: +20 to 30 %")
    apart = experiments.segregate(workload, "hybrid", SEEDS, reclamation=False, processes=None)
    _more(figures, "production and the rest apart, without", apart, "")
    buckets = experiments.bucketed(workload, "hybrid", SEEDS, processes=None)
    _more(figures, "requests in powers of two", buckets, "Borg: +30 to 50 %")
    _more(figures, "the cell split in five", experiments.split(workload, 5, "hybrid", SEEDS, processes=None), "")
    return figures


def _count(figures: Figures, found: Compaction) -> None:
    figures.add(f"{found.workload}, {found.policy}", found.result, "", peer=f"{found.low} to {found.high}")


def _more(figures: Figures, what: str, found: Overhead, peer: str) -> None:
    interval = f"{min(found.percents):+.1f} to {max(found.percents):+.1f} %"
    figures.add(what, found.result, "% more", peer="; ".join(each for each in (interval, peer) if each))
