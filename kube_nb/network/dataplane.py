"""One node's service rules: which endpoint a connection to a service's address goes to.

A value, changed by whoever programs it (`proxy.KubeProxy`), read by the fabric on every dial. If the proxy stops, the
rules stay as they were, as iptables' do.
"""

import ipaddress
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Target(NamedTuple):
    """Where to go; masquerade: the endpoint sees the node's address instead of the client's."""

    ip: str
    port: int
    masquerade: bool = False


class Verdict(Enum):
    """What a rule without a target says."""

    REJECT = "reject"  # icmp-port-unreachable: connection refused
    DROP = "drop"


@dataclass(slots=True)
class Rule:
    """One service port. endpoints: all to choose from; local: those on this node.

    affinity_s: how long a client stays with its endpoint, None for no affinity. internal_local, external_local: the
    traffic policies.
    """

    service: str
    port_name: str
    cluster_endpoints: Sequence[tuple[str, int]]
    local_endpoints: Sequence[tuple[str, int]] = ()
    affinity_s: float | None = None
    internal_local: bool = False
    external_local: bool = False
    stuck: dict[str, tuple[tuple[str, int], float]] = field(default_factory=dict)


class Dataplane:
    """See the module's docstring. node_ips: this node's own addresses, where nodePorts are served."""

    def __init__(self, now_s: Callable[[], float], stream: random.Random, node_ips: Sequence[str]) -> None:
        self._now_s = now_s
        self._stream = stream
        self.node_ips = tuple(node_ips)
        self._by_address: dict[tuple[str, int, str], Rule] = {}
        self._by_node_port: dict[tuple[int, str], Rule] = {}
        self._external: set[tuple[str, int, str]] = set()
        self._of_service: dict[str, tuple[list[tuple[str, int, str]], list[tuple[int, str]]]] = {}

    def program(
        self,
        service: str,
        rules: Iterable[tuple[Rule, Sequence[tuple[str, int, str]], Sequence[tuple[str, int, str]], int]],
    ) -> None:
        """Replace a service's rules. rules: (rule, cluster addresses, external addresses, nodePort or 0)."""
        old = {
            (rule.service, rule.port_name): rule.stuck
            for address in self._of_service.get(service, ([], []))[0]
            if (rule := self._by_address[address]).stuck
        }
        self.forget(service)
        addresses: list[tuple[str, int, str]] = []
        node_ports: list[tuple[int, str]] = []
        for rule, internal, external, node_port in rules:
            rule.stuck = old.get((rule.service, rule.port_name), rule.stuck)
            for address in (*internal, *external):
                self._by_address[address] = rule
                addresses.append(address)
            self._external.update(external)
            if node_port:
                key = (node_port, (internal or external)[0][2] if internal or external else "TCP")
                self._by_node_port[key] = rule
                node_ports.append(key)
        self._of_service[service] = (addresses, node_ports)

    def forget(self, service: str) -> None:
        addresses, node_ports = self._of_service.pop(service, ([], []))
        for address in addresses:
            self._by_address.pop(address, None)
            self._external.discard(address)
        for key in node_ports:
            self._by_node_port.pop(key, None)

    def rules(self) -> dict[str, list[str]]:
        """The rules as text, for looking at: address -> endpoints."""
        return {
            f"{protocol} {ip}:{port} {rule.service}": [f"{host}:{number}" for host, number in rule.cluster_endpoints]
            for (ip, port, protocol), rule in sorted(self._by_address.items(), key=lambda item: item[0])
        }

    def translate(self, ip: str, port: int, protocol: str, client_ip: str) -> Target | Verdict | None:
        """The endpoint for a connection, a verdict, or None if no rule is about this address."""
        rule = self._by_address.get((ip, port, protocol))
        external = False
        if rule is None and ip in self.node_ips:
            rule = self._by_node_port.get((port, protocol))
            external = True
        if rule is None:
            return None
        external = external or (ip, port, protocol) in self._external
        only_local = rule.external_local if external else rule.internal_local
        endpoints = rule.local_endpoints if only_local else rule.cluster_endpoints
        if not endpoints:
            return Verdict.DROP if only_local and rule.cluster_endpoints else Verdict.REJECT
        host, number = self._choose(rule, endpoints, client_ip)
        return Target(host, number, masquerade=external and not rule.external_local)

    def _choose(self, rule: Rule, endpoints: Sequence[tuple[str, int]], client_ip: str) -> tuple[str, int]:
        if rule.affinity_s is None:
            return endpoints[self._stream.randrange(len(endpoints))] if len(endpoints) > 1 else endpoints[0]
        now_s = self._now_s()
        stuck, since_s = rule.stuck.get(client_ip, (("", 0), -1e9))
        if stuck not in endpoints or now_s - since_s > rule.affinity_s:
            stuck = endpoints[self._stream.randrange(len(endpoints))]
        rule.stuck[client_ip] = (stuck, now_s)
        return stuck


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
