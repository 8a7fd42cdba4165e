"""Lesson 1 in a real JupyterLab: every cell runs, the graph is on the page, is clicked, and grows without a reload."""

import importlib.util
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

_spec = importlib.util.spec_from_file_location("kube_nb_browser_lab", Path(__file__).with_name("lab.py"))
assert _spec is not None
assert _spec.loader is not None
lab: Any = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = lab
_spec.loader.exec_module(lab)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LESSON = "01-first-steps.ipynb"
PICTURES = {
    "status": "cell-03",
    "manifest": "cell-08",
    "why": "cell-16",
    "endpoints": "cell-22",
    "match": "cell-37",
    "graph": "cell-39",
}
#: JavaScript on the ids of a graph's nodes.
PODS = "nodes.filter(id => id.startsWith('Pod/'))"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """The lesson, opened in JupyterLab. Without `%kube down`, so that there is something to look at."""
    from playwright.sync_api import sync_playwright

    text = (lab.ROOT / "notebooks" / LESSON).read_text()
    assert "%kube down" in text
    lab.copy_lesson(LESSON, tmp_path)
    with lab.jupyter_lab(tmp_path) as (url, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.CHROMIUM, args=["--no-sandbox"])
        try:
            context = browser.new_context(viewport={"width": 1500, "height": 1000})
            opened = lab.LabPage(context.new_page(), url, token, LESSON)
            yield opened
            opened.shoot("lesson-01-end")
        finally:
            browser.close()


def overlapping(nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (a["id"], b["id"])
        for a, b in combinations(nodes, 2)
        if a["x1"] < b["x2"] and b["x1"] < a["x2"] and a["y1"] < b["y2"] and b["y1"] < a["y2"]
    ]


def test_the_lesson_runs_and_its_graph_lives(page: Any) -> None:
    page.run_all()
    assert page.failed_cells() == []
    for name, cell in PICTURES.items():
        page.show(cell)
        page.shoot(f"lesson-01-{name}")
    page.show("cell-39")
    graph = page.graph("cell-39")
    graph.wait_for_nodes(f"{PODS}.length >= 4")
    assert overlapping(graph.nodes()) == []
    graph.click("Deployment/default/mynginx")
    page.page.wait_for_selector(".jp-OutputArea-output pre:has-text('name: mynginx')", timeout=10_000)
    page.dark()
    for name, cell in PICTURES.items():
        page.show(cell)
        page.shoot(f"lesson-01-{name}-dark")
    assert page.complaints == []


def test_a_refusal_is_one_line_of_text_and_stops_what_comes_after(page: Any) -> None:
    page.run_cell("%load_ext kube_nb")
    page.run_cell("%kube up --nodes 1")
    page.run_cell("%%manifest\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n   data: {}\n")
    assert len(page.failed_cells()) == 1
    shown = page.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error'], .jp-RenderedText").last
    assert "line 6 of the cell" in shown.inner_text()
    assert "Traceback" not in shown.inner_text()
    page.show(page.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCell.model.id"))
    page.shoot("refusal")
    assert page.complaints == []


def test_a_click_shows_the_object_and_more_replicas_grow_the_graph(page: Any) -> None:
    page.run_cell("%load_ext kube_nb")
    page.run_cell("%kube up --nodes 3")
    page.run_cell(
        "%%manifest\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n"
        "  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n"
        "    spec:\n      containers:\n      - {name: nginx, image: 'nginx:1.27'}\n"
    )
    cell = page.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCell.model.id")
    graph = page.graph(cell)
    graph.wait_for_nodes(f"{PODS}.length === 2 && found.cy.nodes().every(each => each.hasClass('good'))")
    page.show(cell)
    page.shoot("graph-2-pods")
    nodes = graph.nodes()
    assert overlapping(nodes) == []
    assert [node["id"] for node in nodes if not node["inside"]] == []

    graph.click("Deployment/default/web")
    page.page.wait_for_selector(".jp-OutputArea-output pre:has-text('kind: Deployment')", timeout=10_000)
    page.shoot("graph-clicked")

    page.run_cell("%kubectl expose deployment web --port=80")
    page.run_cell("%kubectl scale deployment web --replicas=5")
    graph.wait_for_nodes("nodes.filter(id => id.startsWith('Pod/')).length === 5")
    graph.wait_for_nodes(f"{PODS}.length === 5 && {PODS}.every(id => found.cy.getElementById(id).hasClass('good'))")
    page.show(cell)
    page.shoot("graph-5-pods")
    nodes = graph.nodes()
    assert overlapping(nodes) == []
    assert [node["id"] for node in nodes if not node["inside"]] == []
    assert len(graph.edges()) == len(set(graph.edges()))

    page.run_cell("%kubectl scale deployment web --replicas=1")
    graph.wait_for_nodes("nodes.filter(id => id.startsWith('Pod/')).length === 1")
    page.show(cell)
    page.shoot("graph-1-pod")
    page.run_cell("%kube down")
    assert page.failed_cells() == []
    assert page.complaints == []
