"""The network between members: delays, losses and cuts, on the loop's time."""

import asyncio
import random
from collections import deque
from typing import Any, NamedTuple, Protocol

from kube_nb.etcd.raft.messages import Kind, Message
from kube_nb.machinery import clock as clocks

#: One way, in cluster seconds.
LATENCY_S = 0.0005


#: How many messages are remembered, for pictures.
REMEMBERED = 100
_HEARTBEATS = (Kind.HEARTBEAT, Kind.HEARTBEAT_RESP)


class Sent(NamedTuple):
    """A message and what became of it. lost: on the way, or nobody was there."""

    time_s: float
    message: Message
    lost: bool


class Receiver(Protocol):
    """A member, as the network knows it."""

    def receive(self, message: Message) -> None: ...


class Network:
    """Delivers between those who are `attach`ed. Cut links lose everything silently; `heal` mends all."""

    def __init__(self, stream: random.Random, latency_s: float = LATENCY_S) -> None:
        self.latency_s = latency_s
        self.jitter_s = 0.0
        self.loss = 0.0
        self.duplication = 0.0
        self.sent = 0
        self._stream = stream
        #: What arrived or was lost last, oldest first; heartbeats only in `heard`.
        self.recent: deque[Sent] = deque(maxlen=REMEMBERED)
        #: (sender, receiver) -> the last of any kind.
        self.heard: dict[tuple[int, int], Sent] = {}
        self._receivers: dict[int, Any] = {}
        self._cut: set[frozenset[int]] = set()

    def attach(self, id: int, receiver: Receiver) -> None:
        self._receivers[id] = receiver

    def detach(self, id: int) -> None:
        self._receivers.pop(id, None)

    # -- faults --------------------------------------------------------------------------------------------------

    def cut(self, one: int, other: int) -> None:
        self._cut.add(frozenset((one, other)))

    def isolate(self, *ids: int) -> None:
        """Cut these members off from all others; among themselves they still talk."""
        for id in ids:
            for other in self._receivers:
                if other not in ids:
                    self.cut(id, other)

    def heal(self, one: int = 0, other: int = 0) -> None:
        """Mend the link between two members; every link if none are named."""
        if one and other:
            self._cut.discard(frozenset((one, other)))
        else:
            self._cut.clear()

    def is_cut(self, one: int, other: int) -> bool:
        return frozenset((one, other)) in self._cut

    def reachable(self, sender: int, to: int) -> Any:
        """The receiver behind `to`, None if it is gone or cut off: for calls that need an answer at once."""
        return None if self.is_cut(sender, to) else self._receivers.get(to)

    # -- delivery ------------------------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Deliver later, or not. Heartbeats that carry no read are housekeeping, nobody settles for them."""
        self.sent += 1
        if self.loss and self._stream.random() < self.loss:
            self._note(message, lost=True)
            return
        copies = 2 if self.duplication and self._stream.random() < self.duplication else 1
        for _ in range(copies):
            delay_s = self.latency_s + (self._stream.random() * self.jitter_s if self.jitter_s else 0.0)
            loop = asyncio.get_running_loop()
            if message.kind in _HEARTBEATS and message.context is None:
                with clocks.periodic():
                    loop.call_later(delay_s, self._deliver, message)
            else:
                loop.call_later(delay_s, self._deliver, message)

    def _deliver(self, message: Message) -> None:
        receiver = self.reachable(message.sender, message.to)
        self._note(message, lost=receiver is None)
        if receiver is not None:
            receiver.receive(message)

    def _note(self, message: Message, *, lost: bool) -> None:
        sent = Sent(asyncio.get_running_loop().time(), message, lost)
        self.heard[message.sender, message.to] = sent
        if message.kind not in _HEARTBEATS:
            self.recent.append(sent)
