"""A function over many arguments: in this process, in many, or on any `concurrent.futures.Executor`, Dask's included.

What a killed worker took with it is done again. In which order and where things are done changes no result.
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, TypeAlias

#: How often what a killed worker took with it is done again.
RETRIES = 3

#: True: a bar on standard error; a function(done, all): told after each.
Progress: TypeAlias = "bool | Callable[[int, int], None]"


def run_all(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    executor: Executor | None = None,
    processes: int | None = None,
    progress: Progress = False,
) -> list[Any]:
    """The results in order.

    executor: who works; else as many processes as `processes` (None: one per processor; 1: only this one).
    """
    tell = _teller(progress)
    if executor is None and processes == 1:
        found = []
        for done, each in enumerate(arguments, 1):
            found.append(function(*each))
            tell(done, len(arguments))
        return found
    results: dict[int, Any] = {}
    for attempt in range(RETRIES + 1):
        missing = [number for number in range(len(arguments)) if number not in results]
        if not missing:
            break
        with nullcontext(executor) if executor is not None else ProcessPoolExecutor(processes) as pool:
            futures = _submitted(pool, function, arguments, missing)
            for future in as_completed(futures):
                try:
                    results[futures[future]] = future.result()
                except Exception as error:
                    if not _killed(error) or attempt == RETRIES:
                        raise
                    continue
                tell(len(results), len(arguments))
    return [results[number] for number in range(len(arguments))]


def _submitted(
    pool: Executor, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], missing: Sequence[int]
) -> dict[Future[Any], int]:
    """Processes are forked, though this one has threads: what a cell defines is known to forked ones only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded, use of fork", DeprecationWarning)
        return {pool.submit(function, *arguments[number]): number for number in missing}


def _killed(error: Exception) -> bool:
    """A worker died; Dask says so with an exception of its own, which is named here to spare its import."""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ in ("KilledWorker", "CommClosedError")


def _teller(progress: Progress) -> Callable[[int, int], None]:
    if progress is True:
        return _bar
    return progress or (lambda done, total: None)


def _bar(done: int, total: int) -> None:
    """A bar that writes over itself."""
    filled = 40 * done // max(1, total)
    sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done}/{total}" + ("\n" if done == total else ""))
    sys.stderr.flush()


@contextmanager
def dask_executor(address: str = "", *, workers: int | None = None) -> Iterator[Executor]:
    """An executor on Dask: a scheduler's address (``tcp://host:8786``), or a `LocalCluster` that lives as long as this.

    workers: processes of the local cluster, one per processor if not given. On other machines kube_nb must be installed
    in the same version. ImportError without the extra ``scale``.
    """
    try:
        import distributed  # here: an extra, and slow to import
    except ImportError:
        raise ImportError("Dask is not installed: pip install 'kube_nb[scale]'") from None
    dask: Any = distributed  # its types are partial
    with ExitStack() as stack:
        place: Any = address
        if not address:
            options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
            place = stack.enter_context(dask.LocalCluster(**options))
        yield stack.enter_context(dask.Client(place)).get_executor()
