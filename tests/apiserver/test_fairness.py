"""Priority and fairness: who may run, who waits, who is sent away."""

import asyncio

import pytest

from kube_nb.apiserver.fairness import levels, queues
from kube_nb.apiserver.fairness.levels import Level
from kube_nb.machinery.exchange import Request, Response, User
from kube_nb.machinery.types import Obj
from tests.apiserver.serving import CONFIG_MAPS, PODS, Api, config_map, serving

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
ACCOUNTS = ("system:serviceaccounts", "system:authenticated")
JANE = User("jane", ("system:authenticated",))
BOB = User("bob", ("system:authenticated",))


#: Of so many seats one of 246 shares is one.
ONE_SEAT = {"max_requests_inflight": 200, "max_mutating_requests_inflight": 40}


async def slow_writes(api: Api, seconds: float = 1.0) -> None:
    """Every creation of a config map takes its time."""

    async def wait(request: Obj) -> Obj:
        await asyncio.sleep(seconds)
        return {"allowed": True}

    api.server.webhooks["slow"] = wait
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    webhook = {
        "name": "slow.example.com",
        "clientConfig": {"url": "https://slow.kernel"},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    body = {"metadata": {"name": "slow"}, "webhooks": [webhook]}
    await api.create("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", body)


async def small_level(api: Api, response: Obj) -> None:
    """Jane and Bob share a level of one seat; the server has `ONE_SEAT`."""
    limited = {"nominalConcurrencyShares": 1, "borrowingLimitPercent": 0, "limitResponse": response}
    level = {"metadata": {"name": "small"}, "spec": {"type": "Limited", "limited": limited}}
    await api.create(f"{GROUP}/prioritylevelconfigurations", level)
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    subjects = [{"kind": "User", "user": {"name": name}} for name in ("jane", "bob")]
    spec = {
        "priorityLevelConfiguration": {"name": "small"},
        "matchingPrecedence": 50,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [{"subjects": subjects, "resourceRules": [everything]}],
    }
    await api.create(f"{GROUP}/flowschemas", {"metadata": {"name": "small"}, "spec": spec})


def seats(api: Api, level: str) -> int:
    assert api.server.gate is not None
    return next(each.limit for each in api.server.gate.levels() if each.name == level)


async def test_every_cluster_has_the_bootstrap_objects() -> None:
    async with serving() as api:
        schemas = {item["metadata"]["name"]: item for item in (await api.get(f"{GROUP}/flowschemas"))["items"]}
        assert sorted(schemas) == [
            "catch-all",
            "endpoint-controller",
            "exempt",
            "global-default",
            "kube-controller-manager",
            "kube-scheduler",
            "kube-system-service-accounts",
            "probes",
            "service-accounts",
            "system-leader-election",
            "system-node-high",
            "system-nodes",
            "workload-leader-election",
        ]
        (row,) = schemas["probes"]["status"]["conditions"]
        assert (row["type"], row["status"], row["reason"]) == ("Dangling", "False", "Found")
        assert schemas["probes"]["metadata"]["annotations"] == {"apf.kubernetes.io/autoupdate-spec": "true"}
        found = (await api.get(f"{GROUP}/prioritylevelconfigurations"))["items"]
        assert len(found) == 8
        shares = {
            "catch-all": 13,
            "exempt": 0,
            "global-default": 49,
            "leader-election": 25,
            "node-high": 98,
            "system": 74,
        }
        assert {level: seats(api, level) for level in shares} == shares


@pytest.mark.parametrize(
    ("user", "path", "schema"),
    [
        (User("root", ("system:masters",)), PODS, "exempt"),
        (User("system:node:a", ("system:nodes", "system:authenticated")), "/api/v1/nodes/a", "system-node-high"),
        (User("system:node:a", ("system:nodes", "system:authenticated")), PODS, "system-nodes"),
        (User("system:kube-scheduler", ("system:authenticated",)), PODS, "kube-scheduler"),
        (
            User("system:serviceaccount:kube-system:x", ("system:serviceaccounts",)),
            PODS,
            "kube-system-service-accounts",
        ),
        (User("system:serviceaccount:a:x", ("system:serviceaccounts",)), PODS, "service-accounts"),
        (JANE, PODS, "global-default"),
        (JANE, "/healthz", "probes"),
        (JANE, "/version", "global-default"),
    ],
    ids=lambda value: value.name if isinstance(value, User) else str(value),
)
async def test_a_request_is_told_which_schema_and_level_it_has(user: User, path: str, schema: str) -> None:
    async with serving() as api:
        response = await api.ask("GET", path, user=user)
        uid = (await api.get(f"{GROUP}/flowschemas/{schema}"))["metadata"]["uid"]
        assert response.flow_headers is not None
        assert response.flow_headers["X-Kubernetes-PF-FlowSchema-UID"] == uid


async def test_a_level_without_queues_rejects_at_once() -> None:
    async with serving(**ONE_SEAT) as api:
        await slow_writes(api)
        await small_level(api, {"type": "Reject"})
        first = asyncio.create_task(api.ask("POST", CONFIG_MAPS, config_map("a"), user=JANE))
        await asyncio.sleep(0.1)
        refused = await api.ask("GET", PODS, user=JANE)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert refused.raw == b"Too many requests, please try again later.\n"
        assert (await api.ask("GET", PODS)).status == 200  # an administrator's level is exempt
        assert (await first).status == 201
        assert (await api.ask("GET", PODS, user=JANE)).status == 200
        text = (await api.ask("GET", "/metrics")).encode().decode()
        labels = 'flow_schema="small",priority_level="small",reason="concurrency-limit"'
        assert f"apiserver_flowcontrol_rejected_requests_total{{{labels}}} 1\n" in text


async def test_queues_take_turns_between_users_and_are_bounded() -> None:
    async with serving(**ONE_SEAT) as api:
        await slow_writes(api)
        await small_level(api, {"type": "Queue", "queuing": {"queues": 64, "handSize": 1, "queueLengthLimit": 5}})
        done: list[str] = []

        async def write(user: User, number: int) -> None:
            name = f"{user.name}-{number}"
            response = await api.ask("POST", CONFIG_MAPS, config_map(name), user=user)
            done.append(name if response.status == 201 else f"{name}: {response.status}")

        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(write(JANE, number))
            await asyncio.sleep(0.1)
            group.create_task(write(BOB, 0))
            await asyncio.sleep(0.1)
            text = (await api.ask("GET", "/debug/api_priority_and_fairness/dump_priority_levels")).encode().decode()
            row = next(line for line in text.splitlines() if line.startswith("small,"))
            assert row.replace(",", "").split() == ["small", "2", "false", "false", "5", "1", "0", "0", "0", "0"]
        assert done.index("bob-0") <= 2, done
        assert len(done) == 6


async def test_a_full_queue_and_a_long_wait_send_away() -> None:
    async with serving(**ONE_SEAT) as api:
        await slow_writes(api, 9.0)
        await small_level(api, {"type": "Queue", "queuing": {"queues": 1, "handSize": 1, "queueLengthLimit": 2}})
        tasks = []
        for number in range(4):
            tasks.append(asyncio.create_task(api.ask("POST", CONFIG_MAPS, config_map(f"c{number}"), user=JANE)))
            await asyncio.sleep(0.1)
        assert [(await task).status for task in tasks] == [201, 201, 429, 429]
        assert api.server.gate is not None
        level = next(each for each in api.server.gate.levels() if each.name == "small")
        assert level.rejected == {("small", "queue-full"): 1, ("small", "time-out"): 1}
        assert (level.in_use, level.executing, level.waiting) == (0, 0, 0)


async def test_a_client_that_goes_away_gives_up_its_place() -> None:
    async with serving(**ONE_SEAT) as api:
        await slow_writes(api)
        await small_level(api, {"type": "Queue", "queuing": {"queues": 2, "handSize": 1, "queueLengthLimit": 9}})
        tasks = [asyncio.create_task(api.ask("POST", CONFIG_MAPS, config_map(f"c{n}"), user=JANE)) for n in range(3)]
        await asyncio.sleep(0.1)
        tasks[1].cancel()
        tasks[0].cancel()
        assert (await tasks[2]).status == 201
        assert api.server.gate is not None
        level = next(each for each in api.server.gate.levels() if each.name == "small")
        assert (level.in_use, level.waiting) == (0, 0)


async def test_new_queues_take_over_who_waits() -> None:
    async with serving(**ONE_SEAT) as api:
        await slow_writes(api)
        queuing = {"queues": 2, "handSize": 1, "queueLengthLimit": 9}
        await small_level(api, {"type": "Queue", "queuing": queuing})
        tasks = [asyncio.create_task(api.ask("POST", CONFIG_MAPS, config_map(f"c{n}"), user=JANE)) for n in range(3)]
        await asyncio.sleep(0.1)
        changed = {"spec": {"limited": {"limitResponse": {"queuing": {**queuing, "queues": 64, "handSize": 3}}}}}
        await api.patch(f"{GROUP}/prioritylevelconfigurations/small", changed)
        assert [(await task).status for task in tasks] == [201] * 3


async def test_mandatory_objects_come_back_and_dangling_schemas_are_told() -> None:
    async with serving() as api:
        await api.ok("DELETE", f"{GROUP}/flowschemas/catch-all")
        await api.ok("DELETE", f"{GROUP}/prioritylevelconfigurations/workload-low")
        assert (await api.ask("GET", PODS, user=JANE)).status == 200
        await asyncio.sleep(61)
        await api.get(f"{GROUP}/flowschemas/catch-all")
        await api.patch(
            f"{GROUP}/flowschemas/global-default", {"spec": {"priorityLevelConfiguration": {"name": "none"}}}
        )
        await asyncio.sleep(61)
        (row,) = (await api.get(f"{GROUP}/flowschemas/global-default"))["status"]["conditions"]
        why = (
            'This FlowSchema references the PriorityLevelConfiguration object named "none" but there is no such object'
        )
        assert (row["status"], row["reason"], row["message"]) == ("True", "NotFound", why)


async def test_without_fairness_two_limits_hold() -> None:
    limits = {"max_requests_inflight": 1, "max_mutating_requests_inflight": 1}
    async with serving(priority_and_fairness=False, **limits) as api:
        await slow_writes(api)
        first = asyncio.create_task(api.ask("POST", CONFIG_MAPS, config_map("a"), user=JANE))
        await asyncio.sleep(0.1)
        assert (await api.ask("POST", CONFIG_MAPS, config_map("b"), user=JANE)).status == 429
        assert (await api.ask("GET", PODS, user=JANE)).status == 200
        assert (await first).status == 201


# -- the plain logic -------------------------------------------------------------------------------------------------


def test_a_hand_is_dealt_without_repetition_and_evenly() -> None:
    hands = [queues.deal(value * 7919, 8, 3) for value in range(8 * 7 * 6)]
    assert all(len(set(hand)) == 3 and set(hand) <= set(range(8)) for hand in hands)
    assert {tuple(queues.deal(value, 8, 3)) for value in range(8 * 7 * 6)} == {
        (a, b, c) for a in range(8) for b in range(8) for c in range(8) if len({a, b, c}) == 3
    }


async def test_seats_of_equal_flows_are_shared_evenly_whatever_each_request_takes() -> None:
    """One flow's requests take ten times as long as the other's: both get the same seat seconds."""
    loop = asyncio.get_running_loop()
    level = queues.Queues(64, 1, 1000)
    long, short = ("s", "long"), ("s", "short")
    durations = {long: 10.0, short: 1.0}
    for _ in range(300):
        for flow in durations:
            assert level.enqueue(flow, 1, loop.create_future(), 0.0, 1) is not None
    now_s, used = 0.0, dict.fromkeys(durations, 0.0)
    while now_s < 400:
        waiting = level.dispatch(1, now_s, 1)
        assert waiting is not None
        now_s += durations[waiting.flow]
        used[waiting.flow] += durations[waiting.flow]
        level.finish(waiting, now_s, 1)
    assert abs(used[long] - used[short]) <= 10, used


@pytest.mark.parametrize(
    ("total", "least", "wanted", "most", "expected"),
    [
        (10, [0, 0], [5.0, 5.0], [10, 10], [5, 5]),
        (10, [0, 0], [30.0, 10.0], [10, 10], [8, 2]),
        (10, [4, 0], [1.0, 100.0], [10, 10], [4, 6]),
        (10, [0, 0], [100.0, 1.0], [6, 10], [6, 4]),
        (10, [0, 0, 0], [1.0, 1.0, 1.0], [10, 10, 10], [4, 3, 3]),
    ],
    ids=["evenly", "in proportion", "not below the least", "not above the most", "whole seats"],
)
def test_seats_are_allocated(
    total: int, least: list[int], wanted: list[float], most: list[int], expected: list[int]
) -> None:
    assert levels.allocate(total, least, wanted, most) == expected


def test_an_idle_level_lends_to_a_busy_one_and_gets_its_seats_back() -> None:
    busy = Level("busy", nominal=10, least=10, most=100, limit=10, peak=50)
    idle = Level("idle", nominal=90, least=45, most=90, limit=90)
    levels.lend([busy, idle])
    assert (busy.limit, idle.limit) == (53, 47)
    busy.peak, idle.peak = 50, 90
    levels.lend([busy, idle])
    assert (busy.limit, idle.limit) == (10, 90)


async def test_the_fast_way_lets_requests_run_side_by_side() -> None:
    async with serving() as api:
        await slow_writes(api)
        names = [f"c{number}" for number in range(20)]
        started_s = asyncio.get_running_loop().time()
        answers: list[Response] = await asyncio.gather(
            *(api.ask("POST", CONFIG_MAPS, config_map(name), user=JANE) for name in names)
        )
        assert {answer.status for answer in answers} == {201}
        assert asyncio.get_running_loop().time() - started_s == pytest.approx(1.0)
        assert (await api.server.handle(Request("GET", "/version"))).status == 200
