"""What the output forms have in common: one `show` that finds the function for a response by its type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

from kube_nb.etcd.backend import Alarm, HashKvResult, LeaseTimeToLiveResult, Member, StatusResult
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.result import CommandError, Exit

#: What a response does not say itself; ``status`` if the printer needs a header.
Context: TypeAlias = dict[str, Any]


class Revoked(NamedTuple):
    """A lease that was revoked."""

    id: int
    revision: int


class KeptAlive(NamedTuple):
    """A lease that was renewed."""

    id: int
    ttl_s: int
    revision: int


class TimeToLive(NamedTuple):
    """with_keys: they were asked for."""

    result: LeaseTimeToLiveResult
    with_keys: bool


class LeaseIds(NamedTuple):
    ids: list[int]
    revision: int


class Compaction(NamedTuple):
    revision: int


class EndpointStatus(NamedTuple):
    endpoints: list[tuple[str, StatusResult]]


class EndpointHealth(NamedTuple):
    """endpoints: address, how long a read took (Go's duration), what failed."""

    endpoints: list[tuple[str, str, str]]


class EndpointHashKv(NamedTuple):
    endpoints: list[tuple[str, HashKvResult]]


class MemberList(NamedTuple):
    members: list[Member]


class Alarms(NamedTuple):
    alarms: list[Alarm]


class MemberChange(NamedTuple):
    """what: ``removed from``, ... members: those there are now, where the answer tells."""

    what: str
    id: int
    members: tuple[Member, ...] = ()


class SnapshotStatus(NamedTuple):
    hash: int
    revision: int
    total_keys: int
    total_size_bytes: int


class AuthText(NamedTuple):
    """What a command on users and roles says in plain words, what of it stands in JSON, and line by line (None: not at
    all)."""

    text: str
    fields: dict[str, Any]
    lines: tuple[tuple[str, str], ...] | None = ()


@dataclass
class Printer:
    """SHOWS: the function that gives a response's text, by the response's type."""

    is_hex: bool = False
    value_only: bool = False
    pretty: bool = False

    name: ClassVar[str] = ""
    needs_header: ClassVar[bool] = False
    SHOWS: ClassVar[Mapping[type, Callable[[Any, Any, Context], str]]] = {}

    def show(self, response: Any, context: Context) -> str:
        function = self.SHOWS.get(type(response))
        if function is None:
            raise self.unsupported()
        return function(self, response, context)

    def unsupported(self) -> CommandError:
        return CommandError(f"{self.name} not supported as output format", Exit.BAD_FEATURE)


def member_rows(response: MemberList) -> tuple[list[str], list[list[str]]]:
    """The table of members: header and rows."""
    header = ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"]
    rows = []
    for member in response.members:
        learner = "true" if member.is_learner else "false"
        peers, clients = ",".join(member.peer_urls), ",".join(member.client_urls)
        started = "started" if member.name else "unstarted"
        rows.append([f"{member.id:x}", started, member.name, peers, clients, learner])
    return header, rows


def status_rows(response: EndpointStatus) -> tuple[list[str], list[list[str]]]:
    """The table of endpoints: header and rows."""
    header = ["endpoint", "ID", "version", "db size", "is leader", "is learner", "raft term", "raft index"]
    header += ["raft applied index", "errors"]
    rows = []
    for endpoint, status in response.endpoints:
        leader = "true" if status.leader == status.member_id else "false"
        learner = "true" if status.is_learner else "false"
        row = [endpoint, f"{status.member_id:x}", status.version, golang.size(status.db_size_bytes), leader, learner]
        row += [str(status.raft_term), str(status.raft_index), str(status.raft_applied_index)]
        rows.append([*row, ", ".join(status.errors)])
    return header, rows


def health_rows(response: EndpointHealth) -> tuple[list[str], list[list[str]]]:
    rows = [[endpoint, "false" if error else "true", took, error] for endpoint, took, error in response.endpoints]
    return ["endpoint", "health", "took", "error"], rows


def hash_rows(response: EndpointHashKv) -> tuple[list[str], list[list[str]]]:
    return ["endpoint", "hash"], [[endpoint, str(result.hash)] for endpoint, result in response.endpoints]


def snapshot_rows(response: SnapshotStatus) -> tuple[list[str], list[list[str]]]:
    row = [
        f"{response.hash:x}",
        str(response.revision),
        str(response.total_keys),
        golang.size(response.total_size_bytes),
    ]
    return ["hash", "revision", "total keys", "total size"], [row]
