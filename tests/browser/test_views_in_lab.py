"""The views in a real JupyterLab: they are drawn, they follow what happens, and they can be read in both themes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: asked}\nspec: {containers: [{name: c, image: nginx}]}\n"
CELLS = {
    "etcd": "%kube etcd",
    "request": f"%%kube request POST pods\n{POD}",
    "why": "%kube why asked",
    "whynot": "%kube why-not asked node-2",
    "timeline": "%kube timeline pod/asked",
    "fork": "%kube fork --pace max",
    "past": "%kube use kube\n%kube graph --at 250 -n kube-system --nodes",
}


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """An empty notebook in JupyterLab."""
    from playwright.sync_api import sync_playwright

    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (tmp_path / "views.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )
    with lab.jupyter_lab(tmp_path) as (url, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=lab.CHROMIUM, args=["--no-sandbox"])
        try:
            context = browser.new_context(viewport={"width": 1500, "height": 1000})
            yield lab.LabPage(context.new_page(), url, token, "views.ipynb")
        finally:
            browser.close()


def active(page: Any) -> str:
    return str(page.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCell.model.id"))


def outputs(page: Any, cell: str) -> str:
    script = """id => window.jupyterapp.shell.currentWidget.content.widgets
        .find(cell => cell.model.id === id).outputArea.node.innerHTML"""
    return str(page.page.evaluate(script, cell))


def wait_for_output(page: Any, cell: str, text: str) -> None:
    script = """([id, text]) => window.jupyterapp.shell.currentWidget.content.widgets
        .find(c => c.model.id === id).outputArea.node.textContent.includes(text)"""
    page.page.wait_for_function(script, arg=[cell, text], timeout=30_000)


def test_the_views_are_drawn_follow_the_cluster_and_read_in_both_themes(page: Any) -> None:
    page.run_cell("%load_ext kube_nb")
    page.run_cell("%kube up --nodes 2 --etcd-members 3")
    cells = {}
    for name, source in CELLS.items():
        page.run_cell(source)
        cells[name] = active(page)
    assert page.failed_cells() == []
    for name, cell in cells.items():
        page.show(cell)
        page.shoot(f"view-{name}")

    page.run_cell("%kube etcd cut etcd-0")
    page.show(cells["etcd"])
    wait_for_output(page, cells["etcd"], "cut off from the quorum")
    page.shoot("view-etcd-parted")

    page.show(cells["why"])
    page.page.locator(".widget-dropdown select").last.select_option("node")
    wait_for_output(page, cells["why"], "node-1")
    page.shoot("view-why-sorted")

    page.dark()
    for name, cell in cells.items():
        page.show(cell)
        page.shoot(f"view-{name}-dark")
    page.run_cell("%kube etcd heal\n%kube down kube kube-2")
    assert page.failed_cells() == []
    assert page.complaints == []
    assert all("onerror" not in outputs(page, cell) for cell in cells.values())
