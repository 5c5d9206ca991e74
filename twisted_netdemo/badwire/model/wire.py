"""
The wire: it decides the fate of each IP packet that leaves, and lets it arrive accordingly.

The wire has one end only. A packet to the far address comes back from there with its source and
destination exchanged: a server that listens near is reached at the far address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, TypeAlias

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.pair.raw import IRawPacketProtocol
from zope.interface import implementer

from twisted_netdemo.badwire.model import dns_question
from twisted_netdemo.badwire.model.events import (
    CUT,
    HEAD,
    HEALED,
    Arrived,
    Changed,
    Listener,
    Sent,
    Taken,
)
from twisted_netdemo.badwire.model.flow_table import FlowDirection, FlowTable
from twisted_netdemo.badwire.model.packet import (
    NAMES,
    UDP,
    IPPacket,
    mirror,
    parse,
    verify,
)
from twisted_netdemo.badwire.model.receiver import Receivers
from twisted_netdemo.badwire.model.under_way import NotUnderWay, UnderWay, damage
from twisted_netdemo.faults.figure_texts import FigureError, settled, withFigures
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.link import FlowQueue
from twisted_netdemo.faults.model import Conditions, Fates
from twisted_netdemo.faults.scheduler import Scheduler
from twisted_netdemo.faults.trigger import DIRECTIONS, Direction, Positions
from twisted_netdemo.service.time.clock import monotonic

if TYPE_CHECKING:
    from twisted.pair.tuntap import TuntapPort

_log = Logger()

#: The next packet, or the next one with a payload.
What: TypeAlias = Literal["any", "data"]

# How many addresses are remembered of packets that the wire does not carry.
_ELSEWHERE = 5


class _FlowState:
    """
    What the wire keeps for one direction of a flow.
    """

    __slots__ = ("fates", "isHarmed", "queue", "scheduler")

    def __init__(
        self,
        fates: Fates,
        queue: FlowQueue[UnderWay],
        scheduler: Scheduler[UnderWay],
        isHarmed: bool,
    ) -> None:
        self.fates = fates
        self.queue = queue
        self.scheduler = scheduler
        self.isHarmed = isHarmed


@implementer(IRawPacketProtocol)
class Wire:
    """
    @ivar conditions: how bad each direction is; L{change} changes them.
    @ivar receivers: the receivers of all flows.
    @ivar unread: how many packets the wire did not carry: to other addresses, or malformed.
    @ivar malformed: how many of them were malformed.
    @ivar elsewhere: the first few of the other addresses.
    @ivar refused: how many copies the device did not accept.
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
        flows: Positions | None = None,
    ) -> None:
        """
        @param clock: tells the time and calls later. Events count from now.
        @param impairments: how bad each direction is.
        @param seed: of all random draws.
        @param far: the far addresses, packed.
        @param listeners: the objects that receive the events.
        @param blackouts: the spans in which nothing passes: from and to, in seconds from now.
        @param flows: which flows meet all that, by their numbers from 1 in the order of opening;
            the others travel unharmed. L{None} for all of them.
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
        self._cut: set[Direction] = set()
        self._chosenFlows = flows
        self._good = Conditions(Impairments())
        self._through = Scheduler[UnderWay](self._good, self._clock, self._arrive)
        self._schedulers = {
            each: Scheduler[UnderWay](conditions, self._clock, self._arrive)
            for each, conditions in self.conditions.items()
        }
        self._n = 0
        self._underWay: dict[int, UnderWay] = {}
        self._choices: dict[Direction, Counter[What]] = {each: Counter() for each in DIRECTIONS}

    def addProto(self, num: int, proto: object) -> None:
        """
        Part of L{IRawPacketProtocol}, but no protocol is stacked on the wire.
        """
        raise TypeError("the wire hands its packets back to the kernel")

    @property
    def seconds(self) -> float:
        """
        The seconds since the network was made.
        """
        return self._clock.seconds() - self._start

    @property
    def isIdle(self) -> bool:
        """
        Whether no packet is on its way that is to arrive.
        """
        return not self._underWay

    def change(self, direction: Direction | Literal["both"], figures: Mapping[str, str]) -> None:
        """
        Set some figures, from the next packet on. The others stay as they are.

        Draws depend on neither the figures nor the time: with the same seed, the packets before a
        change and those after it have the fates that they would have had without it, but for
        positions, and for losses in runs. A packet that is under way keeps its time, and later ones
        of its flow wait behind it.

        @param figures: texts by name, as on the command line; an empty text is the default's.
        @raise FigureError: a figure is wrong, or does not go together with those in force. Then
            nothing is changed.
        """
        if not figures:
            raise FigureError("figures", "there are none")
        texts = settled(figures)
        changed = {
            each: withFigures(self.conditions[each].impairments, texts) for each in _each(direction)
        }
        for each, impairments in changed.items():
            self.conditions[each].change(impairments)
        self._tellChange(direction, texts)

    def cut(self, direction: Direction | Literal["both"] = "both") -> None:
        """
        Let nothing set out any more until L{heal}: as in a blackout. Packets that are under way
        still arrive.
        """
        whole = [each for each in _each(direction) if each not in self._cut]
        self._cut.update(whole)
        if whole:
            self._tellChange(direction if len(whole) > 1 else whole[0], CUT)

    def heal(self, direction: Direction | Literal["both"] = "both") -> None:
        """
        End what L{cut} began. The figures stay as they are.
        """
        cut = [each for each in _each(direction) if each in self._cut]
        self._cut.difference_update(cut)
        if cut:
            self._tellChange(direction if len(cut) > 1 else cut[0], HEALED)

    def loseNext(self, direction: Direction, what: What = "any") -> None:
        """
        Lose the next packet in a direction, whatever else would become of it: its fate is
        C{chosen}. A second call before that chooses the one after it, too.

        @param what: C{data} for the next packet with a payload.
        """
        self._choices[direction][what] += 1

    def _isChosen(self, direction: Direction, length: int) -> bool:
        choices = self._choices[direction]
        kinds: tuple[What, ...] = ("data", "any") if length else ("any",)
        for what in kinds:
            if choices[what]:
                choices[what] -= 1
                return True
        return False

    def take(self, n: int) -> None:
        """
        Lose a packet that is under way, with all of its copies. The others keep their times.

        @param n: its number in the log.
        @raise NotUnderWay: it has arrived, was lost as it left, or has not left yet.
        """
        underWay = self._underWay.pop(n, None)
        if underWay is None:
            why = "has not left yet" if n >= self._n else "is no longer under way"
            raise NotUnderWay(f"packet {n} {why}")
        underWay.copies = 0
        event = Taken(self.seconds, n, underWay.sent.flow, underWay.sent.direction)
        for listener in self._listeners:
            listener.taken(event, underWay.packet.data)

    def _tellChange(self, direction: str, figures: Mapping[str, str]) -> None:
        event = Changed(self.seconds, self._n, direction, dict(figures))
        for listener in self._listeners:
            listener.changed(event)

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
        scheduler = state.scheduler
        underWay: UnderWay | None = None
        isQueued = False
        length = len(packet.data) - packet.payload
        if self._isChosen(direction, length):
            words: tuple[str, ...] = ("chosen",)
        elif direction in self._cut or (
            state.isHarmed and any(start <= now < end for start, end in self._blackouts)
        ):
            words = ("blackout",)
        elif fate.outcome.isLost:
            words = fate.outcome.words
        else:
            outcome, damaged = damage(packet, fate)
            words = outcome.words
            isSound = checksum if damaged is packet else verify(damaged)
            underWay = UnderWay(damaged, isSound, outcome.copies)
            isQueued = not scheduler.isOpen(state.queue, fate)
            if isQueued and not scheduler.admit(state.queue, underWay, len(packet.data), fate):
                words, underWay = ("queue",), None
        sent = Sent(
            t=now,
            n=self._n,
            flow=side.flow.number,
            direction=direction,
            protocol=NAMES.get(packet.protocol) or str(packet.protocol),
            version=packet.version,
            source=packet.source,
            destination=packet.destination,
            length=length,
            flags=flags,
            seq=seq,
            ack=ack,
            attempt=attempt,
            fates=words,
            delay=0.0 if underWay is None else fate.delay * 1000,
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
        if underWay is not None:
            underWay.sent = sent
            if isQueued:
                self._underWay[sent.n] = underWay
                scheduler.look()
            else:
                self._arrive(underWay)

    def _pass(self, packet: IPPacket | None) -> None:
        """
        Count a packet that the wire does not carry.
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
        isHarmed = self._chosenFlows is None or self._chosenFlows.hits(flow.number + 1)
        conditions = self.conditions[direction] if isHarmed else self._good
        scheduler = self._schedulers[direction] if isHarmed else self._through
        identity = (flow.protocol, flow.version, flow.port, flow.place, direction)
        return _FlowState(
            Fates(conditions, self._seed, *identity), scheduler.flow(), scheduler, isHarmed
        )

    def makeConnection(self, transport: TuntapPort) -> None:
        """
        The device is open.
        """
        self.transport = transport

    def doStop(self) -> None:
        """
        The device is closed: packets that are on their way never arrive.
        """
        self.transport = None
        self._underWay.clear()
        for scheduler in (*self._schedulers.values(), self._through):
            scheduler.close()

    def _arrive(self, underWay: UnderWay) -> None:
        """
        All copies of a packet reach their receiver.
        """
        self._underWay.pop(underWay.sent.n, None)
        sent, data, now = underWay.sent, mirror(underWay.packet), self.seconds
        for copy in range(underWay.copies):
            if self.transport is None:
                return
            effect, released = self.receivers.arrived(underWay.packet, sent, underWay.isSound)
            event = Arrived(now, sent.n, copy, sent.flow, sent.direction, effect, released)
            for listener in self._listeners:
                listener.arrived(event, data)
            try:
                self.transport.write(data)
            except OSError as error:
                if not self.refused:
                    _log.warn("the device does not take a packet: {error}", error=error.strerror)
                self.refused += 1


def _each(direction: Direction | Literal["both"]) -> tuple[Direction, ...]:
    return DIRECTIONS if direction == "both" else (direction,)


def _asks(packet: IPPacket) -> str | None:
    """
    The record type that a packet asks for, if it is a DNS question.
    """
    if packet.protocol != UDP or dns_question.PORT not in (packet.source, packet.destination):
        return None
    return dns_question.recordType(packet.data[packet.payload :])
