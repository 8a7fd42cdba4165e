"""A real JupyterLab on loopback and a page of Debian's Chromium on one of its notebooks."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
ARTIFACTS = Path(os.environ.get("KUBE_NB_ARTIFACTS", "build/artifacts"))
ROOT = Path(__file__).parents[2]
_START_LIMIT_S = 60.0
#: What JupyterLab itself says in every session; none of it is about us.
_HARMLESS = (
    "@jupyter-widgets/base",
    "Unsatisfied version",
    "favicon",
    "schemastore",
    "WebSocket",
    "apod",
    "news",
    "pypi.org",
    "net::ERR",
    "Failed to load resource",
)


@contextlib.contextmanager
def jupyter_lab(folder: Path) -> Iterator[tuple[str, str]]:
    """(URL, token) of a server on the notebooks of a folder; it and its kernels are gone afterwards."""
    token, port = secrets.token_hex(16), _free_port()
    hidden = folder / ".lab"
    settings = hidden / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    config = hidden / "jupyter_server_config.py"
    config.write_text(
        f"c.ServerApp.ip = '127.0.0.1'\nc.ServerApp.port = {port}\nc.ServerApp.port_retries = 0\n"
        f"c.ServerApp.open_browser = False\nc.IdentityProvider.token = '{token}'\nc.ServerApp.allow_root = True\n"
        "c.LabApp.expose_app_in_browser = True\nc.LabApp.news_url = ''\n"
        "c.LabApp.check_for_updates_class = 'jupyterlab.NeverCheckForUpdate'\n"
    )
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(hidden / name.lower()) for name in folders}
    path = os.pathsep.join([str(ROOT), str(ROOT / "magics")])
    env = {**os.environ, **own, "PYTHONPATH": path, "JUPYTERLAB_SETTINGS_DIR": str(hidden / "settings")}
    with (hidden / "lab.log").open("w") as log:
        command = [sys.executable, "-m", "jupyterlab", f"--config={config}", f"--notebook-dir={folder}"]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, token, process, hidden / "lab.log")
            yield url, token
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, token: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end_s = time.monotonic() + _START_LIMIT_S  # noqa: TID251  # the server lives in wall time
    while time.monotonic() < end_s:  # noqa: TID251  # as above
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/api/status?token={token}", timeout=5):
                return
        except OSError:
            time.sleep(0.2)  # noqa: TID251  # as above
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


class LabPage:
    """A page of JupyterLab with one notebook open. complaints: console and page errors, but for Lab's own."""

    def __init__(self, page: Any, url: str, token: str, notebook: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._complain(f"page error: {error}"))
        page.goto(f"{url}/lab/workspaces/test/tree/{notebook}?reset&token={token}")
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext", timeout=60_000)
        self.wait_idle()

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self._complain(f"console: {message.text}")

    def _complain(self, text: str) -> None:
        if not any(word in text for word in _HARMLESS):
            self.complaints.append(text)

    def wait_idle(self, limit_s: float = 120.0) -> None:
        """Until the kernel has nothing left to do."""
        status = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status"
        self.page.wait_for_function(f"() => {status} === 'idle'", timeout=limit_s * 1000)

    def command(self, name: str) -> None:
        self.page.evaluate("name => window.jupyterapp.commands.execute(name)", name)

    def run_all(self, limit_s: float = 180.0) -> None:
        """Run all cells and wait until the last has ended; stops, as Lab does, at the first that fails."""
        script = """() => {
            const { widgets } = window.jupyterapp.shell.currentWidget.content;
            const shared = widgets.filter(each => each.model.type === 'code').map(each => each.model.sharedModel);
            return shared.every(each => each.execution_count !== null)
                || shared.some(each => each.outputs.some(output => output.output_type === 'error'));
        }"""
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        self.page.wait_for_function(script, timeout=limit_s * 1000)
        self.page.wait_for_timeout(500)  # the last cell has begun; the kernel may not have said so yet
        self.wait_idle()

    def run_cell(self, source: str, limit_s: float = 60.0) -> None:
        """Put a new cell with this source at the notebook's end and run it."""
        script = """async source => {
            const panel = window.jupyterapp.shell.currentWidget, notebook = panel.content;
            notebook.activeCellIndex = notebook.widgets.length - 1;
            await window.jupyterapp.commands.execute('notebook:insert-cell-below');
            notebook.activeCell.model.sharedModel.setSource(source);
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
        self.page.evaluate(script, source)
        self.wait_idle(limit_s)

    def failed_cells(self) -> list[str]:
        """The errors in the notebook's outputs."""
        script = """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap(cell =>
            (cell.model.sharedModel.outputs ?? []).filter(each => each.output_type === 'error')
                .map(each => cell.model.sharedModel.source.split('\\n')[0] + ' -> ' + each.evalue))"""
        return list(self.page.evaluate(script))

    def show(self, cell_id: str) -> None:
        """Bring the cell, and its output if that fits, into the window: Lab renders only what is near it."""
        script = """async id => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(cell => cell.model.id === id);
            await notebook.scrollToItem(index, 'start');
            notebook.activeCellIndex = index;
            notebook.widgets[index].outputArea?.node.scrollIntoView({ block: 'nearest' });
        }"""
        for _ in range(2):  # what gets its size only when it is rendered has moved the cell meanwhile
            self.page.evaluate(script, cell_id)
            self.page.wait_for_timeout(400)

    def dark(self) -> None:
        """Take JupyterLab's dark theme."""
        script = "() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
        self.page.evaluate(script)
        self.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'", timeout=20_000)
        self.page.wait_for_timeout(500)

    def shoot(self, name: str) -> Path:
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path

    # -- the graph as it is drawn ----------------------------------------------------------------------------------

    def graph(self, cell_id: str) -> "DrawnGraph":
        return DrawnGraph(self, cell_id)


