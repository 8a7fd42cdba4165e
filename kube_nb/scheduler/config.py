"""KubeSchedulerConfiguration (``kubescheduler.config.k8s.io/v1``): YAML or dict in, profiles out.

Models pkg/scheduler/apis/config: default_plugins.go (merging), validation, and framework/runtime's expansion of
multiPoint. Differs: fields about the process (clientConnection, leaderElection, metrics) are accepted and not used;
parallelism is 1 whatever is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from kube_nb.machinery.types import Obj
from kube_nb.scheduler import plugin_args
from kube_nb.scheduler.configuration_error import ConfigurationError
from kube_nb.scheduler.extender import Extender, extenders_of
from kube_nb.scheduler.framework.interface import EXTENSION_POINTS, Plugin, PluginFactory
from kube_nb.scheduler.framework.runtime import Framework, Handle
from kube_nb.scheduler.plugins.registry import DEFAULT_PLUGINS, REGISTRY

API_VERSION, KIND = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"
DEFAULT_SCHEDULER = "default-scheduler"

_KNOWN = frozenset(
    (
        *(
            "apiVersion",
            "kind",
            "metadata",
            "parallelism",
            "leaderElection",
            "clientConnection",
            "profiles",
            "extenders",
        ),
        *("healthzBindAddress", "metricsBindAddress", "enableProfiling", "enableContentionProfiling"),
        *("percentageOfNodesToScore", "podInitialBackoffSeconds", "podMaxBackoffSeconds", "delayCacheUntilActive"),
    )
)
_PROFILE_KNOWN = frozenset(("schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"))
_MULTI = "multiPoint"


@dataclass(frozen=True)
class PluginSet:
    """enabled: (name, weight, 0 if not given) in order; disabled: names, perhaps "*"."""

    enabled: tuple[tuple[str, int], ...] = ()
    disabled: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.enabled)

    def over(self, default: "PluginSet") -> "PluginSet":
        """The default's plugins without the disabled ones, ours in their place or behind. Models mergePluginSet."""
        ours = dict(self.enabled)
        kept = []
        if "*" not in self.disabled:
            for name, weight in default.enabled:
                if name in ours:
                    kept.append((name, ours.pop(name)))
                elif name not in self.disabled:
                    kept.append((name, weight))
        return PluginSet((*kept, *ours.items()), self.disabled)


@dataclass(frozen=True)
class Profile:
    """One profile as configured, defaults merged in. plugins: {"multiPoint" or an extension point: PluginSet}."""

    scheduler_name: str
    plugins: Mapping[str, PluginSet]
    args: Mapping[str, Mapping[str, Any]]
    percentage_of_nodes_to_score: int | None = None
    where: str = "profiles[0]"


_DEFAULT_SET = PluginSet(tuple(DEFAULT_PLUGINS))


@dataclass(frozen=True)
class Configuration:
    """A checked configuration."""

    profiles: Sequence[Profile] = (Profile(DEFAULT_SCHEDULER, {_MULTI: _DEFAULT_SET}, {}),)
    percentage_of_nodes_to_score: int | None = None
    pod_initial_backoff_s: float = 1.0
    pod_max_backoff_s: float = 10.0
    extenders: Sequence[Obj] = field(default=())

    @classmethod
    def of(cls, given: "Configuration | Obj | str | None") -> "Configuration":
        """ConfigurationError names the place if something is wrong."""
        if given is None:
            return cls()
        if isinstance(given, Configuration):
            return given
        return parse(given)

    def profiles_for(
        self, handle: Handle, plugins: Sequence[Plugin] = (), registry: Mapping[str, PluginFactory] = REGISTRY
    ) -> dict[str, Framework]:
        """Build every profile. plugins: instances known by their names; one that no profile mentions joins them all."""
        known: dict[str, PluginFactory] = dict(registry)
        for plugin in plugins:
            known[plugin.name] = _giving(plugin)
        extra = [(plugin.name, int(getattr(plugin, "weight", 0) or 0)) for plugin in plugins]
        extenders = extenders_of(self.extenders)
        return {profile.scheduler_name: _build(profile, handle, known, extra, extenders) for profile in self.profiles}


def _giving(plugin: Plugin) -> PluginFactory:
    return lambda args, handle: plugin


# -- reading -----------------------------------------------------------------------------------------------------------


