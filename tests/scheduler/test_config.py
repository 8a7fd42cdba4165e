import pickle
from typing import Any

import pytest

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.configuration_error import ConfigurationError
from kube_nb.scheduler.framework.runtime import Framework, Handle


def framework(profile: dict[str, Any]) -> Framework:
    handle = Handle(Columns())
    (found,) = Configuration.of({"profiles": [profile]}).profiles_for(handle).values()
    return found


def names(found: Framework, point: str) -> list[str]:
    return [plugin.name for plugin in found.points[point]]


def test_without_configuration_the_plugins_are_upstreams_in_upstreams_order() -> None:
    found = framework({})
    assert names(found, "score") == [
        "TaintToleration",
        "NodeAffinity",
        "NodeResourcesFit",
        "PodTopologySpread",
        "InterPodAffinity",
        "NodeResourcesBalancedAllocation",
        "ImageLocality",
    ]
    assert [found.weight(plugin) for plugin in found.points["score"]] == [3, 2, 1, 2, 2, 1, 1]


def test_a_plugin_is_disabled_at_one_point_and_weighted_anew_at_another() -> None:
    found = framework(
        {
            "plugins": {
                "score": {
                    "disabled": [{"name": "ImageLocality"}],
                    "enabled": [{"name": "NodeResourcesFit", "weight": 7}],
                },
                "filter": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeName"}]},
            }
        }
    )
    assert names(found, "score")[0] == "NodeResourcesFit"
    assert "ImageLocality" not in names(found, "score")
    assert found.weight(found.points["score"][0]) == 7
    assert names(found, "filter") == ["NodeName"]


def test_yaml_is_read() -> None:
    found = Configuration.of(
        """
        apiVersion: kubescheduler.config.k8s.io/v1
        kind: KubeSchedulerConfiguration
        percentageOfNodesToScore: 30
        profiles:
        - schedulerName: default-scheduler
        - schedulerName: packing
          pluginConfig:
          - name: NodeResourcesFit
            args: {scoringStrategy: {type: MostAllocated}}
        """
    )
    assert [profile.scheduler_name for profile in found.profiles] == ["default-scheduler", "packing"]
    assert found.percentage_of_nodes_to_score == 30


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param("a: [", "not YAML", id="not YAML"),
        pytest.param({"kind": "Pod"}, "no kind", id="another kind"),
        pytest.param({"profilez": []}, "profilez: unknown field", id="unknown field"),
        pytest.param({"profiles": []}, "profiles: Required value", id="no profile"),
        pytest.param({"percentageOfNodesToScore": 101}, "not in valid range", id="percentage above 100"),
        pytest.param(
            {"profiles": [{}, {}]}, r"profiles\[1\].schedulerName: Duplicate value", id="two profiles of one name"
        ),
        pytest.param(
            {"profiles": [{"plugins": {"score": {"enabled": [{"name": "Nope"}]}}}]},
            r'profiles\[0\].plugins.score: plugin "Nope" does not exist',
            id="unknown plugin",
        ),
        pytest.param(
            {"profiles": [{"plugins": {"score": {"enabled": [{"name": "NodeResourcesFit", "weight": -1}]}}}]},
            r"profiles\[0\].plugins.score.enabled\[0\].weight",
            id="negative weight",
        ),
        pytest.param(
            {"profiles": [{"plugins": {"score": {"enabled": [{"name": "NodeName"}]}}}]},
            "does not extend score plugin",
            id="plugin at a point that it does not implement",
        ),
        pytest.param(
            {"profiles": [{"plugins": {"queueSort": {"disabled": [{"name": "*"}]}}}]},
            "exactly one queue sort plugin",
            id="no queue sort",
        ),
        pytest.param(
            {
                "profiles": [
                    {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "X"}}}]}
                ]
            },
            r"profiles\[0\].pluginConfig\[0\].args.scoringStrategy.type",
            id="unknown strategy",
        ),
        pytest.param("profiles: &p [*p]", r"profiles\[0\]: contains itself", id="a list of profiles in itself"),
        pytest.param(
            "profiles:\n- &a {schedulerName: x, plugins: *a}",
            r"profiles\[0\].plugins: contains itself",
            id="a profile that is its own part",
        ),
        pytest.param(
            "profiles:\n- pluginConfig:\n  - name: Mine\n    args: &a {more: [*a]}",
            r"profiles\[0\].pluginConfig\[0\].args.more\[0\]: contains itself",
            id="arguments that contain themselves",
        ),
        pytest.param(
            {"profiles": [{"plugins": {"score": {"enabled": [{"name": "NodeResourcesFit", "weight": float("nan")}]}}}]},
            r"weight: Invalid value: nan",
            id="a weight that is no number",
        ),
        pytest.param(
            {"profiles": [{"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": "Least"}}]}]},
            r"args.scoringStrategy: must be a mapping, not str",
            id="a text for a mapping",
        ),
        pytest.param(
            {
                "profiles": [
                    {
                        "pluginConfig": [
                            {
                                "name": "NodeAffinity",
                                "args": {
                                    "addedAffinity": {
                                        "requiredDuringSchedulingIgnoredDuringExecution": {
                                            "nodeSelectorTerms": [
                                                {"matchExpressions": [{"key": "a", "operator": "Is"}]}
                                            ]
                                        }
                                    }
                                },
                            }
                        ]
                    }
                ]
            },
            r"nodeSelectorTerms\[0\].matchExpressions\[0\].operator: Invalid value: 'Is'",
            id="an operator that is none",
        ),
        pytest.param({"extenders": "x"}, "extenders: must be a list", id="a text for a list"),
        pytest.param(
            {"extenders": [{"urlPrefix": "http://x", "httpTimeout": "soon"}]},
            r"extenders\[0\].httpTimeout: ",
            id="a timeout that is no time",
        ),
        pytest.param({"extenders": [{"filterVerb": "f"}]}, r"extenders\[0\].urlPrefix", id="extender without address"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(config: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Configuration.of(config).profiles_for(Handle(Columns()))


def test_an_error_comes_back_from_another_process_as_it_was() -> None:
    error = pickle.loads(pickle.dumps(ConfigurationError("profiles[0]", "no")))
    assert (error.where, str(error)) == ("profiles[0]", "profiles[0]: no")
