"""The store's members as plain data: roles, terms, logs, who reaches whom, what they said last; and how to part them.

One member that has never met another is its own leader; an etcd elsewhere tells its members, and nothing of their logs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from kube_nb.etcd.backend import Event
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.raft.member import Request
from kube_nb.etcd.raft.messages import Entry, Kind, Message
from kube_nb.machinery.refusals import BadArgument

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

#: How many entries of each log, and how many messages, are told.
MAX_ENTRIES, MAX_MESSAGES = 8, 12


class LogEntry(TypedDict):
    """place: in the log. what: in words. committed, applied: as far as this member knows."""

    place: int
    term: int
    what: str
    committed: bool
    applied: bool


class MemberState(TypedDict):
    """role: leader, follower, candidate, pre-candidate, learner or down. leader: whom it takes for the leader, "" for
    nobody. side: number of the group of members that reach each other. quorum: whether its side can decide.
    A member that is down shows what it has saved."""

    name: str
    id: str
    role: str
    term: int
    leader: str
    commit: int
    applied: int
    last: int
    revision: int
    entries: list[LogEntry]
    side: int
    quorum: bool


class Link(TypedDict):
    """cut: nothing passes. said: the last message of either, "" if there is none."""

    one: str
    other: str
    cut: bool
    said: str


class Said(TypedDict):
    """time_s: cluster seconds."""

    time_s: float
    sender: str
    to: str
    what: str
    lost: bool


class Members(TypedDict):
    """time: the cluster's calendar. outside: the store is an etcd elsewhere. voters: how many decide."""

    time: str
    outside: bool
    voters: int
    members: list[MemberState]
    links: list[Link]
    messages: list[Said]


async def state(engine: "Engine") -> Members:
    """The members as they are now."""
    found: Members = {
        "time": engine.clock.timestamp(),
        "outside": engine.options.store is not None,
        "voters": 1,
        "members": [],
        "links": [],
        "messages": [],
    }
    if engine.options.store is not None:
        await _outside(engine, found)
    elif engine.members is None:
        found["members"] = [_alone(engine)]
    else:
        _several(engine.members, found)
    return found


# -- one, or elsewhere -------------------------------------------------------------------------------------------------


def _alone(engine: "Engine") -> MemberState:
    backend = engine.etcd.backend
    known, last = engine.store.revision, engine.store.history.log[-MAX_ENTRIES:]
    entries = [
        _entry(place, 2, _of_events(events), committed=True, applied=True)
        for place, events in enumerate(last, known + 1 - len(last))
    ]
    return {
        "name": "etcd",
        "id": "" if backend is None else f"{backend.member.id:x}",
        "role": "down" if backend is None else "leader",
        "term": 2,
        "leader": "" if backend is None else "etcd",
        "commit": known,
        "applied": known,
        "last": known,
        "revision": known,
        "entries": entries,
        "side": 0,
        "quorum": backend is not None,
    }


async def _outside(engine: "Engine", found: Members) -> None:
    status = await engine.etcd.status()
    members = await engine.etcd.member_list()
    names = {member.id: member.name or f"{member.id:x}" for member in members}
    found["voters"] = sum(not member.is_learner for member in members)
    for member in members:
        asked = member.id == status.member_id
        found["members"].append(
            {
                "name": names[member.id],
                "id": f"{member.id:x}",
                "role": "leader" if member.id == status.leader else "learner" if member.is_learner else "follower",
                "term": status.raft_term,
                "leader": names.get(status.leader, ""),
                "commit": status.raft_index if asked else 0,
                "applied": status.raft_applied_index if asked else 0,
                "last": status.raft_index if asked else 0,
                "revision": status.revision if asked else 0,
                "entries": [],
                "side": 0,
                "quorum": bool(status.leader),
            }
        )


# -- several -----------------------------------------------------------------------------------------------------------


def _several(cluster: RaftCluster, found: Members) -> None:
    names = cluster.names
    voters = _voters(cluster)
    sides = _sides(cluster)
    found["voters"] = len(voters)
    for id in names:
        side = next((number for number, side in enumerate(sides) if id in side), -1)
        quorum = side >= 0 and 2 * len(voters & sides[side]) > len(voters)
        found["members"].append(_member(cluster, id, names, side, quorum=quorum))
    found["links"] = [_link(cluster, one, other, names) for one in names for other in names if one < other]
    recent = list(cluster.network.recent)[-MAX_MESSAGES:]
    found["messages"] = [
        {
            "time_s": sent.time_s,
            "sender": names.get(sent.message.sender, "?"),
            "to": names.get(sent.message.to, "?"),
            "what": words(sent.message),
            "lost": sent.lost,
        }
        for sent in recent
    ]


def _voters(cluster: RaftCluster) -> set[int]:
    """Who decides, by the member that is furthest."""
    known = max(cluster.running.values(), key=lambda member: member.raft.log.applied, default=None)
    return set(cluster.founders) if known is None else set(known.raft.conf.voters)


def _sides(cluster: RaftCluster) -> list[set[int]]:
    """Groups of running members that reach each other, directly or over others."""
    sides: list[set[int]] = []
    for id in sorted(cluster.running):
        joined = [side for side in sides if any(not cluster.network.is_cut(id, other) for other in side)]
        sides = [side for side in sides if side not in joined] + [set().union({id}, *joined)]
    return sorted(sides, key=lambda side: (-len(side), min(side)))


