"""`Cluster`: the facade that notebooks and scripts hold; synchronous, safe to call from any thread.

Every method hands its work to the cluster's own loop and waits; ``c.aio`` has the same methods as coroutines, for
``await`` in cells. At ``pace="max"`` a method that wrote something returns when the cluster has settled.
"""

import asyncio
import atexit
import shlex
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import orjson

from kube_nb import etcdctl
from kube_nb.apiserver import aggregation, callout
from kube_nb.client import Client
from kube_nb.cluster import asking, driver, forking, members, policies, scheduling, timeline
from kube_nb.cluster.asking import Told
from kube_nb.cluster.asynctwin import AsyncTwin
from kube_nb.cluster.engine import ADMIN, Engine
from kube_nb.cluster.forking import Origin
from kube_nb.cluster.members import Members
from kube_nb.cluster.options import Options, check_pace
from kube_nb.cluster.serving import Serving
from kube_nb.cluster.timeline import Step
from kube_nb.etcdctl import Result as EtcdctlResult
from kube_nb.kubectl.result import KubectlError, Result
from kube_nb.machinery import duration
from kube_nb.machinery.exchange import User
from kube_nb.machinery.loop import SETTLE_LIMIT_S, ClusterLoop, Pace, cancel_all_tasks, with_free_time
from kube_nb.machinery.refusals import WrongMoment
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.counterfactual import Changes
from kube_nb.scheduler.explain import WhyNot

T = TypeVar("T")

#: How long a stream (``-w``, ``-f``) is followed when nobody says, in cluster seconds.
STREAM_LIMIT_S = 60.0

_living: "weakref.WeakSet[Cluster]" = weakref.WeakSet()
_count = 0


