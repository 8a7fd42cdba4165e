"""The story of a request: its stations."""

from kube_nb.machinery.exchange import Request
from tests.apiserver.serving import ADMIN, CONFIG_MAPS, PODS, config_map, pod, serving


async def test_a_creation_passes_every_station() -> None:
    async with serving(authorization_modes=("RBAC",)) as api:
        await api.watch(PODS)
        await api.watch(CONFIG_MAPS)
        response, stations = await api.server.story(Request("POST", PODS, body=pod(), user=ADMIN))
        assert response.status == 201
        told = {station.name: station.effect for station in stations}
        assert list(told) == [
            "authentication",
            "authorization",
            "schema",
            "mutating: LimitRanger",
            "mutating: Priority",
            "mutating: DefaultTolerationSeconds",
            "mutating: RuntimeClass",
            "mutating: PodTopologyLabels",
            "mutating: MutatingAdmissionPolicy",
            "mutating: MutatingAdmissionWebhook",
            "validation",
            "validating: NamespaceLifecycle",
            "validating: LimitRanger",
            "validating: NodeRestriction",
            "validating: PodSecurity",
            "validating: Priority",
            "validating: RuntimeClass",
            "validating: ValidatingAdmissionPolicy",
            "validating: ValidatingAdmissionWebhook",
            "validating: ResourceQuota",
            "watchers",
            "store",
            "response",
        ]
        assert told["authentication"] == "admin in system:masters, system:authenticated"
        assert told["mutating: Priority"] == "sets spec.priority, spec.preemptionPolicy"
        assert told["watchers"] == "1 of 1 see ADDED"
        assert told["response"] == "201 Pod"
        assert all(station.seconds >= 0 for station in stations)


async def test_a_refusal_ends_the_story() -> None:
    async with serving() as api:
        body = config_map("not a name")
        _, stations = await api.server.story(Request("POST", CONFIG_MAPS, body=body, user=ADMIN))
        assert [station.name for station in stations][-1] == "response"
        assert "store" not in [station.name for station in stations]
        assert stations[-1].effect.startswith('422 ConfigMap "not a name" is invalid: metadata.name')


async def test_nobody_else_is_recorded() -> None:
    async with serving() as api:
        from kube_nb.apiserver import story

        await api.create(CONFIG_MAPS, config_map())
        assert story.current() is None
