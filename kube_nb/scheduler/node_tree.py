"""The order in which nodes are looked at: one node per zone in turn.

Zones come in the order in which they were first seen, nodes of a zone in the order in which they were added; a node
that changes its zone goes to the new zone's end, a zone without nodes is forgotten.
Models pkg/scheduler/backend/cache/node_tree.go.
"""

from collections.abc import Iterator


class NodeTree:
    """{zone: [node names]}."""

    def __init__(self) -> None:
        self._zones: dict[str, dict[str, None]] = {}
        self._zone_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._zone_of)

    def add(self, name: str, zone: str) -> None:
        self._zones.setdefault(zone, {})[name] = None
        self._zone_of[name] = zone

    def remove(self, name: str) -> None:
        zone = self._zone_of.pop(name)
        nodes = self._zones[zone]
        del nodes[name]
        if not nodes:
            del self._zones[zone]

    def update(self, name: str, zone: str) -> bool:
        """Whether the order changed."""
        if self._zone_of[name] == zone:
            return False
        self.remove(name)
        self.add(name, zone)
        return True

    def __iter__(self) -> Iterator[str]:
        """Before: ``{"a": [1, 2, 3], "b": [4]}``; yields 1, 4, 2, 3."""
        rounds = [iter(nodes) for nodes in self._zones.values()]
        while rounds:
            going = []
            for nodes in rounds:
                name = next(nodes, None)
                if name is not None:
                    yield name
                    going.append(nodes)
            rounds = going
