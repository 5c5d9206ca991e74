"""
The udpcount server: it answers each datagram with at most one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from twisted_netdemo.messages import Unit, answer, count, greeting
from twisted_netdemo.service.addresses import Address, isBroadcast
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.responder import Responder
from twisted_netdemo.udpcount import wire


class UDPCount(Responder):
    """
    Answers each datagram with a welcome and the number of its characters.

    @ivar characters: the sum of the lengths that the answers gave.
    """

    name = "udpcount"
    refusal = staticmethod(wire.refusal)
    reasons = {**Responder.reasons, "answer": "it is an answer itself"}

    def __init__(
        self,
        clock: IReactorTime,
        unit: Unit = "characters",
        perSource: TokenBuckets | None = None,
        inAll: TokenBuckets | None = None,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param clock: the reactor.
        @param unit: whether to count characters or bytes.
        @param perSource: limits the answers to each source; C{None} does not.
        @param inAll: limits the answers to all sources together; C{None} does not.
        @param isBroadcast: whether an address of this host stands for all hosts on its network.
        """
        super().__init__(clock, perSource, inAll, isBroadcast)
        self._unit: Unit = unit
        self.characters = 0

    def respond(self, data: bytes, source: Address) -> bytes:
        # The whole datagram is the line: an inner line feed counts.
        counted = count(data, self._unit)
        self.characters += counted
        return greeting(source) + answer(counted)

    def unsent(self, data: bytes, source: Address) -> None:
        self.characters -= count(data, self._unit)

    def metrics(self) -> Iterable[Metric]:
        yield from super().metrics()
        yield Metric("udpcount_characters", "Characters counted.", self.characters)
