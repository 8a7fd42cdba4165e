import pytest

from kube_nb.kubectl.completion import complete
from tests.kubectl import sides

SETUP = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {}} for name in ("alpha", "amber")
] + [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("desc", ["describe"]),
        ("kubectl desc", ["describe"]),
        ("rollout ", ["history", "pause", "restart", "resume", "status", "undo"]),
        ("rollout un", ["undo"]),
        ("get deployme", ["deployments"]),
        ("get cm a", ["alpha", "amber"]),
        ("get cm/al", ["cm/alpha"]),
        ("get cm -n kube-public a", []),
        ("get pods --sel", ["--selector="]),
        ("get pods --output=ya", ["--output=yaml"]),
        ("get pods -o ya", ["yaml"]),
        ("get pods -n te", ["team"]),
        ("-n te", ["team"]),
        ("set im", ["image"]),
        ("delete cm alpha am", ["amber"]),
        ("get nonsense a", []),
        ("nonsense a", []),
        ("get 'un", []),
    ],
    ids=str,
)
async def test_a_line_is_completed(line, expected):
    async with sides.session(SETUP) as session:
        assert await complete(line, session) == expected


async def test_an_empty_line_offers_every_verb():
    async with sides.session() as session:
        found = await complete("", session)
    assert {"get", "apply", "describe", "explain"} <= set(found)
    assert found == sorted(found)