def parse(given: Obj | str) -> Configuration:
    data = _load(given)
    if data.get("apiVersion", API_VERSION) != API_VERSION or data.get("kind", KIND) != KIND:
        found = f"{data.get('apiVersion')}, Kind={data.get('kind')}"
        raise ConfigurationError("", f"no kind {KIND!r} is registered for {found}; use apiVersion {API_VERSION}")
    _check_fields("", data, _KNOWN)
    rows = data.get("profiles")
    if rows is not None and not isinstance(rows, list):
        raise ConfigurationError("profiles", "must be a list")
    if rows == []:
        raise ConfigurationError("profiles", "Required value")
    profiles = [_profile(f"profiles[{number}]", row) for number, row in enumerate(rows or [{}])]
    seen: dict[str, str] = {}
    for profile in profiles:
        if profile.scheduler_name in seen:
            raise ConfigurationError(f"{profile.where}.schedulerName", f'Duplicate value: "{profile.scheduler_name}"')
        seen[profile.scheduler_name] = profile.where
    initial, most = data.get("podInitialBackoffSeconds", 1), data.get("podMaxBackoffSeconds", 10)
    if not isinstance(initial, int) or initial <= 0:
        raise ConfigurationError("podInitialBackoffSeconds", f"Invalid value: {initial}: must be greater than 0")
    if not isinstance(most, int) or most < initial:
        text = f"Invalid value: {most}: must be greater than or equal to PodInitialBackoffSeconds"
        raise ConfigurationError("podMaxBackoffSeconds", text)
    _check_extenders(data.get("extenders"))
    return Configuration(
        profiles,
        _percentage("percentageOfNodesToScore", data.get("percentageOfNodesToScore")),
        float(initial),
        float(most),
        tuple(data.get("extenders") or ()),
    )


def _check_extenders(rows: Any) -> None:
    if rows is not None and not isinstance(rows, list):
        raise ConfigurationError("extenders", "must be a list")
    extenders_of(rows or ())


def _load(given: Obj | str) -> Obj:
    if isinstance(given, str):
        try:
            given = yaml.safe_load(given)
        except yaml.YAMLError as error:
            raise ConfigurationError("", f"not YAML: {error}") from None
    if not isinstance(given, dict):
        raise ConfigurationError("", f"must be a mapping, not {type(given).__name__}")
    _check_acyclic("", given, ())
    return given


def _check_acyclic(where: str, value: Any, above: tuple[int, ...]) -> None:
    """YAML's anchors can make a document that contains itself."""
    if not isinstance(value, (dict, list)):
        return
    if id(value) in above:
        raise ConfigurationError(where, "contains itself")
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in parts:
        here = f"{where}.{name}".lstrip(".") if isinstance(value, dict) else f"{where}[{name}]"
        _check_acyclic(here, part, (*above, id(value)))


def _check_fields(where: str, data: Any, known: frozenset[str]) -> None:
    if not isinstance(data, dict):
        raise ConfigurationError(where, f"must be a mapping, not {type(data).__name__}")
    for name in data:
        if name not in known:
            raise ConfigurationError(f"{where}.{name}".lstrip("."), "unknown field")


