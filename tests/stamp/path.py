"""
A sender, a bad network and a reflector in memory, on one fake clock, and the truth of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.task import Clock

from tests.stamp.arriving import Order, order
from tests.stamp.reflecting import BEGAN, ERROR
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.trigger import Direction
from twisted_netdemo.impair.udp_relay import Relay
from twisted_netdemo.service.addresses import Address
from twisted_netdemo.service.udp.datagram import Outgoing, Stamp
from twisted_netdemo.stamp.packets.key_file import Keys
from twisted_netdemo.stamp.reflector.session_reflector import SessionReflector
from twisted_netdemo.stamp.reflector.sessions import Sessions
from twisted_netdemo.stamp.results.measurement import Measurement, Reordering
from twisted_netdemo.stamp.sender.session_sender import SessionSender
from twisted_netdemo.stamp.sender.settings import Settings
from twisted_netdemo.stamp.session.kernel_clock import ClockError

SENDER: Address = ("192.0.2.1", 40000)
RELAY: Address = ("192.0.2.9", 8620)
REFLECTOR: Address = ("192.0.2.2", 862)


class Port:
    """
    A port whose datagrams go where a test says.
    """

    def __init__(self, number: int, send: Callable[[bytes], None]) -> None:
        self.number = number
        self._send = send

    def send(self, data: bytes, to: Address, source: object = None) -> bool:
        self._send(data)
        return True

    def sendAll(self, datagrams: Sequence[Outgoing], stamp: Stamp | None = None) -> list[int]:
        for data, _, _ in datagrams:
            self._send(data if stamp is None else stamp.on(data))
        return []


@dataclass
class Passed:
    """
    What the truth says of one datagram.

    @ivar sent: the place of each of its copies in the order of leaving.
    @ivar delay: in seconds.
    """

    n: int
    data: bytes
    fates: list[str]
    sent: list[int]
    delay: float


@dataclass
class Truth:
    """
    What impair says that it did.
    """

    up: list[Passed] = field(default_factory=list)
    down: list[Passed] = field(default_factory=list)

    def write(self, line: bytes) -> None:
        """
        Take a line of the truth file.
        """
        record = json.loads(line)
        if "direction" in record:
            passed = Passed(
                record["n"],
                bytes.fromhex(record["head"]),
                record["fates"],
                record["sent"],
                record["delay_ms"] / 1000,
            )
            (self.up if record["direction"] == "up" else self.down).append(passed)

    def flush(self) -> None:
        """
        Nothing waits.
        """

    def close(self) -> None:
        """
        Nothing is open.
        """

    missing = 0


def arrivals(passed: list[Passed], number: Callable[[Passed], int]) -> list[int]:
    """
    The numbers of the copies that left, in the order of leaving.
    """
    copies = [(place, number(each)) for each in passed for place in each.sent]
    return [n for _, n in sorted(copies)]


@dataclass
class Expected:
    """
    What a measurement has to say, worked out from the truth alone.
    """

    lossUp: int
    lossDown: int
    duplicatesUp: int
    duplicatesDown: int
    reorderedUp: Order
    reorderedDown: Order
    fates: list[str]


def expected(truth: Truth, sent: int, authenticated: bool) -> Expected:
    """
    @param sent: how many requests there were.
    """
    at = 48 if authenticated else 24

    def request(each: Passed) -> int:
        return int.from_bytes(each.data[:4], "big")

    def answered(each: Passed) -> int:
        return int.from_bytes(each.data[at : at + 4], "big")

    up = [each for each in truth.up if request(each) < sent]
    down = [each for each in truth.down if answered(each) < sent]
    there = {request(each) for each in up if each.sent}
    back = {answered(each) for each in down if each.sent}
    fates = [
        "received" if n in back else "lost_down" if n in there else "lost_up" for n in range(sent)
    ]
    return Expected(
        lossUp=sent - len(there),
        lossDown=len(there - back),
        duplicatesUp=sum(len(each.sent) for each in up) - len(there),
        duplicatesDown=sum(len(each.sent) - 1 for each in down if each.sent),
        reorderedUp=order(arrivals(up, request)),
        reorderedDown=order(arrivals(down, request)),
        fates=fates,
    )


class Path:
    """
    All three, and the clock.
    """

    def __init__(
        self,
        figures: dict[Direction, Impairments],
        seed: int,
        settings: Settings,
        stateless: bool = False,
        most: int = 0,
        reflects: Callable[[bytes], list[bytes]] | None = None,
        offset: int = 0,
    ) -> None:
        """
        @param reflects: another's reflector, instead of ours.
        @param offset: how far the reflector's clock is ahead, in nanoseconds.
        """
        self.clock = Clock()
        self.settings = settings
        self.truth = Truth()
        self._reflects = reflects
        self._offset = offset
        # by the clock, when each request left and its first answer came
        self.left: dict[int, float] = {}
        self.back: dict[int, float] = {}
        keys = None if settings.key is None else Keys({}, settings.key)
        self.reflector = SessionReflector(
            self.clock,
            None if stateless else Sessions(most),
            keys,
            isBroadcast=lambda host: False,
            now=self._there,
            clockError=ClockError(lambda: ERROR),
        )
        self._back: Callable[[bytes], None] = lambda data: None
        self.reflector.started(Port(862, lambda data: self._back(data)))  # type: ignore[arg-type]  # sends as a port
        self.relay = Relay(figures, seed, self._connect, self.clock, isBroadcast=lambda host: False)
        self.relay.truth = self.truth  # type: ignore[assignment]  # it takes lines as the file does
        self.relay.started(Port(RELAY[1], self._toSender))  # type: ignore[arg-type]  # sends as a port
        self.sender = SessionSender(
            self.clock, RELAY, settings, now=self._here, clockError=ClockError(lambda: ERROR), run=7
        )

    def _here(self) -> int:
        return BEGAN + round(self.clock.seconds() * 1e9)

    def _there(self) -> int:
        return self._here() + self._offset

    def _connect(self, received: Callable[[bytes], None], failed: Any, refused: Any) -> Any:
        self._back = received

        class Connection:
            def send(_, data: bytes) -> bool:
                self._toReflector(data)
                return True

            def dropped(_) -> None:
                return None

            def close(_) -> None:
                pass

        return Connection()

    def _toReflector(self, data: bytes) -> None:
        if self._reflects is not None:
            for reply in self._reflects(data):
                self._back(reply)
            return
        told = ("192.0.2.2", 60, 0)
        self.reflector.datagramsReceived([(data, SENDER, told, self._there())])

    def _toSender(self, data: bytes) -> None:
        at = 24 if self.settings.key is None else 48
        self.back.setdefault(int.from_bytes(data[at : at + 4], "big"), self.clock.seconds())
        self.sender.datagramsReceived([(data, RELAY, ("192.0.2.1", 250, 0), self._here())])

    def _fromSender(self, data: bytes) -> None:
        self.left[int.from_bytes(data[:4], "big")] = self.clock.seconds()
        self.relay.datagramsReceived([(data, SENDER, ("192.0.2.9", 255, 0), self._here())])

    def run(self) -> Measurement:
        """
        The measurement, when all is over.
        """
        results: list[Measurement] = []
        self.sender.finished.addCallback(results.append)
        self.sender.started(Port(SENDER[1], self._fromSender))  # type: ignore[arg-type]  # sends as a port
        while not results:
            calls = self.clock.getDelayedCalls()
            assert calls, "nothing is to come"
            self.clock.advance(
                max(0.0, min(call.getTime() for call in calls) - self.clock.seconds())
            )
        self.relay.stop()
        return results[0]

    def expected(self) -> Expected:
        """
        What it has to say.
        """
        return expected(self.truth, self.settings.count, self.settings.key is not None)


def differences(path: Path, result: Measurement) -> list[str]:
    """
    What a measurement says otherwise than the truth does.
    """
    truth, ways = path.expected(), result.directions

    def order(order: Order) -> Reordering:
        return Reordering(order.reordered, order.reordered / order.first, order.extent, order.n)

    table = {
        "loss up": (ways.lossUp, truth.lossUp),
        "loss down": (ways.lossDown, truth.lossDown),
        "loss": (result.lost, truth.lossUp + truth.lossDown),
        "undecided": (ways.undecided, 0),
        "duplicates up": (ways.duplicatesUp, truth.duplicatesUp),
        "duplicates down": (ways.duplicatesDown, truth.duplicatesDown),
        "reordered up": (result.reorderedUp, order(truth.reorderedUp)),
        "reordered down": (result.reorderedDown, order(truth.reorderedDown)),
        "fates": ([packet.fate for packet in result.packets], truth.fates),
        "sum": (result.sent, result.received + result.late + result.lost),
    }
    wrong = [f"{name}: {said} for {true}" for name, (said, true) in table.items() if said != true]
    for packet in result.packets:
        if packet.rtt is not None:
            trip = (path.back[packet.seq] - path.left[packet.seq]) * 1e6
            if abs(packet.rtt - trip) > 0.5:
                wrong.append(f"round trip of {packet.seq}: {packet.rtt} us for {trip}")
    return wrong
