"""Completion indexes of Indexed jobs. Models pkg/controller/job/indexed_job_utils.go and success_policy.go."""

from collections.abc import Iterable, Sequence

from kube_nb.machinery import names, objects
from kube_nb.machinery.types import Obj

INDEX = "batch.kubernetes.io/job-completion-index"
_ENV = "JOB_COMPLETION_INDEX"


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def index_of(pod: Obj) -> int | None:
    """None if the pod bears no valid one."""
    text = objects.annotations(pod).get(INDEX, "")
    return int(text) if text.isdecimal() else None


def valid_index(pod: Obj, completions: int) -> int | None:
    index = index_of(pod)
    return index if index is not None and index < completions else None


def parse(text: str, completions: int) -> list[int]:
    """``"1,3-5"`` -> [1, 3, 4, 5]; what is not below `completions` is left out."""
    found: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        found += range(int(first), min(int(last or first), completions - 1) + 1)
    return found


def format(indexes: Iterable[int]) -> str:
    """[1, 3, 4, 5] -> ``"1,3-5"``; two neighbours are a pair, not a range."""
    runs: list[list[int]] = []
    for index in sorted(dict.fromkeys(indexes)):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    parts = []
    for first, last in runs:
        if first == last:
            parts.append(str(first))
        else:
            parts.append(f"{first},{last}" if last == first + 1 else f"{first}-{last}")
    return ",".join(parts)


def first_pending(taken: Iterable[int], count: int, completions: int) -> list[int]:
    """The lowest indexes, at most `count`, that nobody has."""
    seen = dict.fromkeys(taken)
    free = (index for index in range(completions) if index not in seen)
    return [index for index, _ in zip(free, range(count), strict=False)]


def surplus(active: Sequence[Obj], completions: int) -> tuple[list[Obj], list[Obj]]:
    """(pods without a valid index or with one that another pod has, the rest). Of equals the first one stays."""
    doomed: list[Obj] = []
    kept: dict[int, Obj] = {}
    for pod in active:
        index = valid_index(pod, completions)
        if index is None or index in kept:
            doomed.append(pod)
        else:
            kept[index] = pod
    return doomed, list(kept.values())


# -- pods that know their index ------------------------------------------------------------------------------------


def generate_name(job_name: str, index: int) -> str:
    """``report-3-``; the job's part is cut so that the pod's name is a valid one."""
    suffix = f"-{index}-"
    return job_name[: 63 - names.SUFFIX_LENGTH - len(suffix)] + suffix


def spec_with_index(job: Obj, index: int) -> Obj:
    """The template's spec with the index's environment variable and host name."""
    spec = job["spec"]["template"]["spec"]
    changed = {**spec, "hostname": f"{objects.name(job)}-{index}"}
    for field in ("initContainers", "containers"):
        if containers := spec.get(field):
            changed[field] = [_with_variable(container) for container in containers]
    return changed


def _with_variable(container: Obj) -> Obj:
    present = container.get("env") or []
    if any(variable["name"] == _ENV for variable in present):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return {**container, "env": [*present, {"name": _ENV, "valueFrom": source}]}


# -- success policy ------------------------------------------------------------------------------------------------


def success_message(job: Obj, succeeded: Sequence[int]) -> str | None:
    """Why spec.successPolicy is met by these indexes; None if it is not."""
    completions = job["spec"].get("completions") or 0
    for number, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        wanted = parse(rule["succeededIndexes"], completions) if rule.get("succeededIndexes") else None
        hit = len([index for index in succeeded if wanted is None or index in wanted])
        least = rule.get("succeededCount") or (len(wanted) if wanted is not None else None)
        if least is not None and hit >= least:
            return f"Matched rules at index {number}"
    return None
