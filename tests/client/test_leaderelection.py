import asyncio

import pytest

from kube_nb.api import resources
from kube_nb.client.events import EventRecorder
from kube_nb.client.leaderelection import LeaderElector
from tests.client.realserver import RealServer


class Candidate:
    """An elector in a task, with what happened to it and when."""

    def __init__(self, server: RealServer, identity: str, **options) -> None:
        self.server = server
        self.up = True
        self.log: list[tuple[str, float]] = []
        client = server.client()
        carry = client.transport

        class Cuttable:
            async def __call__(_, request):
                server.up = self.up
                try:
                    return await carry(request)
                finally:
                    server.up = True

            async def close(_):
                pass

        client.transport = Cuttable()
        self.elector = LeaderElector(client, asyncio.get_running_loop(), identity, "thing", **options)
        self.task = asyncio.create_task(self.elector.run(self._lead, lambda: self._note("stopped")))

    def _note(self, what: str) -> None:
        self.log.append((what, round(asyncio.get_running_loop().time(), 3)))

    async def _lead(self) -> None:
        self._note("started")
        await asyncio.Event().wait()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def lease(server: RealServer):
    return (await server.client().get(resources.LEASES, "thing", "kube-system"))["spec"]


async def test_the_first_leads_and_renews_every_two_seconds():
    async with RealServer() as server:
        one = Candidate(server, "one")
        await asyncio.sleep(5)
        assert one.log == [("started", 0)]
        assert await lease(server) == {
            "holderIdentity": "one",
            "leaseDurationSeconds": 15,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:04.000000Z",
            "leaseTransitions": 0,
        }
        await one.end()
        assert one.log[1:] == [("stopped", 5)]


async def test_a_standby_takes_over_when_the_lease_has_run_out():
    async with RealServer() as server:
        one, two = Candidate(server, "one"), Candidate(server, "two")
        await asyncio.sleep(10)
        assert two.log == []
        await one.end()
        await asyncio.sleep(30)
        ((what, when),) = two.log
        assert what == "started"
        assert 24 <= when <= 34
        assert (await lease(server))["leaseTransitions"] == 1
        await two.end()


async def test_a_leader_without_a_server_stops_before_another_may_start():
    async with RealServer() as server:
        one, two = Candidate(server, "one"), Candidate(server, "two")
        await asyncio.sleep(10.5)
        one.up = False
        await asyncio.sleep(40)
        assert [what for what, _ in one.log] == ["started", "stopped"]
        stopped_s, started_s = one.log[1][1], two.log[0][1]
        assert 20 <= stopped_s <= 22
        assert stopped_s < started_s
        await two.end()


async def test_a_leader_that_was_held_up_renews_before_it_gives_up():
    async with RealServer() as server:
        one = Candidate(server, "one")
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        loop._jump(65)  # as if something had kept the loop busy for a minute
        await asyncio.sleep(5)
        assert one.log == [("started", 0)]
        assert (await lease(server))["renewTime"] == "2026-01-01T00:01:09.000000Z"
        await one.end()


async def test_a_lease_that_is_released_is_free_at_once():
    async with RealServer() as server:
        one, two = Candidate(server, "one", release_on_cancel=True), Candidate(server, "two")
        await asyncio.sleep(10)
        await one.end()
        await asyncio.sleep(5)
        assert two.log[0][1] < 15
        await two.end()


async def test_a_leader_that_fails_fails_its_elector():
    async def lead() -> None:
        raise RuntimeError("broken")

    async with RealServer() as server:
        elector = LeaderElector(server.client(), asyncio.get_running_loop(), "one", "thing")
        with pytest.raises(RuntimeError, match="broken"):
            await elector.run(lead)


async def test_who_leads_is_told_and_recorded():
    async with RealServer() as server:
        leaders: list[str] = []
        recorder = EventRecorder(server.client(), "thing", asyncio.get_running_loop())
        one = Candidate(server, "one", recorder=recorder)
        await asyncio.sleep(1)
        two = Candidate(server, "two", on_new_leader=leaders.append)
        await asyncio.sleep(10)
        assert leaders == ["one"]
        assert (one.elector.is_leader, two.elector.is_leader, two.elector.leader) == (True, False, "one")
        (event,) = (await server.client().list(resources.EVENTS, "kube-system"))["items"]
        assert (event["reason"], event["message"]) == ("LeaderElection", "one became leader")
        await one.end()
        await two.end()


async def test_waiting_and_renewing_are_housekeeping():
    async with RealServer() as server:
        one, two = Candidate(server, "one"), Candidate(server, "two")
        loop = asyncio.get_running_loop()
        await loop.settle()
        assert loop.time() == 0
        await one.end()
        await two.end()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lease_duration_s": 10}, "leaseDuration must be greater than renewDeadline"),
        ({"retry_period_s": 9}, r"renewDeadline must be greater than retryPeriod\*JitterFactor"),
    ],
)
async def test_times_that_could_give_two_leaders_are_refused(options, message):
    async with RealServer() as server:
        with pytest.raises(ValueError, match=message):
            LeaderElector(server.client(), asyncio.get_running_loop(), "one", "thing", **options)
