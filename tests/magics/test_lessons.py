"""Each lesson runs headless, every cell passes, and its pictures are in the output."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import stores

ROOT = Path(__file__).parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
PICTURE = re.compile(r'<img alt="[^"]*" src="data:image/svg\+xml;base64,')

pytestmark = pytest.mark.slow


def executed(lesson: Path, folder: Path) -> list[dict[str, Any]]:
    """The code cells of the lesson as ``kube-nb run`` leaves them."""
    target = folder / lesson.name
    path = os.pathsep.join([str(ROOT), str(ROOT / "magics")])
    command = [sys.executable, "-m", "kube_nb.cluster", "run", str(lesson), "--output", str(target)]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=240, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [cell for cell in json.loads(target.read_text())["cells"] if cell["cell_type"] == "code"]


def html(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("data", {}).get("text/html", "")) for output in cell["outputs"])


def png(cell: dict[str, Any]) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell["outputs"])


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])
def test_a_lesson_runs_headless_with_its_pictures(lesson: Path, tmp_path: Path) -> None:
    cells = executed(lesson, tmp_path)
    assert [cell["source"] for cell in cells if any(o["output_type"] == "error" for o in cell["outputs"])] == []
    assert any(PICTURE.search(html(cell)) or png(cell) for cell in cells)
    for cell in cells:
        source = "".join(cell["source"])
        if re.match(r"%%manifest|%kube (graph|weights)", source):
            assert PICTURE.search(html(cell)), source
        elif re.match(r"%kube (why|match|endpoints)", source):
            assert "<table" in html(cell), source


@pytest.mark.parametrize("store", stores.EVERY[1:])
def test_the_first_lesson_runs_on_every_store(store: str, tmp_path: Path) -> None:
    lesson = json.loads(LESSONS[0].read_text())
    with stores.flags_of(store) as flags:
        for cell in lesson["cells"]:
            cell["source"] = "".join(cell["source"]).replace("%kube up --nodes", f"%kube up {flags} --nodes")
        changed = tmp_path / "changed.ipynb"
        changed.write_text(json.dumps(lesson))
        cells = executed(changed, tmp_path / "out")
    assert sum(flags in cell["source"] for cell in lesson["cells"]) == 1
    assert [cell["source"] for cell in cells if any(o["output_type"] == "error" for o in cell["outputs"])] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.stem for lesson in LESSONS])
def test_a_lesson_is_kept_without_outputs_and_with_ids(lesson: Path) -> None:
    cells = json.loads(lesson.read_text())["cells"]
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