def _member(cluster: RaftCluster, id: int, names: dict[int, str], side: int, *, quorum: bool) -> MemberState:
    member = cluster.running.get(id)
    if member is None:
        saved = cluster.stable[id]
        last = saved.entries[-1].index if saved.entries else saved.snapshot.index
        commit = saved.hard_state.commit
        numbers = {"term": saved.hard_state.term, "commit": commit, "applied": 0, "last": last}
        return _row(names[id], id, "down", "", numbers, 0, [], side, quorum=False)
    raft = member.raft
    log = raft.log
    end = log.slice(max(log.last_index - MAX_ENTRIES, log.snapshot.index) + 1)
    entries = [
        _entry(e.index, e.term, _of_entry(e), committed=e.index <= log.commit, applied=e.index <= log.applied)
        for e in end
    ]
    role = "learner" if id in raft.conf.learners else raft.role.value
    numbers = {"term": raft.term, "commit": log.commit, "applied": log.applied, "last": log.last_index}
    leader = names.get(raft.leader, "")
    return _row(names[id], id, role, leader, numbers, member.store.revision, entries, side, quorum=quorum)


def _row(
    name: str,
    id: int,
    role: str,
    leader: str,
    numbers: dict[str, int],
    revision: int,
    entries: list[LogEntry],
    side: int,
    *,
    quorum: bool,
) -> MemberState:
    return {
        "name": name,
        "id": f"{id:x}",
        "role": role,
        "term": numbers["term"],
        "leader": leader,
        "commit": numbers["commit"],
        "applied": numbers["applied"],
        "last": numbers["last"],
        "revision": revision,
        "entries": entries,
        "side": side,
        "quorum": quorum,
    }


def _link(cluster: RaftCluster, one: int, other: int, names: dict[int, str]) -> Link:
    heard = [sent for pair in ((one, other), (other, one)) if (sent := cluster.network.heard.get(pair)) is not None]
    last = max(heard, key=lambda sent: sent.time_s, default=None)
    return {
        "one": names[one],
        "other": names[other],
        "cut": cluster.network.is_cut(one, other),
        "said": "" if last is None else words(last.message),
    }


# -- words -------------------------------------------------------------------------------------------------------------


def _entry(place: int, term: int, what: str, *, committed: bool, applied: bool) -> LogEntry:
    return {"place": place, "term": term, "what": what, "committed": committed, "applied": applied}


def _of_entry(entry: Entry) -> str:
    """What an entry asks of the store: ``optimistic_put /registry/pods/default/web``."""
    request: Request | None = entry.data
    if request is None:
        return "a new leader's first"
    key = next((_key(argument) for argument in request.arguments if _key(argument)), "")
    return f"{request.method.removeprefix('optimistic_').replace('_', ' ')} {key}".rstrip()


def _key(argument: Any) -> str:
    found = argument if isinstance(argument, bytes) else getattr(argument, "key", b"")
    return found.decode(errors="replace") if isinstance(found, bytes) else ""


def _of_events(events: Sequence[Event]) -> str:
    return ", ".join(f"{event.type.name.lower()} {event.kv.key.decode(errors='replace')}" for event in events)


def words(message: Message) -> str:
    """A message as one reads it: ``append 12..13 (term 2), commit 11``."""
    kind = message.kind.name.lower().replace("_", " ")
    match message.kind:
        case Kind.APPEND:
            count = len(message.entries)
            places = f"{message.index + 1}..{message.index + count}" if count > 1 else f"{message.index + 1}"
            return f"append {places}, commit {message.commit}" if count else f"commit is at {message.commit}"
        case Kind.APPEND_RESP:
            return f"append rejected after {message.index}" if message.reject else f"has all up to {message.index}"
        case Kind.VOTE_RESP | Kind.PRE_VOTE_RESP:
            answer = "no" if message.reject else "yes"
            return f"{'pre-vote' if message.kind is Kind.PRE_VOTE_RESP else 'vote'}: {answer} (term {message.term})"
        case Kind.VOTE | Kind.PRE_VOTE:
            return f"asks for a {'pre-vote' if message.kind is Kind.PRE_VOTE else 'vote'} (term {message.term})"
        case Kind.SNAPSHOT if message.snapshot is not None:
            return f"snapshot up to {message.snapshot.index}"
    return kind


# -- faults ------------------------------------------------------------------------------------------------------------


def cut(engine: "Engine", one: str, other: str = "") -> None:
    """Cut the network between two members, or between one and all others. ValueError for a name that is not there."""
    cluster = _cluster(engine)
    first = _id(cluster, one)
    for second in [_id(cluster, other)] if other else [id for id in cluster.stable if id != first]:
        cluster.network.cut(first, second)


def heal(engine: "Engine", one: str = "", other: str = "") -> None:
    """Mend the link between two members, all links of one, or all there are."""
    cluster = _cluster(engine)
    if not one:
        cluster.network.heal()
        return
    first = _id(cluster, one)
    for second in [_id(cluster, other)] if other else [id for id in cluster.stable if id != first]:
        cluster.network.heal(first, second)


def _cluster(engine: "Engine") -> RaftCluster:
    if engine.members is None:
        raise BadArgument("etcd has one member here: there is nobody to part it from (see etcd_members=3)")
    return engine.members


def _id(cluster: RaftCluster, name: str) -> int:
    known = {each: id for id, each in cluster.names.items()}
    if name not in known:
        raise BadArgument(f'no member "{name}"; there are {", ".join(known)}')
    return known[name]
