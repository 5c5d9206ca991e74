"""
The wire: each IP packet that leaves meets its fate, and what is left of it arrives.

There is one end only. A packet to the far address comes back from it, with source and destination
exchanged, so that who listens near is reached at the far address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.pair.raw import IRawPacketProtocol
from zope.interface import implementer

from twisted_netdemo.badwire.model import dns_question
from twisted_netdemo.badwire.model.events import HEAD, Arrived, Listener, Sent
from twisted_netdemo.badwire.model.flow_table import FlowDirection, FlowTable
from twisted_netdemo.badwire.model.packet import (
    NAMES,
    UDP,
    Packet,
    mirror,
    parse,
    verify,
    vulnerable,
    withPayload,
)
from twisted_netdemo.badwire.model.receiver import Receivers
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.link import FlowQueue, Link
from twisted_netdemo.faults.model import Conditions, Fate, Fates, Outcome
from twisted_netdemo.faults.trigger import Direction
from twisted_netdemo.service.time.clock import monotonic

if TYPE_CHECKING:
    from twisted.pair.tuntap import TuntapPort

_log = Logger()

# What is due in less than this, in seconds, is due now: times are rounded, and a clock that counts
# from 1970 cannot tell them apart.
_SOON = 1e-6

# How many other addresses are remembered.
_ELSEWHERE = 5


class _InFlight:
    """
    A packet that will arrive.

    @ivar packet: as it arrives, damage done.
    @ivar isSound: whether its checksums are right then.
    @ivar copies: how often.
    @ivar sent: its event, once its fate is sealed.
    """

    __slots__ = ("copies", "isSound", "packet", "sent")

    sent: Sent

    def __init__(self, packet: Packet, isSound: bool, copies: int) -> None:
        self.packet = packet
        self.isSound = isSound
        self.copies = copies


class _FlowState:
    """
    What the wire keeps of one direction of a flow.
    """

    __slots__ = ("fates", "queue")

    def __init__(self, fates: Fates, queue: FlowQueue[_InFlight]) -> None:
        self.fates = fates
        self.queue = queue


@implementer(IRawPacketProtocol)
class Wire:
    """
    @ivar conditions: how bad each direction is; they may change while packets are under way.
    @ivar receivers: the books of all receivers.
    @ivar unread: how many packets were none of the wire's: to other addresses, or malformed.
    @ivar malformed: how many of them were that.
    @ivar elsewhere: the first few of those addresses.
    @ivar refused: how many copies the device did not take.
    @ivar flows: all flows so far.
    """

    transport: TuntapPort | None = None

    def __init__(
        self,
        clock: IReactorTime,
        impairments: Mapping[Direction, Impairments],
        seed: int,
        far: Sequence[bytes],
        listeners: Sequence[Listener],
        blackouts: Sequence[tuple[float, float]] = (),
    ) -> None:
        """
        @param clock: tells the time and calls later. Events count from now.
        @param impairments: how bad each direction is.
        @param seed: of all random draws.
        @param far: the far addresses, packed.
        @param listeners: who is told of each event.
        @param blackouts: when nothing passes: from and to, in seconds from now.
        """
        self.receivers = Receivers()
        self.flows = FlowTable()
        self.unread = 0
        self.malformed = 0
        self.elsewhere: list[str] = []
        self.refused = 0
        self._clock = monotonic(clock)
        self._start = self._clock.seconds()
        self.conditions = {each: Conditions(impairments[each]) for each in impairments}
        self._seed = seed
        self._far = frozenset(far)
        self._listeners = tuple(listeners)
        self._blackouts = tuple(blackouts)
        self._links: dict[Direction, Link[_InFlight]] = {
            each: Link(conditions) for each, conditions in self.conditions.items()
        }
        self._n = 0
        self._call: IDelayedCall | None = None
        self._when = 0.0

    def addProto(self, num: int, proto: object) -> None:
        """
        L{IRawPacketProtocol} has it; nothing is stacked on the wire.
        """
        raise TypeError("the wire hands its packets back to the kernel")

    @property
    def seconds(self) -> float:
        """
        How long the network is up.
        """
        return self._clock.seconds() - self._start

    @property
    def isIdle(self) -> bool:
        """
        Whether nothing is under way.
        """
        return not any(link.octets for link in self._links.values())

    def datagramReceived(
        self,
        data: bytes,
        partial: int = 0,
        dest: object = None,
        source: object = None,
        protocol: object = None,
    ) -> None:
        """
        A packet leaves.
        """
        packet = parse(data)
        if packet is None or packet.destinationAddress not in self._far:
            self._pass(packet)
            return
        now = self._clock.seconds() - self._start
        side, flags, seq, ack, attempt, key, window = self.flows.identify(packet)
        checksum = verify(packet)
        state: _FlowState | None = side.state
        if state is None:
            state = side.state = self._begin(side)
        fate = state.fates.next(*key)
        direction = side.direction
        inFlight: _InFlight | None = None
        isQueued = False
        if any(start <= now < end for start, end in self._blackouts):
            words: tuple[str, ...] = ("blackout",)
        elif fate.outcome.isLost:
            words = fate.outcome.words
        else:
            outcome, damaged = _damage(packet, fate)
            words = outcome.words
            isSound = checksum if damaged is packet else verify(damaged)
            inFlight = _InFlight(damaged, isSound, outcome.copies)
            link = self._links[direction]
            isQueued = not link.isOpen(state.queue, fate)
            if isQueued and not link.enter(state.queue, inFlight, len(packet.data), fate, now):
                words, inFlight = ("queue",), None
        sent = Sent(
            t=now,
            n=self._n,
            flow=side.flow.number,
            direction=direction,
            protocol=NAMES.get(packet.protocol) or str(packet.protocol),
            version=packet.version,
            source=packet.source,
            destination=packet.destination,
            length=len(packet.data) - packet.payload,
            flags=flags,
            seq=seq,
            ack=ack,
            attempt=attempt,
            fates=words,
            delay=0.0 if inFlight is None else fate.delay * 1000,
            checksum=checksum,
            head=packet.data[packet.payload : packet.payload + HEAD],
            fragment=packet.fragment,
            window=window,
            quotes=self.receivers.quotes(packet, side.flow.number, direction),
            asks=_asks(packet),
        )
        self._n += 1
        self.receivers.left(sent)
        for listener in self._listeners:
            listener.sent(sent, packet.data)
        if inFlight is not None:
            inFlight.sent = sent
            if isQueued:
                self._leave()
            else:
                self._arrive(inFlight, now)

    def _pass(self, packet: Packet | None) -> None:
        """
        What is none of the wire's goes nowhere.
        """
        self.unread += 1
        if packet is None:
            self.malformed += 1
        elif len(self.elsewhere) < _ELSEWHERE:
            address = str(ip_address(packet.destinationAddress))
            if address not in self.elsewhere:
                self.elsewhere.append(address)

    def _begin(self, side: FlowDirection) -> _FlowState:
        flow, direction = side.flow, side.direction
        identity = (flow.protocol, flow.version, flow.port, flow.place, direction)
        return _FlowState(
            Fates(self.conditions[direction], self._seed, *identity), self._links[direction].flow()
        )

    def _leave(self) -> None:
        """
        Let arrive what is due, and come back when more is.
        """
        now = self._clock.seconds() - self._start
        for link in self._links.values():
            for inFlight in link.due(now + _SOON):
                self._arrive(inFlight, now)
        times = [when for link in self._links.values() if (when := link.next()) is not None]
        when = min(times, default=None)
        if when is not None and (self._call is None or when < self._when):
            self._cancel()
            self._when = when
            self._call = self._clock.callLater(max(0.0, when - now), self._due)

    def _due(self) -> None:
        self._call = None
        self._leave()

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def makeConnection(self, transport: TuntapPort) -> None:
        """
        The device is there.
        """
        self.transport = transport

    def doStop(self) -> None:
        """
        The device is gone: what is still under way never arrives.
        """
        self.transport = None
        self._cancel()

    def _arrive(self, inFlight: _InFlight, now: float) -> None:
        """
        All copies reach their receiver.
        """
        sent, data = inFlight.sent, mirror(inFlight.packet)
        for copy in range(inFlight.copies):
            if self.transport is None:
                return
            effect, released = self.receivers.arrived(inFlight.packet, sent, inFlight.isSound)
            event = Arrived(now, sent.n, copy, sent.flow, sent.direction, effect, released)
            for listener in self._listeners:
                listener.arrived(event, data)
            try:
                self.transport.write(data)
            except OSError as error:
                if not self.refused:
                    _log.warn("the device does not take a packet: {error}", error=error.strerror)
                self.refused += 1


def _damage(packet: Packet, fate: Fate) -> tuple[Outcome, Packet]:
    """
    The packet that arrives, and the outcome without the faults that could do nothing to it.
    """
    outcome = fate.outcome
    for fault in outcome.damages:
        start, end = vulnerable(packet, fault.reachesHeader)
        payload = packet.data[start:end]
        damaged = withPayload(packet, start, end, fate.damaged(fault, payload))
        # UDP-Lite sees an exchange across the end of what its checksum covers
        if damaged.data == packet.data or (fault.isUnseen and not verify(damaged)):
            outcome = outcome.without(fault)
        else:
            packet = damaged
    return outcome, packet


def _asks(packet: Packet) -> str | None:
    """
    Which type of record it asks for, if it is a message of the name system.
    """
    if packet.protocol != UDP or dns_question.PORT not in (packet.source, packet.destination):
        return None
    return dns_question.recordType(packet.data[packet.payload :])