class DrawnGraph:
    """The cytoscape canvas in a cell's output."""

    def __init__(self, lab: LabPage, cell_id: str) -> None:
        self._lab = lab
        self._find = (
            "(() => { const notebook = window.jupyterapp.shell.currentWidget.content;"
            f" const cell = notebook.widgets.find(each => each.model.id === {json.dumps(cell_id)});"
            " const box = [...cell.node.querySelectorAll('.jp-OutputArea-output .custom-widget')]"
            ".find(each => each._cyreg); return box && { box, cy: box._cyreg.cy }; })()"
        )

    def wait_for_nodes(self, condition: str, limit_s: float = 30.0) -> None:
        """condition: JavaScript on `nodes`, the ids on the page."""
        script = f"() => {{ const found = {self._find}; if (!found) return false;"
        script += f" const nodes = found.cy.nodes().map(each => each.id()); return {condition}; }}"
        self._lab.page.wait_for_function(script, timeout=limit_s * 1000)

    def nodes(self) -> list[dict[str, Any]]:
        """id, label, classes, and the box on the page of every node."""
        script = f"""() => {{
            const {{ box, cy }} = {self._find};
            const at = box.getBoundingClientRect();
            return cy.nodes().map(each => {{
                const b = each.renderedBoundingBox({{ includeLabels: true, includeOverlays: false }});
                return {{ id: each.id(), label: each.data('label'), classes: each.classes(),
                          inside: b.x1 >= 0 && b.y1 >= 0 && b.x2 <= at.width && b.y2 <= at.height,
                          x: at.x + (b.x1 + b.x2) / 2, y: at.y + (b.y1 + b.y2) / 2,
                          x1: b.x1, y1: b.y1, x2: b.x2, y2: b.y2 }};
            }});
        }}"""
        return list(self._lab.page.evaluate(script))

    def edges(self) -> list[str]:
        return list(self._lab.page.evaluate(f"() => {self._find}.cy.edges().map(each => each.id())"))

    def click(self, node_id: str) -> None:
        node = next(each for each in self.nodes() if each["id"] == node_id)
        self._lab.page.mouse.click(node["x"], node["y"])


def copy_lesson(name: str, folder: Path) -> None:
    shutil.copy(ROOT / "notebooks" / name, folder / name)