def _percentage(where: str, value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        raise ConfigurationError(where, f"Invalid value: {value}: not in valid range [0-100]")
    return value


def _profile(where: str, row: Any) -> Profile:
    _check_fields(where, row, _PROFILE_KNOWN)
    name = row.get("schedulerName", DEFAULT_SCHEDULER)
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{where}.schedulerName", "Required value")
    points = row.get("plugins") or {}
    _check_fields(f"{where}.plugins", points, frozenset((_MULTI, *EXTENSION_POINTS)))
    sets = {point: _plugin_set(f"{where}.plugins.{point}", value) for point, value in points.items()}
    sets[_MULTI] = sets.get(_MULTI, PluginSet()).over(_DEFAULT_SET)
    percentage = _percentage(f"{where}.percentageOfNodesToScore", row.get("percentageOfNodesToScore"))
    return Profile(name, sets, _args(f"{where}.pluginConfig", row.get("pluginConfig")), percentage, where)


def _plugin_set(where: str, value: Any) -> PluginSet:
    _check_fields(where, value or {}, frozenset(("enabled", "disabled")))
    enabled: dict[str, int] = {}
    for number, row in enumerate((value or {}).get("enabled") or ()):
        here = f"{where}.enabled[{number}]"
        _check_fields(here, row, frozenset(("name", "weight")))
        weight = row.get("weight", 0)
        if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
            raise ConfigurationError(f"{here}.weight", f"Invalid value: {weight!r}: must be a whole number, 0 or more")
        if row.get("name") in enabled:
            raise ConfigurationError(here, f'plugin "{row["name"]}" already registered')
        enabled[str(row.get("name") or "")] = weight
    rows = (value or {}).get("disabled") or ()
    return PluginSet(tuple(enabled.items()), frozenset(str(row.get("name")) for row in rows))


def _args(where: str, rows: Any) -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for number, row in enumerate(rows or ()):
        here = f"{where}[{number}]"
        _check_fields(here, row, frozenset(("name", "args")))
        name = row.get("name")
        if name in found:
            raise ConfigurationError(here, f'Duplicate value: "{name}"')
        args = row.get("args") or {}
        plugin_args.check(f"{here}.args", name, args)
        found[name] = args
    return found


# -- building ----------------------------------------------------------------------------------------------------------


def _build(
    profile: Profile,
    handle: Handle,
    registry: Mapping[str, PluginFactory],
    extra: Sequence[tuple[str, int]],
    extenders: Sequence[Extender] = (),
) -> Framework:
    mentioned = frozenset().union(*(each.names | each.disabled for each in profile.plugins.values()))
    multi = profile.plugins[_MULTI].enabled + tuple((name, weight) for name, weight in extra if name not in mentioned)
    made: dict[str, Plugin] = {}

    def plugin(name: str, where: str) -> Plugin:
        if name not in made:
            if name not in registry:
                raise ConfigurationError(where, f'plugin "{name}" does not exist')
            made[name] = registry[name](_with_extenders(name, profile.args.get(name) or {}, extenders), handle)
        return made[name]

    for name in profile.args:
        if name not in registry:
            raise ConfigurationError(f"{profile.where}.pluginConfig", f'plugin "{name}" does not exist')
    everywhere = [plugin(name, f"{profile.where}.plugins.{_MULTI}") for name, _ in multi]
    weights = {name: weight for name, weight in multi if weight}
    points: dict[str, list[Plugin]] = {}
    for point, protocol in EXTENSION_POINTS.items():
        own = profile.plugins.get(point, PluginSet())
        where = f"{profile.where}.plugins.{point}"
        given = [plugin(name, where) for name, _ in own.enabled]
        for each in given:
            if not isinstance(each, protocol):
                raise ConfigurationError(where, f'plugin "{each.name}" does not extend {point} plugin')
        if point == "score":
            weights |= {name: weight for name, weight in own.enabled if weight}
        points[point] = _expand(own, given, [each for each in everywhere if isinstance(each, protocol)])
    _check_points(profile, points)
    points["score"] += [each for each in extenders if "prioritize" in each]
    points["bind"] = [*(each for each in extenders if "bind" in each), *points["bind"]]
    weights |= {each.name: each.weight for each in extenders}
    return Framework(profile.scheduler_name, points, weights, profile.percentage_of_nodes_to_score, extenders)


def _with_extenders(name: str, args: Mapping[str, Any], extenders: Sequence[Extender]) -> Mapping[str, Any]:
    """What an extender looks after itself is not NodeResourcesFit's."""
    ignored = [resource for each in extenders for resource in each.ignored_resources]
    if name != "NodeResourcesFit" or not ignored:
        return args
    return {**args, "ignoredResources": [*(args.get("ignoredResources") or ()), *ignored]}


def _expand(own: PluginSet, given: Sequence[Plugin], multi: Sequence[Plugin]) -> list[Plugin]:
    """First those named here that multiPoint has too, then multiPoint's others, then those named here only.

    Models expandMultiPointPlugins.
    """
    if "*" in own.disabled:
        return list(given)
    names = frozenset(each.name for each in multi)
    override = [each for each in given if each.name in names]
    rest = [each for each in multi if each.name not in own.disabled and each.name not in own.names]
    return override + rest + [each for each in given if each.name not in names]


def _check_points(profile: Profile, points: Mapping[str, Sequence[Plugin]]) -> None:
    where = f"{profile.where}.plugins"
    if len(points["queueSort"]) != 1:
        found = [plugin.name for plugin in points["queueSort"]]
        raise ConfigurationError(f"{where}.queueSort", f"exactly one queue sort plugin is needed, found {found}")
    if not points["bind"]:
        raise ConfigurationError(f"{where}.bind", "at least one bind plugin is needed")