class Cluster:
    """A whole cluster in this process.

    nodes: workers beside the control plane. hollow: nodes whose pods only walk through stages. seed: of everything that
    is random. pace: cluster seconds per wall second; "max" moves time only when a call needs it. plugins: scheduler
    plugins. scheduler_config: a KubeSchedulerConfiguration, as YAML or a dict. ties: which of equally good nodes is
    taken: "heap" as the served release does, "random" (drawn from the seed) as releases up to 1.34 did, or "first".
    version: the release to serve, newest by default. data_dir: where etcd keeps its data; a cluster made on it again
    goes on where the last one ended. etcd_members: 3 or 5 agree on every write by Raft. store: where a real etcd is,
    ``http://127.0.0.1:2379``; it lives in wall time, so the pace must be finite.
    authorization: modes in their order; ABAC takes the policies of a file. audit: True, or a Policy (an object, YAML or
    a file), keeps an audit log: `audit_events`, and lines in the file audit_log.
    """

    def __init__(
        self,
        nodes: int = 3,
        *,
        hollow: int = 0,
        seed: int = 0,
        pace: Pace = "max",
        version: str | None = None,
        name: str | None = None,
        plugins: Sequence[Any] = (),
        scheduler_config: "Obj | str | None" = None,
        ties: str | None = None,
        data_dir: str | Path | None = None,
        etcd_members: int = 1,
        store: str | None = None,
        authorization: Sequence[str] = ("Node", "RBAC"),
        authorization_policy: str | Path | None = None,
        audit: "Obj | str | Path | bool" = False,
        audit_log: str | Path | None = None,
    ) -> None:
        check_pace(pace)
        scheduler = scheduling.Scheduling(plugins, scheduler_config, ties)
        place = None if data_dir is None else Path(data_dir)
        log = None if audit_log is None else Path(audit_log)
        rules = policies.Policies.of(authorization, authorization_policy, audit, log)
        options = Options(nodes, hollow, version, scheduler, place, etcd_members, store, rules)
        options.check(pace)
        self._begin(name, ClusterLoop(pace=pace, seed=seed), options)

    def _begin(self, name: str | None, loop: ClusterLoop, options: Options, origin: Origin | None = None) -> None:
        global _count
        _count += 1
        self.name = name or f"kube-{_count}"
        self._loop = loop
        self._driver: driver.Driver = driver.InlineDriver(self._loop)
        self._state = threading.RLock()
        self._serving: Serving | None = None
        self._closed = False
        try:
            self.engine = Engine(loop, options, origin)
        except BaseException:
            self._loop.close()
            raise
        #: The same methods as coroutines: ``await c.aio.wait("deployment/web", "condition=Available")``.
        self.aio = AsyncTwin(self)
        _living.add(self)
        try:
            self._choose_driver()
            # A fork is handed over at its moment: what it sets in motion settles with the first command.
            start = self.engine.start() if origin is not None else self._settled(self.engine.start())
            self._driver.call(with_free_time(start))
        except BaseException:
            self.down()
            raise

    # -- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *exception: object) -> None:
        self.down()

    def __repr__(self) -> str:
        state = "down" if self._closed else f"pace={self.pace}, t={self._loop.time():.0f}s"
        return f"<Cluster {self.name!r}: {state}>"

    def down(self) -> None:
        """Stop everything; no thread, socket or task is left. May be called more than once."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            try:
                if self._serving is not None:
                    self._driver.call(self._serving.stop())
                self._driver.call(_end(self.engine))
            finally:
                self._driver.stop()
                self._loop.close()
                _living.discard(self)

    @property
    def is_up(self) -> bool:
        return not self._closed

    def _choose_driver(self) -> None:
        """A thread turns the loop when it has a finite pace or serves; else the caller does."""
        threaded = self._loop.pace != "max" or self._serving is not None
        if threaded and isinstance(self._driver, driver.InlineDriver):
            self._driver = driver.ThreadDriver(self._loop, self.name)
        elif not threaded and isinstance(self._driver, driver.ThreadDriver):
            self._driver.stop()
            self._driver = driver.InlineDriver(self._loop)

    def _call(self, command: Coroutine[Any, Any, T]) -> T:
        """Run a command on the loop; what it wrote settles before this returns (at pace "max")."""
        if self._closed:
            command.close()
            raise WrongMoment(f"cluster {self.name!r} is down")
        return self._driver.call(self._settled(command))

    async def _settled(self, command: Coroutine[Any, Any, T]) -> T:
        before = self.engine.revision
        result = await with_free_time(command)
        if self.engine.revision != before:
            await self._loop.settle()
        return result

    def fork(
        self, at: int | None = None, *, seed: int | None = None, pace: Pace | None = None, name: str | None = None
    ) -> "Cluster":
        """A second cluster that goes its own way from revision `at` (None: now) on; see `cluster.forking`.

        seed: of the fork's own chance; None takes one that follows from this cluster's seed and the revision, so that
        equal forks have equal futures. pace: this cluster's unless given. The fork's store is in memory, with as many
        members as here. ValueError for a revision that is still to come or compacted away.
        """
        pace = self.pace if pace is None else pace
        check_pace(pace)
        origin = self._call(forking.origin(self.engine, at))
        options = replace(self.engine.options, scheduling=origin.scheduling, data_dir=None, store=None)
        made = Cluster.__new__(Cluster)
        made._begin(name, forking.loop(origin, self._loop, pace, seed), options, origin)
        return made

    # -- time ------------------------------------------------------------------------------------------------------

    @property
    def pace(self) -> Pace:
        """Cluster seconds per wall second, or "max"; may be set while the cluster runs."""
        return self._loop.pace

    @pace.setter
    def pace(self, pace: Pace) -> None:
        check_pace(pace)
        with self._state:
            self._driver.call(_set_pace(self._loop, pace))
            self._choose_driver()

    @property
    def time_s(self) -> float:
        """Cluster time since the start, in seconds."""
        return self._loop.time()

    @property
    def now(self) -> str:
        """The cluster's calendar time, RFC 3339."""
        return self._loop.timestamp()

    def advance(self, time: str | float) -> None:
        """Let this much cluster time pass: ``"10m"``, ``"1h30m"``, or seconds."""
        seconds = duration.parse(time) if isinstance(time, str) else time
        self._driver.call(self._loop.advance(seconds))

    def settle(self, limit: str | float = SETTLE_LIMIT_S) -> None:
        """Wait until nothing but housekeeping is due, within `limit` of cluster time."""
        self._driver.call(self._loop.settle(duration.parse(limit) if isinstance(limit, str) else limit))

    # -- objects ---------------------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """The store's revision; every write makes the next one. ``get(..., at=...)`` and `fork` go back to one."""
        return self.engine.revision

    @property
    def client(self) -> Client:
        """The administrator's client, for coroutines that run on the cluster's loop (`run`)."""
        return self.engine.admin

    def run(self, command: Coroutine[Any, Any, T]) -> T:
        """Run any coroutine on the cluster's loop."""
        return self._call(command)

    def kubectl(
        self, command_line: str | Sequence[str], *, stdin: str = "", namespace: str = "default", at: int | None = None
    ) -> Result:
        """Run a kubectl command; refusals are in the result, not raised. at: on the cluster as it was at a revision;
        ValueError if that is still to come or compacted away."""
        return self._call(self.engine.kubectl(command_line, stdin=stdin, namespace=namespace, at=at))

    def etcdctl(self, command_line: str | Sequence[str], *, stdin: str = "") -> "etcdctl.Result":
        """Run an etcdctl command on the cluster's store; refusals are in the result."""
        return self._call(self.engine.etcdctl(command_line, stdin=stdin))

    def apply(self, manifest: "str | Path | Obj | Sequence[Obj]", *, namespace: str = "default") -> list[Obj]:
        """Apply YAML text, a file, an object or a list of them server-side; raises `KubectlError` for what is refused.

        What is right in a manifest with faults is still applied, as kubectl does.
        """
        line = ["apply", "--server-side", "--force-conflicts", "-f", "-"]
        return _checked(self.kubectl(line, stdin=_text(manifest), namespace=namespace)).objects

    def get(self, what: str, *, namespace: str = "default", selector: str = "", at: int | None = None) -> Any:
        """``get("pod/web")`` is the object (KubectlError if there is none), ``get("pods", selector=...)`` a list.

        at: as it was at this revision of the store.
        """
        line = ["get", *what.split(), "-o", "json", *(["-l", selector] if selector else [])]
        objects = _checked(self.kubectl(line, namespace=namespace, at=at)).objects
        return objects[0] if "/" in what and "," not in what and len(objects) == 1 else objects

    def timeline(self, since: int = 1, *, housekeeping: bool = False) -> list[Step]:
        """Every write from a revision on: when, what, by whom, because of what; see `cluster.timeline`."""
        return self._call(timeline.steps(self.engine, since, housekeeping=housekeeping))

    def delete(self, what: str, *, namespace: str = "default") -> None:
        """Delete ``"pod/web"`` and wait until it is gone."""
        _checked(self.kubectl(["delete", *what.split()], namespace=namespace))

    def wait(self, what: str, condition: str, *, timeout: str = "60s", namespace: str = "default") -> None:
        """Wait for ``condition=Available``, ``jsonpath={...}=x`` or ``delete``; KubectlError after `timeout`."""
        line = ["wait", *what.split(), f"--for={condition}", f"--timeout={timeout}"]
        _checked(self.kubectl(line, namespace=namespace))

    def stream(
        self,
        command_line: str | Sequence[str],
        *,
        limit_s: float = STREAM_LIMIT_S,
        stdin: str = "",
        namespace: str = "default",
        result: Result | None = None,
    ) -> Iterator[str]:
        """The text of a kubectl command piece by piece as it comes, for ``-w`` and ``-f``.

        result: filled as the command goes on, so it is usable however the stream ends. Ends after `limit_s` of cluster
        time. Closing the iterator, or Ctrl-C, ends the command and nothing else.
        """
        result = Result() if result is None else result

        def command(emit: Callable[[str], None]) -> Coroutine[Any, Any, Any]:
            return self.engine.kubectl(command_line, stdin=stdin, namespace=namespace, emit=emit, result=result)

        return self._streamed(command, limit_s)

    def stream_etcdctl(
        self,
        command_line: str | Sequence[str],
        *,
        limit_s: float = STREAM_LIMIT_S,
        stdin: str = "",
        result: EtcdctlResult | None = None,
    ) -> Iterator[str]:
        """The same for an etcdctl command, for ``watch`` and ``lease keep-alive``.

        result: takes what the command leaves; its stderr is then told there alone.
        """
        argv = shlex.split(command_line) if isinstance(command_line, str) else list(command_line)

        def command(emit: Callable[[str], None]) -> Coroutine[Any, Any, Any]:
            return etcdctl.run(argv, self.engine.etcd, stdin=stdin, emit=emit, result=result)

        return self._streamed(command, limit_s)

    def _streamed(
        self, command: Callable[[Callable[[str], None]], Coroutine[Any, Any, Any]], limit_s: float
    ) -> Iterator[str]:
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        task = self._driver.call(_start(_limited(command(pieces.put_nowait), limit_s, pieces)))
        try:
            while (piece := self._driver.call(with_free_time(pieces.get()))) is not None:
                yield piece
        finally:
            self._driver.call(_cancel(task))

    def complete(self, line: str) -> list[str]:
        """What may stand at the end of an unfinished kubectl line: verbs, flags, kinds, names."""
        return self._call(self.engine.complete(line))

    # -- the control plane -----------------------------------------------------------------------------------------

    @property
    def components(self) -> list[str]:
        """What the control plane is made of: ``etcd``, ``kube-apiserver`` ..."""
        return self.engine.nodes.components

    def stop_component(self, name: str) -> None:
        """Stop a part of the control plane ("kube-scheduler"): what it does is no longer done, what runs lives on."""
        self._call(_soon(lambda: self.engine.nodes.stop_component(name)))
        self.settle()

    def start_component(self, name: str) -> None:
        """Start it again."""
        self._call(_soon(lambda: self.engine.nodes.start_component(name)))
        self.settle()

    def etcd_members(self) -> Members:
        """The store's members, their logs and what they last said to each other; see `cluster.members`."""
        return self._call(members.state(self.engine))

    def cut_etcd(self, one: str, other: str = "") -> None:
        """Cut the network between two members of etcd, or between one and all others; ValueError for other names."""
        self._call(_soon(lambda: members.cut(self.engine, one, other)))

    def heal_etcd(self, one: str = "", other: str = "") -> None:
        """Mend the link between two members of etcd, all links of one, or all there are."""
        self._call(_soon(lambda: members.heal(self.engine, one, other)))

    @property
    def webhooks(self) -> dict[str, callout.Function]:
        """Functions of this notebook that admission and conversion webhooks reach as ``https://NAME.kernel``.

        ``cluster.webhooks["label"] = label``: it takes a review's request and returns its response.
        """
        return self.engine.webhooks

    @property
    def programs(self) -> dict[str, aggregation.Program]:
        """API servers of this notebook, coroutines from `Request` to `Response`, that an APIService reaches through a
        service with the externalName ``NAME.kernel``."""
        return self.engine.programs

    def use_scheduler_plugin(self, plugin: Any) -> None:
        """Let the scheduler use a plugin too, in place of one of the same name; pods that wait are tried again.

        plugin: an object with a method per extension point that it wants; ValueError if it has none.
        """
        self._call(_soon(lambda: self.engine.scheduling.use(plugin)))
        self.settle()

    def remove_scheduler_plugin(self, name: str) -> None:
        """Go on without it; KeyError if there is none of this name."""
        self._call(_soon(lambda: self.engine.scheduling.remove(name)))
        self.settle()

    def configure_scheduler(self, config: "Obj | str | None") -> None:
        """Go on with another KubeSchedulerConfiguration; ConfigurationError, and the old one stays, if it is wrong."""
        self._call(_soon(lambda: self.engine.scheduling.configure(config)))
        self.settle()

    @property
    def ties(self) -> str | None:
        """Which of equally good nodes the scheduler takes; see `Cluster`. May be set while the cluster runs."""
        return self.engine.scheduling.ties

    @ties.setter
    def ties(self, rule: str | None) -> None:
        self._call(_soon(lambda: self.engine.scheduling.break_ties(rule)))

    # -- why -------------------------------------------------------------------------------------------------------

    def decisions(self, pod: str, *, namespace: str = "default") -> list[Any]:
        """The scheduler's attempts for a pod, oldest first: every node's refusal or scores."""
        return self._call(self.engine.decisions(namespace, pod.removeprefix("pod/")))

    def why_not(self, pod: str, node: str, *, namespace: str = "default", moves: bool = True) -> tuple[WhyNot, Changes]:
        """What keeps a pod from a node as things are now, and the smallest single changes that would bring it there.

        moves: False asks for changes that let the node take it, even if another one still has more points.
        ValueError if the scheduler knows no such pod or node, or if there is none.
        """
        key = f"{namespace}/{pod.removeprefix('pod/')}"
        return self._call(self.engine.why_not(key, node.removeprefix("node/"), moves=moves))

    def request(
        self,
        method: str,
        what: str,
        *,
        body: "Obj | str | None" = None,
        namespace: str = "default",
        user: str = "",
        groups: Sequence[str] = (),
        patch_type: str = "strategic",
        dry_run: bool = False,
    ) -> Told:
        """Make one request and tell every station that it passed; see `cluster.asking`.

        what: ``pods``, ``deployment web`` or a path. user, groups: who asks; the administrator unless given.
        """
        who = User(user, (*groups, "system:authenticated")) if user else ADMIN
        query = {"dryRun": "All"} if dry_run else {}
        return self._call(
            asking.ask(
                self.engine,
                method.upper(),
                what,
                user=who,
                namespace=namespace,
                body=body,
                patch_type=patch_type,
                query=query,
            )
        )

    @property
    def audit_events(self) -> list[Obj]:
        """The audit log's newest events, oldest first; empty unless the cluster was made with ``audit``."""
        return list(self.engine.options.policies.events)

    # -- servers ---------------------------------------------------------------------------------------------------

    @property
    def serving(self) -> Serving | None:
        """Where it listens for real clients; None until `serve`."""
        return self._serving

    def serve(
        self, listen: str = "127.0.0.1:0", *, kubeconfig: "str | Path | None" = None, etcd_listen: str | None = None
    ) -> Serving:
        """Listen for real clients over HTTPS on loopback; returns where, and the kubeconfig that was written.

        etcd_listen: where real etcdctl may reach the store, over TLS with client certificates.
        """
        with self._state:
            if self._serving is None:
                serving = Serving(self.engine, self.name)
                self._serving = serving
                self._choose_driver()
                try:
                    path = None if kubeconfig is None else Path(kubeconfig)
                    self._driver.call(serving.start(listen, path, etcd_listen))
                except BaseException:
                    self._serving = None
                    self._choose_driver()
                    raise
            return self._serving


