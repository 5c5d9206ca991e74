"""
A UDP protocol that answers each datagram with at most one, and is of little use as a weapon: its
answers are limited, and never start an exchange without end.

A service says what the answer is, and under which name its metrics are shown::

    class Greeting(Responder):
        name = "greeting"

        def respond(self, data, source):
            return b"Hello.\\r\\n"

L{twisted_netdemo.service.udp.admission} says which datagrams are not answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_netdemo.service.addresses import Address, isBroadcast
from twisted_netdemo.service.observe.metrics import Metric
from twisted_netdemo.service.time.clock import monotonic
from twisted_netdemo.service.time.token_buckets import TokenBuckets
from twisted_netdemo.service.udp.admission import REASONS, Admission
from twisted_netdemo.service.udp.datagram import Outgoing, Received
from twisted_netdemo.service.udp.port import DatagramSender

__all__ = ["Address", "Responder", "TokenBuckets", "isBroadcast"]


class Responder:
    """
    A L{BatchReceiver<twisted_netdemo.service.udp.port.BatchReceiver>}. A subclass overrides
    L{respond}, and L{refusal} where it has reasons of its own not to answer.

    @cvar name: the service's, with which the names of its metrics begin: a Prometheus name.
    @cvar reasons: why a datagram is not answered: each reason, and its clause in the log.
    @ivar answered: how many answers the system has taken.
    """

    name: ClassVar[str]
    reasons: ClassVar[Mapping[str, str]] = REASONS

    _port: DatagramSender

    def __init__(
        self,
        clock: IReactorTime,
        perSource: TokenBuckets | None = None,
        inAll: TokenBuckets | None = None,
        isBroadcast: Callable[[str], bool] = isBroadcast,
    ) -> None:
        """
        @param clock: the reactor.
        @param perSource: limits the answers to each source (an IPv4 address or an IPv6 /64);
            C{None} does not.
        @param inAll: limits the answers to all sources together; C{None} does not.
        @param isBroadcast: whether an address of this host stands for all hosts on its network.
        """
        self.reactor = clock
        self._seconds = monotonic(clock).seconds
        # Under the name of the service's own module, by which a log is filtered.
        self._log = Logger(namespace=type(self).__module__)
        self._admission = Admission(
            clock, self._log, self.reasons, self.refusal, perSource, inAll, isBroadcast
        )
        self.answered = 0

    @property
    def refused(self) -> Counter[str]:
        """
        How many datagrams were not answered, by reason.
        """
        return self._admission.refused

    def respond(self, data: bytes, source: Address) -> bytes:
        """
        The answer to a datagram, which leaves from the address that the datagram was sent to.

        @param data: the whole payload, 0 to 65,527 bytes.
        @param source: where the datagram came from, and where the answer goes.
        @raise Exception: it is logged, and the datagram is not answered.
        """
        raise NotImplementedError

    def refusal(self, data: bytes) -> str | None:
        """
        Why a datagram with this payload is not answered, one of C{reasons}; C{None} if it is.
        """
        return None

    def unsent(self, data: bytes, source: Address) -> None:
        """
        The system has not taken the answer that L{respond} returned for this datagram.
        """

    def started(self, port: DatagramSender) -> None:
        self._port = port
        self._admission.startsOn(port.number)

    def stopped(self) -> None:
        self._admission.stopped()

    def datagramsReceived(self, datagrams: Sequence[Received]) -> None:
        admitted = self._admission.admitted(datagrams, self._seconds())
        if admitted:
            self._answer(admitted)

    def _answer(self, datagrams: Sequence[Received]) -> None:
        respond = self.respond
        answers: list[Outgoing] = []
        answered = []
        for datagram in datagrams:
            data, source, told, _ = datagram
            try:
                answers.append((respond(data, source), source, told[0]))
            except Exception:  # a fault of the service; the other clients have no part in it
                self._log.failure("A datagram has no answer", source=source)
            else:
                answered.append(datagram)
        failed = self._port.sendAll(answers)
        for at in failed:
            data, source, _, _ = answered[at]
            self.unsent(data, source)
        self.answered += len(answers) - len(failed)

    def metrics(self) -> Iterable[Metric]:
        """
        The metrics for L{twisted_netdemo.service.exporter.prometheus}.
        """
        name = self.name
        yield Metric(f"{name}_answers", "Datagrams answered.", self.answered)
        yield Metric(
            f"{name}_refused", "Datagrams not answered, by reason.", self.refused, "reason"
        )
