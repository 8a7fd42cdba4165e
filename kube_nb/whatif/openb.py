"""The openb trace: 1213 GPU nodes (1523 with the CPU-only ones), six mixes of pods; Apache-2.0, see traces/NOTICE."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from importlib import resources as package_files
from pathlib import Path

from kube_nb.machinery.types import Obj
from kube_nb.whatif.gpu import MAX_GPUS, MODEL, RESOURCE, WHOLE
from kube_nb.whatif.workload import Task, Workload, WorkloadError

WORKLOADS = ("default", "cpu050", "cpu250", "gpushare40", "multigpu20", "gpuspec33")

_NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
_POD_COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")


def load(name: str = "default", nodes: str = "gpu") -> Workload:
    if name not in WORKLOADS:
        raise WorkloadError(f"no openb workload {name!r}, there are {', '.join(WORKLOADS)}")
    if nodes not in ("gpu", "all"):
        raise WorkloadError(f"nodes must be gpu or all, not {nodes!r}")
    return from_csv(_packed(f"openb_node_list_{nodes}_node"), _packed(f"openb_pod_list_{name}"), name)


def from_csv(nodes: str | Path, pods: str | Path, name: str = "openb") -> Workload:
    """From other files of the trace: paths, or the text itself. WorkloadError names file, line and column."""
    node_rows = [_node(where, row) for where, row in _rows(nodes, "nodes", _NODE_COLUMNS)]
    shapes: dict[tuple[str, ...], Obj] = {}
    tasks = [_task(where, row, shapes) for where, row in _rows(pods, "pods", _POD_COLUMNS)]
    node_rows.sort(key=lambda node: str(node["metadata"]["name"]))
    return Workload(name, node_rows, tasks)


def published() -> "list[dict[str, str]]":
    """The paper's allocation curves: workload, sc_policy, seed, and a column per arrived per cent."""
    return list(csv.DictReader(io.StringIO(_packed("analysis_allo_discrete"))))


def _packed(name: str) -> str:
    path = package_files.files("kube_nb.whatif") / "traces" / f"{name}.csv.gz"
    return gzip.decompress(path.read_bytes()).decode()


def _rows(source: str | Path, what: str, needed: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, str]]]:
    text = source if isinstance(source, str) and "\n" in source else Path(source).read_text()
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in needed if column not in (reader.fieldnames or ())]
    if missing:
        raise WorkloadError(f"{what}: missing columns: {', '.join(missing)}")
    for row in reader:
        yield f"{what}, line {reader.line_num}", row


def _whole(where: str, row: Mapping[str, str], column: str, most: int = 2**53) -> int:
    text = row.get(column) or "0"
    try:
        value = int(text)
    except ValueError:
        raise WorkloadError(f"{where}, column {column}: {text!r} is no whole number") from None
    if not 0 <= value <= most:
        raise WorkloadError(f"{where}, column {column}: {value} is not between 0 and {most}")
    return value


def _node(where: str, row: Mapping[str, str]) -> Obj:
    gpus = _whole(where, row, "gpu", MAX_GPUS)
    allocatable = {
        "cpu": f"{_whole(where, row, 'cpu_milli')}m",
        "memory": f"{_whole(where, row, 'memory_mib')}Mi",
        "pods": "100000",
    }
    if gpus:
        allocatable[RESOURCE] = str(gpus * WHOLE)
    labels = {MODEL: row["model"]} if row.get("model") else {}
    meta = {"name": row["sn"], "labels": labels}
    return {"kind": "Node", "metadata": meta, "spec": {}, "status": {"allocatable": allocatable}}


def _task(where: str, row: Mapping[str, str], shapes: dict[tuple[str, ...], Obj]) -> Task:
    key = tuple(row.get(column) or "" for column in ("cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"))
    if key not in shapes:
        shapes[key] = _spec(where, row)
    created, deleted = _seconds(where, row, "creation_time"), _seconds(where, row, "deletion_time")
    lasts = max(0.0, deleted - created) if created is not None and deleted is not None else None
    priority = 0 if (row.get("qos") or "LS") == "BE" else 100
    meta = {"name": row["name"], "namespace": "openb", "labels": {"qos": row.get("qos") or "", "band": str(priority)}}
    return Task({"metadata": meta, "spec": shapes[key]}, created or 0.0, lasts)


def _seconds(where: str, row: Mapping[str, str], column: str) -> float | None:
    return float(_whole(where, row, column)) if row.get(column) else None


def _spec(where: str, row: Mapping[str, str]) -> Obj:
    number, milli = _whole(where, row, "num_gpu", MAX_GPUS), _whole(where, row, "gpu_milli", WHOLE)
    asked = {"cpu": f"{_whole(where, row, 'cpu_milli')}m", "memory": f"{_whole(where, row, 'memory_mib')}Mi"}
    if number:
        asked[RESOURCE] = str(number * milli)
    spec: Obj = {"containers": [{"name": "task", "image": "task", "resources": {"requests": asked}}]}
    if models := (row.get("gpu_spec") or ""):
        expression = {"key": MODEL, "operator": "In", "values": models.split("|")}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return spec