def scheduler_plugin(plugin: type[T]) -> type[T]:
    """A class decorator: every cluster of this process uses the scheduler plugin, those to come as well.

    Running the cell again replaces the plugin of the same name in running clusters.
    """
    made = plugin()
    scheduling.EVERYWHERE[scheduling.name_of(made)] = made
    for cluster in sorted(_living, key=lambda each: each.name):
        cluster.use_scheduler_plugin(made)
    return plugin


async def _soon(work: Callable[[], None]) -> None:
    work()


async def _end(engine: Engine) -> None:
    await engine.stop()
    await cancel_all_tasks()


async def _set_pace(loop: ClusterLoop, pace: Pace) -> None:
    loop.set_pace(pace)


async def _start(command: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    return asyncio.create_task(command)


async def _cancel(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.wait([task])


async def _limited(command: Coroutine[Any, Any, Any], limit_s: float, pieces: "asyncio.Queue[str | None]") -> None:
    """Run the command up to its time limit, then end the stream."""
    try:
        async with asyncio.timeout(limit_s):
            await command
    except TimeoutError:
        pass
    finally:
        pieces.put_nowait(None)


def _checked(result: Result) -> Result:
    if result.exit_code:
        raise KubectlError(result.stderr.strip(), result.exit_code)
    return result


def _text(manifest: "str | Path | Obj | Sequence[Obj]") -> str:
    if isinstance(manifest, Path):
        return manifest.read_text()
    if isinstance(manifest, str):
        single_line = "\n" not in manifest and "{" not in manifest and ": " not in manifest
        return Path(manifest).read_text() if single_line else manifest
    found = [manifest] if isinstance(manifest, dict) else list(manifest)
    return "\n".join(orjson.dumps(obj).decode() for obj in found)


@atexit.register
def _down_all() -> None:
    """No cluster outlives its interpreter."""
    for cluster in list(_living):
        cluster.down()
