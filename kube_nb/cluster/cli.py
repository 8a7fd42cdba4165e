"""The ``kube-nb`` command: serve a cluster to real clients, run a notebook headless, open the lessons."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click

from kube_nb.cluster.cluster import Cluster
from kube_nb.etcd.errors import EtcdError
from kube_nb.machinery.loop import Pace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kube_nb")
def main() -> None:
    """A whole Kubernetes cluster inside a notebook kernel."""


def _pace(context: click.Context, parameter: click.Parameter, text: str) -> Pace:
    if text == "max":
        return "max"
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < 1e6:
        raise click.BadParameter(f'a number above 0, or max; not "{text}"')
    return pace


@main.command()
@click.option("--nodes", default=3, show_default=True, help="Worker nodes beside the control plane.")
@click.option("--hollow", default=0, help="Nodes whose pods only walk through stages.")
@click.option("--pace", default="1", show_default=True, callback=_pace, help="Cluster seconds per second, or max.")
@click.option("--seed", default=0, help="Of everything that is random in the cluster.")
@click.option("--version", default=None, help="The Kubernetes release to serve, e.g. 1.36.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT on loopback; port 0 is a free one.")
@click.option("--etcd-listen", default=None, help="HOST:PORT on loopback for etcd's v3 API; not served unless given.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where etcd keeps its data; in memory unless given.")
@click.option("--etcd-members", default=1, show_default=True, help="3 or 5 agree on every write by Raft.")
@click.option("--store", default=None, help="A real etcd to live on, e.g. http://127.0.0.1:2379.")
@click.option("--ties", default=None, help="Which of equally good nodes the scheduler takes: heap, random or first.")
@click.option("--authorization-mode", default="Node,RBAC", show_default=True, help="Who is asked, in this order.")
@click.option("--authorization-policy-file", type=click.Path(path_type=Path), help="The policies of the mode ABAC.")
@click.option("--audit-policy-file", type=click.Path(path_type=Path), help="What the audit log writes down.")
@click.option("--audit-log-path", type=click.Path(path_type=Path), help="The audit log, a line an event.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Where to write the kubeconfig.")
def serve(
    nodes: int,
    hollow: int,
    pace: Pace,
    seed: int,
    version: str | None,
    listen: str,
    etcd_listen: str | None,
    data_dir: Path | None,
    etcd_members: int,
    store: str | None,
    ties: str | None,
    authorization_mode: str,
    authorization_policy_file: Path | None,
    audit_policy_file: Path | None,
    audit_log_path: Path | None,
    kubeconfig: Path | None,
) -> None:
    """Serve a cluster until SIGTERM or SIGINT; prints one line when it is ready."""
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    try:
        cluster = Cluster(
            nodes,
            hollow=hollow,
            pace=pace,
            seed=seed,
            version=version,
            data_dir=data_dir,
            etcd_members=etcd_members,
            store=store,
            ties=ties,
            authorization=authorization_mode.split(","),
            authorization_policy=authorization_policy_file,
            audit=audit_policy_file or False,
            audit_log=audit_log_path,
        )
    except (EtcdError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    with cluster:
        try:
            serving = cluster.serve(listen, kubeconfig=kubeconfig, etcd_listen=etcd_listen)
        except (OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        etcd = f" etcd={serving.etcd_url} etcd-certs={serving.etcd_certs}" if serving.etcd_url else ""
        print(f"ready {serving.url} kubeconfig={serving.kubeconfig}{etcd} pid={os.getpid()}", flush=True)
        asked_to_end.wait()


@main.command()
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter of the notebook.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write the executed notebook; the current folder unless given.",
)
def run(notebook: Path, parameters: tuple[tuple[str, str], ...], output: Path | None) -> None:
    """Execute a notebook; the exit status is 0 only if every cell passed."""
    try:
        import papermill
        from papermill.exceptions import PapermillExecutionError
    except ImportError:
        raise click.ClickException("this needs papermill: pip install 'kube_nb[lab]'") from None
    target = output or Path.cwd() / f"{notebook.stem}.out.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(notebook), str(target), parameters=dict(parameters), progress_bar=sys.stderr.isatty(), log_output=False
        )
    except PapermillExecutionError as error:
        raise click.ClickException(f"cell {error.exec_count} failed: {error.ename}: {error.evalue}") from None
    print(f"every cell passed: {target}")


@main.command()
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(arguments: tuple[str, ...]) -> None:
    """Open JupyterLab on the lessons."""
    lessons = Path(__file__).parents[2] / "notebooks"
    folder = lessons if lessons.is_dir() else Path.cwd()
    raise SystemExit(subprocess.call([sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}", *arguments]))
