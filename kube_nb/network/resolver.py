"""The stub resolver of a pod: hosts file, search path, ndots, name servers. Models resolv.conf(5)."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from kube_nb.network import dnsmessage
from kube_nb.network.dataplane import is_address

ATTEMPTS = 2
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A lookup's result; see `cri.network.Answer`."""

    server: str
    name: str
    records: tuple[str, ...]


class NotFound(socket.gaierror):
    """No such name; `server` said so."""

    def __init__(self, server: str) -> None:
        super().__init__(socket.EAI_NONAME, "Name or service not known")
        self.server = server


@dataclass(slots=True)
class Configuration:
    """What a resolv.conf says."""

    nameservers: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    ndots: int = 1

    @classmethod
    def parse(cls, text: str) -> "Configuration":
        found = cls()
        for line in text.splitlines():
            keyword, *values = line.split() or [""]
            if keyword == "nameserver" and values:
                found.nameservers.append(values[0])
            elif keyword == "search":
                found.searches = values
            elif keyword == "options":
                for value in values:
                    name, _, number = value.partition(":")
                    if name == "ndots" and number.isdigit():
                        found.ndots = int(number)
        return found

    def candidates(self, name: str) -> list[str]:
        """The full names to try, in order."""
        if name.endswith("."):
            return [name.rstrip(".")]
        searched = [f"{name}.{search}" for search in self.searches]
        return [name, *searched] if name.count(".") >= self.ndots else [*searched, name]


class Ask(Protocol):
    def __call__(self, ip: str, port: int, data: bytes, *, timeout_s: float) -> Awaitable[bytes]: ...


class Resolver:
    """Plain lookups over `ask`, which sends a datagram and returns its answer."""

    def __init__(self, ask: Ask, resolv_conf: str, hosts: Callable[[], str]) -> None:
        self._ask = ask
        self._text = resolv_conf
        self._configuration: Configuration | None = None
        self._hosts = hosts
        self._last_id = 0

    @property
    def configuration(self) -> Configuration:
        if self._configuration is None:
            self._configuration = Configuration.parse(self._text)
        return self._configuration

    def _in_hosts(self, name: str) -> tuple[str, ...]:
        rows = (line.partition("#")[0].split() for line in self._hosts().splitlines())
        return tuple(row[0] for row in rows if name in row[1:] and "." in row[0])

    async def resolve(self, name: str, type: str = "A") -> Answer:
        if is_address(name):
            return Answer("", name, (name,))
        if type == "A" and (found := self._in_hosts(name)):
            return Answer("", name, found)
        configuration = self.configuration
        server = configuration.nameservers[0] if configuration.nameservers else ""
        if not server:
            raise NotFound("")
        for candidate in configuration.candidates(name):
            reply, server = await self._query(candidate, type)
            records = tuple(record.value for record in reply.records if record.type == type)
            if reply.code == dnsmessage.NOERROR and records:
                return Answer(server, candidate, records)
        raise NotFound(server)

    async def _query(self, name: str, type: str) -> tuple[dnsmessage.Message, str]:
        """The first answer of a name server; raises gaierror EAI_AGAIN when none answers."""
        self._last_id = (self._last_id + 1) & 0xFFFF
        data = dnsmessage.Message(self._last_id, name, type).encode()
        for _ in range(ATTEMPTS):
            for server in self.configuration.nameservers:
                try:
                    return dnsmessage.decode(await self._ask(server, 53, data, timeout_s=TIMEOUT_S)), server
                except (OSError, ValueError):
                    continue
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
